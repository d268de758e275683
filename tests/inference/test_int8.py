"""Networks in 8 bits: what is quantised, what it costs, and what it needs."""

from dataclasses import replace

import numpy as np
import pytest

from bakeoff.errors import BakeoffError
from bakeoff.inference.choice import load_model
from bakeoff.inference.model import Model
from bakeoff.inference.onnx_file import NETWORK, open_onnx
from bakeoff.stats.proportions import paired_difference

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def model(store) -> Model:
    return load_model("lenet-afif", store)


def test_the_network_is_quantised_and_its_preprocessing_is_not(model, photos, tmp_path):
    written = model.export(tmp_path / "m.onnx", int8=True)
    graph = onnx.load(written.path).graph
    made = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    assert len(convolutions) == 4  # the first one stays in float32
    assert not any(made[name].op_type == "DequantizeLinear" for name in convolutions[0].input if name in made)
    assert all(made[name].op_type == "DequantizeLinear" for node in convolutions[1:] for name in node.input[:2])
    resizing = [node for node in graph.node if node.op_type == "MatMul"]
    assert resizing and not any(node.name.startswith(NETWORK) for node in resizing)
    assert not any(made[n].op_type == "DequantizeLinear" for node in resizing for n in node.input if n in made)
    found = written.int8
    assert found.bytes_float32 > written.bytes and found.calibrated_on == 58 and found.images == 16
    assert found.change == pytest.approx(found.accuracy - found.accuracy_float32)
    assert [one.batch for one in found.latency] == [1, 64]
    assert all(one.float32 > 0 and one.int8 > 0 for one in found.latency)
    run = open_onnx(written.path.read_bytes())
    for file in (photos / "warm" / "3.jpg", photos / "cold" / "4.jpg"):
        picture = np.stack([model.decode(file).transpose(1, 2, 0)])
        assert run(picture)[0] == pytest.approx(model.predict(file)[0].probabilities, abs=0.05)


def test_ensembles_are_quantised_too(store, photos, tmp_path):
    both = load_model("lenet-afif", store, ensemble=True)
    written = both.export(tmp_path / "m.onnx", int8=True)
    proto = onnx.load(written.path)
    made = {name: node for node in proto.graph.node for name in node.output}
    layers = [node for node in proto.graph.node if node.op_type in ("Conv", "Gemm")]
    exact = [node for node in layers if made[node.input[0]].op_type != "DequantizeLinear"]
    assert len(layers) == 8 and len(exact) == 2
    file = photos / "warm" / "3.jpg"
    found = open_onnx(written.path.read_bytes())(np.stack([both.decode(file).transpose(1, 2, 0)]))[0]
    assert found == pytest.approx(both.predict(file)[0].probabilities, abs=0.05)


def test_without_the_images_nothing_is_written(model, tmp_path):
    lost = replace(model, paths=(tmp_path / "away.safetensors",))  # no store beside it knows where the images are
    with pytest.raises(BakeoffError, match="training images"):
        lost.export(tmp_path / "m.onnx", int8=True)
    with pytest.raises(BakeoffError, match="format onnx"):
        model.export(tmp_path / "m.pt2", int8=True)
    assert not list(tmp_path.iterdir())


def test_no_path_of_this_machine_is_in_the_file(model, tmp_path):
    import torch

    content = model.export(tmp_path / "m.onnx").path.read_bytes()
    assert str(torch.__file__).rpartition("/")[0].encode() not in content and b"/home/" not in content
    assert model.bundle.data_name.encode() in content


def test_the_interval_of_a_paired_difference():
    low, high = paired_difference(10, 10, 100)
    assert low == -high and 0.08 < high < 0.1
    low, high = paired_difference(0, 0, 10)
    assert low < 0 < high < 0.3
    low, high = paired_difference(30, 2, 200)
    assert 0.08 < low < 0.14 < high < 0.2
    with pytest.raises(ValueError, match="nothing"):
        paired_difference(0, 0, 0)
