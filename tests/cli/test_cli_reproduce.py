import csv
import io
import json
from dataclasses import fields
from pathlib import Path

import pytest

from bakeoff.analysis.ablation import Gain
from bakeoff.analysis.published import PublishedComparison
from bakeoff.store.store import Store
from bakeoff.studies.toml import parse_study

STUDY = """
name = "tiny"
nets = ["lenet-afif", "conv"]
data = ["digits"]
recipe = "quick"
seeds = 2
set = { epochs = 1, images_per_class = 20, validation = 50, "image.scale" = 4 }

[[variants]]
nets = ["lenet-afif"]
set = { epochs = 2 }

[[published]]
net = "lenet-afif"
data = "digits"
test_accuracy = 0.5
class_accuracy = { "3" = 0.8, "9" = 0.9 }
parameters = 203990
seconds = 100
note = "a note"

[[published]]
net = "lenet-afif"
data = "digits"
set = { epochs = 2 }
test_accuracy = 0.6

[[published]]
net = "conv"
data = "digits"
test_accuracy = 0.067
not_reproducible = "it had collapsed"
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(STUDY)
    return str(path)


@pytest.fixture(scope="module")
def reproduced(study, tmp_path_factory, bakeoff):
    """A store with a part of the study, and the output."""
    store = str(tmp_path_factory.mktemp("reproduced") / "a.db")
    return store, bakeoff("reproduce", study, "--nets", "lenet-afif", "--store", store)


class TestReproduce:
    def test_ends_with_measured_beside_published(self, reproduced):
        said = reproduced[1]
        assert said.code == 0
        assert said.err.count("✓") == 4  # two seeds of the cell and of its variant
        rows = [line.split() for line in said.out.splitlines() if line.startswith("digits")]
        assert rows[0][:3] == ["digits", "lenet-afif", "50.00"]
        assert "(epochs=2)" in said.out
        assert "(a) a note" in said.out
        assert "their 95 % prediction interval, mean ±" in " ".join(said.out.split())
        assert "Parameters: 1 of 1 " in said.out
        assert "not run" in said.out.splitlines()[-2]
        assert "conv" not in said.out

    def test_keeps_what_is_there_and_prints_it_again(self, reproduced, study, bakeoff):
        again = bakeoff("reproduce", study, "--nets", "lenet-afif", "--store", reproduced[0])
        assert "4 of 4 runs are already in the store" in again.err
        assert again.out == reproduced[1].out

    def test_marks_what_was_changed(self, study, bakeoff, tmp_path):
        store = str(tmp_path / "b.db")
        arguments = ["--nets", "lenet-afif", "--seeds", "1", "--set", "batch_size=32", "--store", store]
        said = bakeoff("reproduce", study, *arguments)
        assert "(a) batch_size 32 instead of 64" in said.out
        assert "one seed" in said.out
        assert "not judged: one seed" in said.out

    def test_prints_json_with_stable_keys(self, reproduced, study, bakeoff):
        rows = json.loads(bakeoff("reproduce", study, "--nets", "lenet-afif", "--store", reproduced[0], "--json").out)
        assert [list(row) for row in rows] == [[field.name for field in fields(PublishedComparison)]] * len(rows)
        assert {row["verdict"] for row in rows} >= {"for information", "not run"}
        assert next(row for row in rows if row["measure"] == "parameters")["verdict"] == "agrees"

    def test_plans_without_training(self, study, bakeoff, tmp_path):
        said = bakeoff("reproduce", study, "--store", str(tmp_path / "c.db"), "--dry-run")
        assert "plan of 'tiny'" in said.out
        assert "6 runs, 6 of them to do" in said.out
        assert not (tmp_path / "c.db").exists()

    def test_says_that_a_network_is_not_of_the_study(self, bakeoff, tmp_path):
        arguments = ["--nets", "resnet20,conv", "--data", "digits", "--dry-run", "--store", str(tmp_path / "c.db")]
        said = bakeoff("reproduce", "clark2020", *arguments)
        assert said.err.startswith("clark2020 has no resnet20 (did you mean resnet20v1-keras")
        assert "has no conv" not in said.err

    def test_lets_other_data_stand_in_and_says_so(self, study, bakeoff, tmp_path, folder_of_digits):
        store, stand_in = str(tmp_path / "d.db"), f"digits=folder:{folder_of_digits}"
        arguments = ["--nets", "lenet-afif", "--seeds", "1", "--set", "images_per_class=8", "--set", "validation=20"]
        said = bakeoff("reproduce", study, *arguments, "--data-as", stand_in, "--store", store)
        assert said.code == 0, said.err
        assert "data folder:digits instead of digits" in said.out
        again = bakeoff("compare", "--store", store, "--study", study)
        assert again.out == said.out  # the store knows what stood in

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["demo"], "the study 'demo' has no published numbers"),
            (["afif"], "unknown study 'afif': did you mean afif2018"),
            (["afif2018", "--data-as", "cifar10"], "--data-as takes NAME=DATA, such as"),
            (["afif2018", "--data-as", "cifar=folder:x"], "unknown data set of the study 'afif2018' 'cifar': did you"),
            (["clark2020", "--nets", "nin", "--data", "cifar10"], "excludes these networks on cifar10"),
            ([], "Missing argument"),
        ],
    )
    def test_says_what_is_wrong_in_one_sentence(self, arguments, words, bakeoff, tmp_path):
        said = bakeoff("reproduce", *arguments, *(["--store", str(tmp_path / "a.db")] if arguments else []))
        assert said.code == 2
        assert words in said.err
        assert "Traceback" not in said.err
        assert not (tmp_path / "a.db").exists()


@pytest.fixture
def folder_of_digits(tmp_path) -> Path:
    """Some of the digits as an image folder."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for label in range(10):
        folder = tmp_path / "digits" / str(label)
        folder.mkdir(parents=True)
        for number, pixels in enumerate(bunch.images[bunch.target == label][:14]):
            Image.fromarray((pixels * 15).astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "digits"


class TestCompare:
    def test_prints_the_same_again(self, reproduced, study, bakeoff):
        assert bakeoff("compare", "--store", reproduced[0], "--study", study).out == reproduced[1].out

    def test_finds_the_study_in_the_store(self, reproduced, bakeoff):
        assert bakeoff("compare", "--store", reproduced[0]).out == reproduced[1].out

    def test_shows_everything_on_request(self, reproduced, bakeoff):
        said = bakeoff("compare", "--store", reproduced[0], "--all")
        assert "not run" in [line.strip().rpartition("  ")[2] for line in said.out.splitlines()]
        assert "203,990" in said.out
        rows = [line.split() for line in said.out.splitlines() if line.startswith("digits")]
        assert [row[2] for row in rows if len(row) > 8 and row[2] in "39"] == ["3", "9"]

    def test_comes_as_markdown(self, reproduced, bakeoff):
        lines = bakeoff("compare", "--store", reproduced[0], "--format", "markdown").out.splitlines()
        assert "### test accuracy, %" in lines
        assert any(line.startswith("| digits | lenet-afif (epochs=2) | 60.00 |") for line in lines)

    def test_comes_as_csv(self, reproduced, bakeoff):
        text = bakeoff("compare", "--store", reproduced[0], "--format", "csv").out
        rows = list(csv.DictReader(io.StringIO(text)))
        assert list(rows[0]) == [field.name for field in fields(PublishedComparison)]
        assert [row["of_class"] for row in rows if row["measure"] == "class_accuracy"] == ["3", "9"]
        assert rows[-1]["measured"] == ""
        assert rows[-1]["verdict"] == "not run"

    def test_needs_a_study(self, trained, bakeoff):
        said = bakeoff("compare", "--store", trained[0])
        assert said.code == 2
        assert "no study with published numbers was run into" in said.err
        assert bakeoff("compare", "--store", trained[0], "--study", "afif2018").code == 0

    def test_needs_a_store(self, bakeoff, tmp_path):
        assert "no store at" in bakeoff("compare", "--store", str(tmp_path / "a.db")).err

    def test_loads_no_torch(self, reproduced, study):
        import subprocess
        import sys

        code = (
            "import sys; from bakeoff.cli import main; sys.argv = ['bakeoff', *sys.argv[1:]]; main(); "
            "assert 'torch' not in sys.modules"
        )
        arguments = ["compare", "--store", reproduced[0], "--study", study]
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)

    def test_is_a_data_frame_from_python(self, reproduced, study):
        import bakeoff

        frame = bakeoff.compare(reproduced[0], study)
        assert list(frame.columns) == [field.name for field in fields(PublishedComparison)]
        assert frame.equals(bakeoff.compare(reproduced[0]))


