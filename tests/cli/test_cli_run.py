import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from bakeoff.store.store import Store
from bakeoff.studies.toml import parse_study

KEYS = [
    "data", "recipe", "rank", "net", "test_accuracy", "test_accuracy_sd", "test_accuracy_low", "test_accuracy_high",
    "interval", "seeds", "planned", "failed", "selection", "test_loss", "parameters", "flops", "train_seconds",
    "images_per_second", "parameters_are", "runs", "failures", "version", "validation_accuracy",
    "ranked_by", "findings",
]  # fmt: skip


def test_trains_ranks_and_prints_json_for_scripts(trained):
    store, said = trained
    rows = json.loads(said.out)
    assert said.code == 0
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert {row["net"] for row in rows} == {"lenet-afif", "nin"}
    assert [row["rank"] for row in rows] == [1, 2]
    assert all((row["seeds"], row["planned"], row["failed"]) == (2, 2, 0) for row in rows)
    assert rows[0]["recipe"] == "quick (epochs=2, images_per_class=20, validation=50)"
    assert rows[0]["test_accuracy"] >= rows[1]["test_accuracy"]
    assert "on the test images" in said.err
    assert f"bakeoff report --store {store}" in said.err


def test_shows_epochs_as_plain_lines_where_there_is_no_terminal(trained):
    lines = [line for line in trained[1].err.splitlines() if "epoch 2/2" in line]
    assert len(lines) == 4
    assert "\x1b" not in trained[1].err
    assert "img/s" in lines[0]


def test_keeps_what_is_there_and_does_what_is_missing(bakeoff, trained, tiny_options):
    store, _ = trained
    arguments = ["--data", "digits", *tiny_options, "--store", store]
    same = bakeoff("run", "--nets", "lenet-afif,nin", "--seeds", "2", *arguments)
    assert same.code == 0
    assert "4 of 4 runs are already in the store" in same.err
    assert "epoch" not in same.err
    assert "digits, recipe quick (epochs=2" in same.out
    assert any(line.startswith("Audit: ") and f"bakeoff audit --store {store}" in line for line in same.out.split("\n"))
    one = bakeoff("run", "--nets", "lenet-afif", "--seeds", "1", *arguments)
    assert "1 of 1 run is already in the store" in one.err


