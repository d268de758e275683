import json
import time
from dataclasses import asdict

import pytest

from bakeoff.audit.conditions import grown_maps
from bakeoff.errors import BakeoffError
from bakeoff.nets import NETS
from bakeoff.nets.summary import parameter_count, summarize
from bakeoff.spec import ImageShape

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
    assert list(facts) == ["net", "images", "classes", "total", "trainable", "non_trainable", "flops", "layers"]
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
