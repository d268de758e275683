"""Exported models run elsewhere and say the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

import bakeoff
from bakeoff.errors import BakeoffError
from bakeoff.inference.choice import load_model
from bakeoff.inference.export import TOLERANCE, choose_format
from bakeoff.inference.model import Model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def digits(tmp_path_factory, own_cache) -> Model:
    """A model of grey images that were enlarged by bicubic interpolation, then repeated."""
    path = tmp_path_factory.mktemp("digits") / "a.db"
    image = {"image.size": [12, 10], "image.interpolation": "bicubic", "image.scale": 2}
    changes = image | {"epochs": 1, "images_per_class": 20, "validation": 50}
    bakeoff.run(nets="linear", data="digits", changes=changes, store=path, workers=1, quiet=True)
    return load_model("best", path)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_onnx_takes_files_of_any_size_and_number(layout, store, photos, tmp_path):
    model = load_model("lenet-afif", store, ensemble=layout == "nchw")
    written = model.export(tmp_path / "new" / "m.onnx", layout=layout)
    assert written.opset == 18 and written.bytes == written.path.stat().st_size
    assert written.check.are_real and written.check.difference <= TOLERANCE
    session = onnxruntime.InferenceSession(written.path)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == list(model.classes) and facts["layout"] == layout
    for file in list(photos.glob("*/1*.jpg"))[:5]:
        array = np.stack([np.asarray(PIL.Image.open(file))] * 3)
        axes = array if layout == "nhwc" else np.ascontiguousarray(array.transpose(0, 3, 1, 2))
        (found,) = session.run(None, {"images": axes})
        assert found == pytest.approx(np.array([model.predict(file)[0].probabilities] * 3), abs=TOLERANCE)


def test_torch_export_is_loaded_without_bakeoff(store, photos, tmp_path):
    model = load_model("linear", store)
    written = model.export(tmp_path / "m.pt2", layout="nchw")
    module = torch.export.load(written.path).module()
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 3, 41, 37), dtype=np.uint8))
    expected = model.predict([image[0].numpy()])[0].probabilities
    assert module(image)[0].tolist() == pytest.approx(expected, abs=TOLERANCE)


def test_weights_are_a_model_again(store, photos, tmp_path):
    model = load_model("linear", store)
    written = model.export(tmp_path / "m.safetensors")
    assert written.layout is None
    assert load_model(written.path).predict(photos / "warm" / "1.jpg") == model.predict(photos / "warm" / "1.jpg")


def test_images_of_a_built_in_data_set_are_resized_twice(digits, tmp_path):
    check = digits.export(tmp_path / "m.onnx").check
    assert check.are_real and check.pictures > 16 and check.difference <= TOLERANCE
    assert digits.export(tmp_path / "m.pt2").check.difference <= TOLERANCE


def test_random_pictures_where_the_data_are_not_here(store, tmp_path):
    lost = replace(load_model("linear", store), paths=(tmp_path / "away.safetensors",))  # no store knows the images
    check = lost.export(tmp_path / "m.onnx").check
    assert not check.are_real and check.difference <= TOLERANCE


def test_what_differs_is_not_written(store, tmp_path, monkeypatch):
    from bakeoff.inference import export

    monkeypatch.setattr(export, "open_onnx", lambda content: lambda images: np.full((len(images), 2), 0.123))
    with pytest.raises(BakeoffError, match="nothing was written"):
        load_model("linear", store).export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_be_translated_gives_one_sentence(store, tmp_path):
    class Moody(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)[:, :2] * (1 if images.sum() > 0 else 2)

    model = load_model("linear", store)
    moody = replace(model, members=(replace(model.members[0], net=Moody()),))
    for name in ("m.onnx", "m.pt2"):
        with pytest.raises(BakeoffError, match="cannot be exported") as caught:
            moody.export(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_makes_no_sense_is_refused(store, tmp_path):
    model = load_model("linear", store, ensemble=True)
    for path, arguments in [
        ("m.tflite", {}),
        ("m.onnx", {"form": "onix"}),
        ("m.onnx", {"layout": "chwn"}),
        (".", {"form": "onnx"}),
        ("m.safetensors", {}),
    ]:
        with pytest.raises(BakeoffError):
            model.export(tmp_path / path, **arguments)
    with pytest.raises(BakeoffError, match="temperature"):
        replace(load_model("linear", store), temperature=2.0).export(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())
    assert choose_format(Path("a.bin"), "torch-export") == "torch-export"