def test_tests_finished_runs_on_corrupted_images_when_asked(bakeoff, trained, tiny_options):
    store, _ = trained
    asked = ["run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "1", *tiny_options, "--store", store]
    said = bakeoff(*asked, "--robustness")
    assert said.code == 0
    assert "1 of 1 run is already in the store" in said.err
    assert said.err.count("% on corrupted test images") == 1
    with Store(store) as opened:
        assert sum("robustness" in result.measures for result in opened.results()) == 1
    assert "corrupted" not in bakeoff(*asked, "--robustness").err


def test_notes_what_was_asked(trained):
    with Store(trained[0]) as store:
        (_, command, study), *_ = store.studies()
    assert command.startswith("bakeoff run --nets lenet-afif,nin --data digits --seeds 2 --epochs 2 --set images_per")
    assert parse_study(study, "stored").nets == ("lenet-afif", "nin")


def test_takes_a_study_file_that_options_change(bakeoff, tmp_path, tiny_options):
    path, store = tmp_path / "study.toml", tmp_path / "b.db"
    path.write_text('name = "mine"\nnets = ["conv"]\ndata = ["digits"]\nseeds = 5\n[set]\n"image.scale" = 4\n')
    options = ["--nets", "lenet-afif", "--seeds", "1", *tiny_options, "--store", str(store)]
    (row,) = json.loads(bakeoff("run", str(path), *options, "--json").out)
    assert (row["net"], row["planned"]) == ("lenet-afif", 1)
    assert row["recipe"] == "quick (epochs=2, image.scale=4, images_per_class=20, validation=50)"
    with Store(store) as opened:
        assert opened.studies()[0][2].startswith('name = "mine"')


class TestDryRun:
    def test_prints_the_plan_and_trains_nothing(self, bakeoff, tmp_path):
        store = tmp_path / "b.db"
        said = bakeoff("run", "--dry-run", "--json", "--seeds", "2", "--store", str(store))
        plan = json.loads(said.out)
        assert (plan["study"], plan["runs"], plan["left"]) == ("demo", 8, 8)
        assert plan["workers"] >= 1
        assert plan["estimated_seconds"] > 0
        assert [cell["net"] for cell in plan["cells"]] == ["lenet-afif", "conv", "drop", "resnet20"]
        assert all(cell["seconds_per_run"] > 0 and cell["epochs"] == 8 for cell in plan["cells"])
        assert not store.exists()

    @pytest.mark.parametrize("command", ["run", "reproduce", "ablate", "dial"])
    def test_needs_no_data(self, command, bakeoff, tmp_path, monkeypatch):
        monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "none"))
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
        asked = {
            "run": ["run", "--nets", "lenet-afif", "--data", "mnist~contrast=0.5"],
            "reproduce": ["reproduce", "afif2018", "--nets", "lenet-afif", "--data", "mnist"],
            "ablate": ["ablate", "drop", "--from", "conv", "--data", "mnist"],
            "dial": ["dial", "mnist", "--turn", "classes", "--steps", "2", "--nets", "lenet-afif"],
        }[command]
        said = bakeoff(*asked, "--dry-run", "--json", "--store", str(tmp_path / "a.db"))
        plan = json.loads(said.out)
        assert all(name.startswith("mnist") for name in plan["to_fetch"]) and plan["to_fetch"]
        assert plan["left"] == plan["runs"] > 0 and plan["estimated_seconds"] > 0
        assert not list(tmp_path.rglob("*.gz"))

    def test_sees_what_would_fail(self, bakeoff, tmp_path, trained, tiny_options):
        asked = ["run", "--data", "digits", "--dry-run", "--store", str(tmp_path / "a.db")]
        both = bakeoff(*asked, "--nets", "conv,drop").err
        assert "conv needs at least" in both and "drop needs at least" in both and both.count("\n") == 1
        (tmp_path / "net.py").write_text(
            "from torch import nn\n"
            "class Net(nn.Module):\n"
            "    def __init__(self, images, classes):\n"
            "        super().__init__()\n"
            "        self.last = nn.Linear(images.height * images.width, classes)\n"
            "    def forward(self, x):\n"
            "        return self.last(x.flatten(1)).detach()\n"
        )
        said = bakeoff(*asked, "--nets", f"{tmp_path}/net.py")
        assert said.code == 2 and "Net@" in said.err
        assert bakeoff(*asked[:-1], "absent/a.db", "--nets", "lenet-afif").code == 2
        assert bakeoff(*asked, "--nets", "lenet-afif", "--device", "cuda:7").code == 2
        store = tmp_path / "copy.db"
        shutil.copyfile(trained[0], store)  # without its weights
        known = ["run", "--nets", "nin", "--data", "digits", "--seeds", "1", *tiny_options, "--store", str(store)]
        warned = json.loads(bakeoff(*known, "--robustness", "--dry-run", "--json").out)
        assert "weights" in warned["warnings"][0] and "--restart" in warned["warnings"][0]

    def test_says_when_memory_may_be_short(self, bakeoff, tmp_path, monkeypatch):
        free = SimpleNamespace(available=10)
        monkeypatch.setattr("psutil.virtual_memory", lambda: free)
        asked = ["run", "--nets", "lenet-afif", "--data", "digits", "--dry-run", "--store", str(tmp_path / "a.db")]
        assert "use fewer --workers" in bakeoff(*asked).out

    @pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
    def test_sees_a_store_that_cannot_be_written(self, bakeoff, tmp_path):
        tmp_path.chmod(0o500)
        said = bakeoff("run", "--dry-run", "--store", str(tmp_path / "a.db"))
        tmp_path.chmod(0o700)
        assert said.code == 2 and "cannot make the store" in said.err

    def test_counts_what_is_in_the_store(self, bakeoff, trained, tiny_options):
        arguments = ["run", "--nets", "lenet-afif,nin", "--data", "digits", "--seeds", "3", *tiny_options]
        said = bakeoff(*arguments, "--store", trained[0], "--dry-run")
        assert "6 runs, 2 of them to do: about 0:0" in said.out
        assert "Estimated by timing a few training steps" in said.out