class TestAblate:
    ARGUMENTS = ("drop", "--from", "conv", "--data", "digits", "--recipe", "quick", "--scale", "4", "--seeds", "2")

    def test_says_what_each_change_gained(self, bakeoff, tiny_options, tmp_path):
        store = str(tmp_path / "a.db")
        arguments = ["ablate", *self.ARGUMENTS, *tiny_options, "--store", store]
        said = bakeoff(*arguments)
        assert said.code == 0, said.err
        assert said.err.count("✓") == 4
        assert said.out.startswith("digits: from conv ")
        assert "network (a)" in said.out
        assert "(a) drop in place of conv" in said.out
        rows = json.loads(bakeoff(*arguments, "--json").out)
        assert [list(row) for row in rows] == [[field.name for field in fields(Gain)]] * 3
        assert {row["seeds"] for row in rows} == {2}
        assert "| all changes |" in bakeoff(*arguments, "--format", "markdown").out
        assert len(bakeoff(*arguments, "--format", "csv").out.splitlines()) == 4
        with Store(store) as opened:
            recorded = parse_study(opened.studies()[0][2], "the store")
        assert recorded.name == "ablation of drop"

    def test_lists_the_changes_before_training(self, bakeoff, tmp_path, tiny_options):
        arguments = ["ablate", "googlenet-improved", "--from", "googlenet", "--data", "digits", *tiny_options]
        arguments += ["--set", "batch_size=4", "--dry-run", "--store", str(tmp_path / "a.db")]
        said = bakeoff(*arguments)
        assert "digits: from googlenet to googlenet-improved, recipe skoularikis2021" in said.out
        assert "three 3×3 convolutions" in said.out
        assert "Not possible with no change on digits: googlenet needs at least 15×15 pixels" in said.out
        assert "(with image size)" in said.out
        assert (
            json.loads(bakeoff(*arguments, "--dry-run", "--json", "--store", str(tmp_path / "a.db")).out)["runs"] > 10
        )

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["conv", "--from", "conv", "--data", "digits"], "conv and conv do not differ"),
            (["conv", "--from", "drop"], "images to try the changes on"),
            (["conv", "--from", "drob", "--data", "digits"], "unknown network 'drob': did you mean drop"),
            (["conv", "--from", "drop", "--data", "digits", "--recipe", "quik"], "unknown recipe 'quik'"),
            (["conv", "--data", "digits"], "Missing option '--from'"),
        ],
    )
    def test_says_what_is_wrong_in_one_sentence(self, arguments, words, bakeoff, tmp_path):
        said = bakeoff("ablate", *arguments, "--store", str(tmp_path / "a.db"))
        assert said.code == 2
        assert words in said.err
        assert "Traceback" not in said.err


