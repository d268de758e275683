import pytest
import torch
from torch import nn

import bakeoff.nets
from bakeoff.errors import BakeoffError
from bakeoff.nets import NETS, Net, build
from bakeoff.nets.classifier import classifier_of, classifier_parts, find_classifier, watch_features
from bakeoff.spec.data import ImageShape

WITHOUT_CLASSIFIER = {"lenet5"}
"""Networks whose last layer is not linear."""
SHAPE = ImageShape(3, 32, 32)


@pytest.mark.parametrize("name", sorted(set(NETS) - WITHOUT_CLASSIFIER))
def test_every_network_has_a_last_layer_of_as_many_outputs_as_classes(name):
    side = max(32, NETS[name].smallest)
    shape = ImageShape(3, side, side)
    found = find_classifier(name, shape, 7)
    with torch.device("meta"):
        layer = build(name, shape, 7).get_submodule(found.path)
    assert layer.weight.shape[:2] == (7, found.features)
    assert found.path in found.parts


def test_a_classifier_that_is_not_linear_is_named():
    with pytest.raises(BakeoffError, match=r"the classifier of lenet5 ends in \w+, a RadialBasis"):
        find_classifier("lenet5", ImageShape(1, 28, 28), 10)


def test_auxiliary_classifiers_are_parts_but_not_the_last_layer():
    found = find_classifier("googlenet", ImageShape(3, 64, 64), 10)
    assert found.parts == ("to_end.6", "auxiliary1.dense.3", "auxiliary2.dense.3")
    assert (found.path, found.features) == ("to_end.6", 1024)


def add(monkeypatch, make) -> None:
    monkeypatch.setitem(bakeoff.nets.NETS, "mine", Net(make, "mine", 0, "", 1))
    classifier_parts.cache_clear()
    find_classifier.cache_clear()


class NeedsValues(nn.Sequential):
    def forward(self, x):
        assert float(x.sum()) == 0  # impossible on the meta device
        return super().forward(x)


def test_a_network_that_needs_values_is_looked_at_on_the_cpu(monkeypatch):
    add(monkeypatch, lambda shape, classes: NeedsValues(nn.Flatten(), nn.Linear(3072, 5), nn.Linear(5, classes)))
    assert find_classifier("mine", SHAPE, 10).path == "2"


def test_finding_the_classifier_leaves_the_random_generator_alone():
    find_classifier.cache_clear()
    classifier_parts.cache_clear()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert classifier_of("conv", SHAPE, 10) == "11"
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_that_ignores_the_number_of_classes_has_no_classifier(monkeypatch):
    add(monkeypatch, lambda shape, classes: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)))
    with pytest.raises(BakeoffError, match="mine has no classifier"):
        find_classifier("mine", SHAPE, 10)


def convolutional(shape: ImageShape, classes: int) -> nn.Module:
    maps = nn.Sequential(nn.Conv2d(shape.channels, 6, 3), nn.ReLU(), nn.Conv2d(6, classes, 1))
    return maps.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())


@pytest.mark.parametrize("name", ["conv", "mine"])
def test_the_classifier_turns_the_features_into_the_logits(name, monkeypatch):
    """A convolution, too, if the network only averages its outputs."""
    add(monkeypatch, convolutional)
    shape = ImageShape(1, 32, 32)
    torch.manual_seed(0)
    net, found = build(name, shape, 5).eval(), find_classifier(name, shape, 5)
    layer = net.get_submodule(found.path)
    with torch.no_grad(), watch_features(net, found.path) as seen:
        logits = net(torch.randn(4, 1, 32, 32))
        net(torch.randn(2, 1, 32, 32))
    assert [tuple(part.shape) for part in seen] == [(4, found.features), (2, found.features)]
    torch.testing.assert_close(seen[0] @ layer.weight.flatten(1).T + layer.bias, logits)
    net(torch.randn(2, 1, 32, 32))
    assert len(seen) == 2