class TestOwnNetworks:
    """From a file, in processes of their own, resumed although the file has changed."""

    TEXT = (
        "from torch import nn\n"
        "def mine(images, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(images.height * images.width, classes))\n"
    )

    def test_are_trained_like_any(self, bakeoff, tmp_path, tiny_options):
        path, store = tmp_path / "net.py", tmp_path / "a.db"
        path.write_text(self.TEXT)
        options = ["--data", "digits", *tiny_options, "--scale", "4", "--seeds", "1", "--store", str(store)]
        rows = json.loads(bakeoff("run", "--nets", f"{path},lenet-afif", *options, "--json").out)
        own = next(row for row in rows if row["net"].startswith("mine@"))
        assert own["parameters"] == 32 * 32 * 10 + 10 and own["seeds"] == 1
        (kept,) = store.with_name("a.db.files").glob("mine@*.py")
        assert kept.read_text() == self.TEXT
        assert "1 of 1 run is already in the store" in bakeoff("run", "--nets", f"{path}:mine", *options).err
        path.write_text(self.TEXT + "# edited\n")
        (edited,) = json.loads(bakeoff("run", "--nets", str(path), *options, "--json").out)
        assert edited["net"].startswith("mine@") and edited["net"] != own["net"]
        assert bakeoff("report", "--store", str(store), "-o", str(tmp_path / "r.html")).code == 0

    def test_are_shown(self, bakeoff, tmp_path):
        (tmp_path / "net.py").write_text(self.TEXT)
        said = bakeoff("show", f"{tmp_path}/net.py", "--images", "1x8x8", "--json")
        assert json.loads(said.out)["total"] == 650
        wrong = bakeoff("show", f"{tmp_path}/net.py", "--images", "3x8x8")
        assert wrong.code == 2 and "fails on 3x8x8 images" in wrong.err


