"""The disk space and memory that a plan needs are reported before anything is decoded."""

import json

import numpy as np
import pytest
from PIL import Image

import tiny
from bakeoff.console.needs import memory_bytes
from bakeoff.execution.plan import plan
from bakeoff.execution.worker import Placement
from bakeoff.nets.summary import summarize
from bakeoff.spec.data import ImageShape
from bakeoff.studies.study import Study
from bakeoff.text.formats import byte_size


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate("aaabbb"):
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(noise).resize((400, 300)).save(tmp_path / "photos" / name / f"{number}.jpg")
    return f"folder:{tmp_path / 'photos'}"


def test_a_dry_run_tells_size_fit_disk_and_memory_and_decodes_nothing(bakeoff, photos, tmp_path, monkeypatch):
    asked = [
        "run",
        "--nets",
        "lenet-afif",
        "--data",
        photos,
        "--set",
        "validation=none",
        "--seeds",
        "2",
        "--workers",
        "2",
    ]
    store = ["--store", str(tmp_path / "a.db")]
    with monkeypatch.context() as patched:
        patched.setattr("bakeoff.data.decode.decode", None)
        facts = json.loads(bakeoff(*asked, *store, "--dry-run", "--json").out)
        said = bakeoff(*asked, *store, "--dry-run")
    assert said.code == 0
    (folder,) = facts["folders"]
    assert folder["image"] == {"size": [64, 64], "fit": "crop", "scale": 1, "interpolation": "bilinear"}
    assert (folder["images"], folder["sizes"]) == (6, [[300, 400, 6]])
    assert folder["disk_bytes"] == 2 * 6 * 3 * 64 * 64 < folder["free_bytes"]
    assert facts["memory_bytes"] > 2 * 250e6
    told = " ".join(said.out.split())
    assert "height×width: 300×400 (6); trained on at 64×64, centre-cropped; packing takes 147 kB on the disk" in told
    assert f"Memory: about {byte_size(facts['memory_bytes'])} for all workers" in told
    trained = bakeoff(*asked, *store, "--epochs", "1", "--json")
    assert trained.code == 0
    assert "packed already" in " ".join(bakeoff(*asked, *store, "--dry-run").out.split())


def test_folds_of_a_folder_share_a_pack(bakeoff, photos, tmp_path):
    asked = ["run", "--nets", "lenet-afif", "--data", photos, "--folds", "2", "--set", "validation=none"]
    facts = json.loads(bakeoff(*asked, "--store", str(tmp_path / "a.db"), "--dry-run", "--json").out)
    assert [(folder["data"], folder["images"]) for folder in facts["folders"]] == [("folder:photos", 6)]


def test_a_dry_run_asks_for_a_size_where_a_run_would(bakeoff, photos, tmp_path):
    Image.new("RGB", (50, 60)).save(tmp_path / "photos" / "a" / "other.png")
    asked = [
        "run",
        "--nets",
        "lenet-afif",
        "--data",
        photos,
        "--recipe",
        "clark2020",
        "--store",
        str(tmp_path / "a.db"),
    ]
    told = {bakeoff(*asked, *more).err for more in ([], ["--dry-run"])}
    assert len(told) == 1 and "--size 64" in told.pop()


def test_memory_grows_with_batches_and_workers():
    def needed(batch_size: int, workers: int, average: float = 0.0) -> int:
        changes = {**tiny.DIGITS, "batch_size": batch_size, "average": average}
        study = Study(name="a", nets=("lenet-afif",), data=("digits",), seeds=4, set=changes)
        return memory_bytes(plan(study), Placement(workers, 1))

    assert needed(64, 2) == 2 * needed(64, 1)
    assert needed(64, 8) == 4 * needed(64, 1), "there are four runs"
    assert needed(1024, 1) > needed(64, 1) > 250e6
    weights = summarize("lenet-afif", ImageShape(1, 8, 8), 10).total
    assert needed(64, 1, average=0.9) - needed(64, 1) == 4 * weights, "a copy of them"
