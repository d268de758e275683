"""Files that others get hold what is needed, and no folder of this machine."""

import shutil
from pathlib import Path

import msgspec
import pytest

import bakeoff
from bakeoff.errors import BakeoffError
from bakeoff.inference.calibration import calibrated
from bakeoff.inference.choice import load_model
from bakeoff.inference.complete import complete_bundles
from bakeoff.inference.findings import findings_about
from bakeoff.inference.library import list_models
from bakeoff.store.store import Store
from bakeoff.training.bundles import read_description, with_bundle


@pytest.mark.parametrize("suffix", [".safetensors", ".pt2", ".onnx"])
def test_no_folder_of_this_machine_is_in_a_file(suffix, store, photos, tmp_path):
    if suffix == ".onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    model = load_model("lenet-afif", store)
    content = model.export(tmp_path / f"m{suffix}").path.read_bytes() + model.paths[0].read_bytes()
    for folder in (photos.parent, Path.home(), Path(bakeoff.__file__).parent):
        assert str(folder).encode() not in content
    assert photos.name.encode() in content


def test_an_exported_model_takes_the_findings_of_its_store_along(store, tmp_path):
    with Store(store) as opened:
        for one in list_models(opened):
            model = load_model(one.id, store)
            there, seeds = findings_about(one.path, model.bundle)
            path = model.export(tmp_path / f"{one.id}.safetensors").path
            here, none = findings_about(path, read_description(path))
            assert (seeds, none) == (2, 0)
            assert [found.message for found in here] == [found.message for found in there]
            assert {found.kind for found in here} >= {found.kind for found in there}


def test_a_model_beside_its_store_knows_its_images_and_one_elsewhere_looks_in_the_folder(
    store, photos, tmp_path, monkeypatch
):
    beside = calibrated(load_model("lenet-afif", store))
    path = load_model("lenet-afif", store).export(tmp_path / "m.safetensors").path
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BakeoffError, match="calibrate"):
        calibrated(load_model(path))
    (tmp_path / photos.name).symlink_to(photos)
    assert calibrated(load_model(path)).temperature == beside.temperature


def test_models_of_older_versions_lose_the_folder_when_they_are_completed(store, photos, tmp_path):
    copy = tmp_path / "old.db"
    shutil.copy(store, copy)
    shutil.copytree(f"{store}.files", f"{copy}.files")
    for path in Path(f"{copy}.files").glob("*.safetensors"):
        bundle = read_description(path)
        run = msgspec.structs.replace(bundle.run, data=f"folder:{photos}")
        path.write_bytes(with_bundle(path, msgspec.structs.replace(bundle, run=run)))
    old = load_model("lenet-afif", copy)
    assert old.bundle.run.data == f"folder:{photos}" and old.predict(photos / "warm" / "1.jpg")
    with Store(copy) as opened:
        assert [problem for _, problem in complete_bundles(opened)] == [""] * 4
    new = load_model("lenet-afif", copy)
    assert new.bundle.run.data == f"folder:{photos.name}" and new.bundle.run.id == old.bundle.run.id
    assert new.predict(photos / "warm" / "1.jpg") == old.predict(photos / "warm" / "1.jpg")


def test_a_temperature_at_its_limit_is_reported(store, photos, monkeypatch, capsys):
    from bakeoff.cli.calibration import calibrated as calibrated_aloud
    from bakeoff.inference import calibration

    model = load_model("lenet-afif", store)
    monkeypatch.setattr(calibration, "RANGE", (0.99, 1.01))
    calibrated_aloud(model)
    assert "limit" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(calibration, "fit_temperature", lambda logits, labels: 1.3)
    calibrated_aloud(model)
    assert "limit" not in capsys.readouterr().err