class TestBfloat16:
    RUN = ("run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "1")

    @pytest.fixture
    def long(self, monkeypatch):
        """Plans of a moment count as long, and half as long in bfloat16."""
        monkeypatch.setattr("bakeoff.cli.dry_run.LONG_SECONDS", 0.0)
        steps = {"fp32": 1.0, "bf16": 0.5}
        monkeypatch.setattr("bakeoff.cli.dry_run.measure_step", lambda *given: steps[given[-1].precision])

    def test_is_offered_where_it_is_faster(self, bakeoff, long, monkeypatch, tmp_path):
        monkeypatch.setattr("bakeoff.machine.hardware.has_bf16", lambda device: True)
        arguments = [*self.RUN, "--dry-run", "--store", str(tmp_path / "a.db")]
        plan = json.loads(bakeoff(*arguments, "--json").out)
        assert plan["estimated_seconds_in_bf16"] == plan["estimated_seconds"] / 2
        assert "(--precision bf16), about 3:20" in bakeoff(*arguments).out
        assert "--precision" not in bakeoff(*arguments, "--precision", "bf16").out

    def test_is_not_offered_where_it_is_imitated(self, bakeoff, long, monkeypatch, tmp_path):
        monkeypatch.setattr("bakeoff.machine.hardware.has_bf16", lambda device: False)
        arguments = [*self.RUN, "--dry-run", "--store", str(tmp_path / "a.db")]
        assert json.loads(bakeoff(*arguments, "--json").out)["estimated_seconds_in_bf16"] is None
        assert "--precision" not in bakeoff(*arguments).out

    def test_that_is_imitated_is_told(self, bakeoff, tiny_options, monkeypatch, tmp_path):
        monkeypatch.setattr("bakeoff.machine.hardware.has_bf16", lambda device: False)
        arguments = [*self.RUN, *tiny_options, "--precision", "bf16", "--store", str(tmp_path / "a.db")]
        said = bakeoff(*arguments)
        assert said.code == 0
        assert "This cpu imitates bfloat16" in said.err
        with Store(tmp_path / "a.db") as store:
            assert store.results()[0].environment["precision"] == "bf16"


def test_a_failed_run_is_told_and_ends_nothing(bakeoff, tmp_path, tiny_options):
    path, store = tmp_path / "study.toml", str(tmp_path / "b.db")
    path.write_text(
        'name = "wild"\nnets = ["nin", "lenet-afif"]\ndata = ["digits"]\nseeds = 1\n'
        '[[cells]]\nnets = ["nin"]\nset = {"optimizer.name" = "sgd", "optimizer.lr" = 1e30}\n'
    )
    arguments = ["run", str(path), *tiny_options, "--store", store]
    said = bakeoff(*arguments)
    assert "✗ nin · digits · seed 0: the loss became NaN or infinite in epoch 1 at step" in said.err
    assert "1 run failed: `bakeoff results` names it" in said.err
    assert "✗ nin · digits · seed 0: the loss became NaN" in said.out
    again = bakeoff(*arguments, "--json")
    assert "1 run had failed before: --retry-failed tries it again" in again.err
    assert {row["net"]: (row["rank"], row["failed"]) for row in json.loads(again.out)} == {
        "nin": (None, 1),
        "lenet-afif": (1, 0),
    }
    retried = bakeoff(*arguments, "--retry-failed")
    assert "1 run failed" in retried.err


@pytest.fixture
def long_run(tmp_path, own_cache):
    """A command that would take minutes, started as a user would, in a process group of its own."""
    store = tmp_path / "c.db"
    command = [sys.executable, "-m", "bakeoff", "run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "1"]
    command += ["--set", "images_per_class=20", "--set", "validation=50", "--set", "schedule=constant"]
    command += ["--store", str(store), "--epochs"]
    with subprocess.Popen(
        [*command, "100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process, store, command
        if process.poll() is None:
            process.kill()


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(long_run, bakeoff):
    """A terminal sends it to every process of the group; only the parent acts on it."""
    process, store, command = long_run
    for line in process.stderr:
        if "epoch 3/" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().endswith("Stopped. What was finished is kept; the same command goes on from there.")
    assert "Traceback" not in err
    assert out == ""
    with Store(store) as opened:
        (stopped,) = opened.results()
    assert stopped.state == "waiting"
    assert [epoch.epoch for epoch in stopped.epochs] == list(range(1, len(stopped.epochs) + 1))
    said = bakeoff(*command[3:], "100000", "--dry-run", "--json")
    assert json.loads(said.out)["left"] == 1


def test_ctrl_c_before_anything_is_trained_is_quiet(tmp_path, own_cache):
    command = [sys.executable, "-m", "bakeoff", "run", "--store", str(tmp_path / "d.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        time.sleep(1.5)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert b"Traceback" not in err


@pytest.fixture(scope="module")
def settling(tmp_path_factory, own_cache, tiny_options):
    """A race of two networks."""
    store = str(tmp_path_factory.mktemp("settled") / "a.db")
    race = ["--until-settled", "lenet-afif,nin", "--seeds", "2", "--max-seeds", "5"]
    return ["run", *race, "--data", "digits", *tiny_options, "--store", store]


class TestUntilSettled:
    def test_adds_seeds_and_says_how_it_ended(self, bakeoff, settling):
        planned = json.loads(bakeoff(*settling, "--dry-run", "--json").out)
        assert (planned["until_settled"], planned["seeds"], planned["max_seeds"]) == (["lenet-afif", "nin"], 2, 5)
        assert (planned["runs"], planned["settled"]) == (10, [])
        said = bakeoff(*settling, "--json")
        told = json.loads(said.out)
        (settled,) = told["settled"]
        assert list(told["ranking"][0]) == KEYS
        assert settled["seeds"] == told["ranking"][0]["seeds"] > 2
        assert "digits: open after 2 seeds, too few for an interval" in said.err
        assert "Round 2: seed 2" in said.err

    def test_again_it_trains_nothing_and_says_the_same(self, bakeoff, settling):
        said = bakeoff(*settling)
        assert said.code == 0
        assert "epoch" not in said.err
        assert "hold however often one looks" in said.out
        assert "digits: " in bakeoff(*settling, "--dry-run").out

    def test_a_limit_without_a_race_is_told(self, bakeoff):
        said = bakeoff("run", "--max-seeds", "5")
        assert (said.code, said.out) == (2, "")
        assert "--max-seeds goes with --until-settled A,B" in said.err
