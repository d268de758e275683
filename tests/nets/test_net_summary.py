import json
import time
from dataclasses import asdict

import pytest
import torch

import odd
from bakeoff.analysis.audit.conditions import grown_maps
from bakeoff.errors import BakeoffError
from bakeoff.measure.cost import activation_bytes
from bakeoff.nets import NETS, Net
from bakeoff.nets.summary import parameter_count, summarize
from bakeoff.spec.data import ImageShape

COLOUR = ImageShape(3, 32, 32)


@pytest.mark.parametrize(
    ("name", "images", "classes", "billions"),
    [
        pytest.param("resnet20-b", "3x32x32", 10, 0.04081, id="resnet20-b"),
        pytest.param("inception-v3", "3x299x299", 1000, 5.71, id="inception-v3"),
        *(
            pytest.param(name, "3x224x224", 1000, billions, id=name)
            for name, billions in {
                "alexnet-tv": 0.714,
                "googlenet": 1.498,
                "mobilenetv2": 0.301,
                "resnet18": 1.814,
                "resnet50": 4.089,
                "resnet152": 11.514,
                "squeezenet-1.0": 0.819,
                "squeezenet-1.1": 0.349,
                "vgg16-tv": 15.470,
            }.items()
        ),
    ],
)
def test_published_multiply_adds(name, images, classes, billions):
    """As torchvision documents them."""
    summary = summarize(name, ImageShape.parse(images), classes)
    assert summary.flops / 2 == pytest.approx(billions * 1e9, rel=2e-3)


def test_a_dense_layer_by_hand():
    layers = {layer.name: layer for layer in summarize("lenet-afif", ImageShape(1, 28, 28), 10).layers}
    assert layers["0"].output == (6, 26, 26)
    assert layers["0"].flops == 2 * 9 * 6 * 26 * 26
    assert layers["7"].parameters == 576 * 256 + 256
    assert layers["7"].flops == 2 * 576 * 256


@pytest.mark.parametrize("name", NETS)
def test_layers_add_up(name):
    side = max(32, NETS[name].smallest)
    summary = summarize(name, ImageShape(3, side, side), 10)
    assert summary.total == summary.trainable + summary.non_trainable
    assert summary.total == sum(layer.parameters for layer in summary.layers)
    assert summary.flops == sum(layer.flops for layer in summary.layers)
    grown = grown_maps([asdict(layer) for layer in summary.layers])
    assert bool(grown) == (name == "squeezenet-afif"), "only this one joins its branches along the height"


def test_it_is_written_as_json():
    facts = json.loads(json.dumps(asdict(summarize("conv", ImageShape(1, 28, 28), 10))))
    counts = ["total", "trainable", "non_trainable", "flops", "layers"]
    assert list(facts) == ["net", "images", "classes", *counts, "blanks"]
    assert (facts["net"], facts["images"], facts["total"]) == ("conv", "1x28x28", 93322)
    assert facts["layers"][0] == {
        "name": "0",
        "type": "Conv2d",
        "input": [1, 28, 28],
        "output": [32, 26, 26],
        "parameters": 320,
        "flops": 2 * 9 * 32 * 26 * 26,
    }


def test_layers_that_only_train_have_no_output():
    layers = summarize("googlenet", COLOUR, 10).layers
    assert {layer.name.split(".")[0] for layer in layers if not layer.output} == {"auxiliary1", "auxiliary2"}


def test_the_largest_takes_no_time_and_no_memory():
    start = time.perf_counter()
    assert parameter_count("vgg-e", ImageShape(3, 224, 224), 1000) == 143_667_240
    assert time.perf_counter() - start < 5


def test_too_small_images_are_refused():
    with pytest.raises(BakeoffError, match="squeezenet-afif needs at least 17×17 pixels"):
        summarize("squeezenet-afif", ImageShape(1, 16, 16), 10)


SHAPE = ImageShape(1, 8, 8)


@pytest.fixture
def named(monkeypatch):
    """Make a network known, and return its name."""

    def name(kind) -> str:
        monkeypatch.setitem(NETS, "odd", Net(kind, "own", 2026, "a test", 1))
        return "odd"

    return name


class TestNetworksThatCannotRunOnTheMetaDevice:
    @pytest.mark.parametrize("kind", [odd.Item, odd.Numpy])
    def test_are_counted_on_the_processor(self, named, kind):
        found = summarize(named(kind), SHAPE, 3)
        assert found.flops == 2 * 9 * 4 * 64 + 2 * 4 * 64 * 3
        assert [(layer.name, layer.flops) for layer in found.layers] == [("features", 4608), ("classify", 1536)]
        assert (found.total, found.blanks) == (4 * 9 + 4 + 256 * 3 + 3, {})
        assert activation_bytes("odd", SHAPE, 3) > 64 * 4

    def test_leave_a_blank_where_they_fail_there_too(self, named):
        found = summarize(named(odd.ByImages), SHAPE, 3)
        assert (found.flops, found.layers, found.total) == (None, (), 4 * 9 + 4 + 256 * 3 + 3)
        assert found.blanks == dict.fromkeys(["flops", "layers"], "ValueError: five images at least")

    def test_may_be_recurrent_or_attend(self, named):
        """Fused kernels hide their products from the counter: both devices must give the same."""
        for kind, same in ((odd.Recurrent, odd.NumpyRecurrent), (odd.Attentive, odd.ItemAttentive)):
            on_meta, on_cpu = (summarize(named(one), SHAPE, 3) for one in (kind, same))
            assert on_meta.flops == on_cpu.flops > 0
            assert on_meta.layers == on_cpu.layers
        products = 2 * 8 * (8 * 24 + 6 * 24)
        read = summarize(named(odd.NumpyRecurrent), SHAPE, 3).layers[0]
        assert (read.type, read.input, read.output, read.flops) == ("LSTM", (8, 8), (8, 6), products)

    def test_leave_the_generator_alone(self, named):
        before = torch.get_rng_state()
        summarize(named(odd.Item), SHAPE, 3)
        parameter_count("odd", SHAPE, 3)
        assert (torch.get_rng_state() == before).all()