class TestStudies:
    def test_are_listed_with_their_runs_and_time(self, bakeoff):
        rows = {row["study"]: row for row in json.loads(bakeoff("studies", "--json").out)}
        assert (rows["afif2018"]["runs"], rows["skoularikis2021"]["runs"]) == (66, 36)
        assert all(row["estimated_seconds"] > 0 for row in rows.values())
        assert rows["demo"]["estimated_seconds"] < rows["afif2018"]["estimated_seconds"]
        assert "time here" in bakeoff("studies").out

    def test_are_shown_one_by_one(self, bakeoff):
        said = bakeoff("studies", "clark2020")
        assert "Rob Clark" in said.out
        assert "It asks" in said.out
        assert "Known departures" in said.out
        assert "vgg-a (image.scale=5)" in said.out
        facts = json.loads(bakeoff("studies", "clark2020", "--json").out)
        assert {"net": "vgg-a", "data": "cifar10", "recipe": "clark2020", "changes": {"image.scale": 5}} in facts[
            "cells"
        ]
        assert facts["questions"]
        assert bakeoff("studies", "clark").code == 2


def test_more_epochs_continue_shorter_runs(bakeoff, tmp_path):
    arguments = ["run", "--nets", "lenet-afif", "--data", "digits", "--recipe", "clark2020", "--seeds", "2"]
    arguments += ["--scale", "4", "--set", "images_per_class=20", "--store", str(tmp_path / "a.db"), "--json"]
    bakeoff(*arguments, "--epochs", "1")
    longer = bakeoff(*arguments, "--epochs", "3")
    assert "2 runs resumed from shorter runs" in longer.err
    anew = bakeoff(*arguments, "--epochs", "3", "--restart")
    assert "went on" not in anew.err
    accuracies = [json.loads(said.out)[0]["test_accuracy"] for said in (longer, anew)]
    assert accuracies[0] == accuracies[1]
