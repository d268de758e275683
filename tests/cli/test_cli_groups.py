"""Groups of images on the command line."""

import json

import msgspec
import numpy as np
import pytest
from PIL import Image

from bakeoff.data import load_dataset
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import plan
from bakeoff.execution.session import choose_study
from bakeoff.store.store import Store
from bakeoff.studies.toml import parse_study

BY_PLANT = r"(?P<group>\d+)_"


@pytest.fixture(scope="module")
def plants(tmp_path_factory):
    """Ten plants of two kinds, six pictures of each."""
    folder, random = tmp_path_factory.mktemp("groups") / "plants", np.random.default_rng(0)
    for i in range(60):
        path = folder / "ab"[i // 6 % 2] / f"{i // 6}_{i % 6}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
    return f"folder:{folder}"


def test_runs_with_and_without_groups_share_no_id(plants):
    study = choose_study(None, StudyOptions(nets="conv", data=plants, seeds=1, changes={"image.size": [20, 20]}))
    ids = [{run.id for run in plan(msgspec.structs.replace(study, groups=groups)).runs} for groups in ("", BY_PLANT)]
    assert ids[0] and ids[1] and not ids[0] & ids[1]


def test_describes_the_groups(bakeoff, plants):
    said = json.loads(bakeoff("data", plants, "--groups", BY_PLANT, "--json").out)
    assert said["splits"]["test"]["images"] == 12
    assert said["name"] == rf"folder:plants~groups={BY_PLANT}"


def test_a_dial_turns_a_grouped_data_set(bakeoff, plants, tmp_path):
    store = str(tmp_path / "a.db")
    options = ["--nets", "conv", "--seeds", "1", "--epochs", "1", "--store", store]
    said = bakeoff("dial", plants, "--turn", "contrast", "--levels", "1,0.5", "--groups", BY_PLANT, *options, "--json")
    assert said.code == 0, said.err
    (curve,) = json.loads(said.out)
    assert curve["levels"] == [1.0, 0.5]
    with Store(tmp_path / "a.db") as opened:
        assert {r.run.data for r in opened.results()} == {
            f"{plants}~groups={BY_PLANT}{dialled}" for dialled in ("", "~contrast=0.5")
        }


def test_a_study_file_may_name_the_groups(plants):
    study = parse_study(f"name = 's'\nnets = ['conv']\ndata = ['{plants}']\ngroups = '{BY_PLANT}'\n", "here")
    train, test = (
        set(split.groups) for split in (load_dataset(study.used(plants)).train, load_dataset(study.used(plants)).test)
    )
    assert train and test and not train & test


@pytest.mark.parametrize("turned", ["", "~contrast=0.5"])
def test_sub_folders_of_the_same_names_in_each_class_may_be_groups(turned, bakeoff, tmp_path):
    random = np.random.default_rng(0)
    for i in range(60):
        path = tmp_path / "scans" / "ab"[i % 2] / f"patient{i // 6}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
    name = f"folder:{tmp_path / 'scans'}{turned}"
    said = bakeoff("data", name)
    assert said.code == 2 and "--groups" in said.err
    said = bakeoff("data", name, "--groups", r"patient\d+", "--json")
    assert said.code == 0, said.err
    described = json.loads(said.out)
    assert described["splits"]["test"]["images"] == 12 and described["nesting"] is None
    options = ["--nets", "linear", "--epochs", "1", "--seeds", "1", "--store", str(tmp_path / "a.db")]
    said = bakeoff("run", "--data", name, "--groups", r"patient\d+", *options)
    assert said.code == 0, said.err


def test_says_which_files_tell_no_group(bakeoff, plants):
    said = bakeoff("run", "--nets", "conv", "--data", plants, "--groups", r"(\d+)-", "--dry-run")
    assert said.code != 0
    assert "60 of 60" in said.err


@pytest.mark.parametrize("command", [["run", "--nets", "conv", "--data"], ["data"]])
def test_refuses_an_empty_text(command, bakeoff, plants):
    said = bakeoff(*command, plants, "--groups", "")
    assert said.code == 2 and "leave it out" in said.err


def test_own_splits_that_share_groups_are_reported(bakeoff, tmp_path):
    random = np.random.default_rng(0)
    for i in range(24):
        path = tmp_path / "own" / ("train", "test")[i % 3 == 0] / "ab"[i % 2] / f"{i // 4}_{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
    said = bakeoff("data", f"folder:{tmp_path / 'own'}", "--groups", BY_PLANT)
    assert "groups: 6; the largest, 0, has 4 images" in said.out
    assert "6 groups have images in both train and test" in said.out
