import json

import pytest
from json_keys import KEYS

from bakeoff.store.store import Store
from bakeoff.studies.toml import parse_study


def test_trains_ranks_and_prints_json_for_scripts(trained):
    store, said = trained
    rows = json.loads(said.out)
    assert said.code == 0
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert {row["net"] for row in rows} == {"lenet-afif", "nin"}
    assert all((row["rank"] is None) == (row["flaw"] is not None) for row in rows)
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


def test_times_finished_runs_alone_when_asked(bakeoff, trained, tiny_options):
    store, _ = trained
    asked = ["run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "1", *tiny_options, "--store", store]
    said = bakeoff(*asked, "--timing", "exclusive")
    assert said.code == 0
    assert said.err.count("ms for one image") == 1
    assert "ms for one image" not in bakeoff(*asked, "--timing", "exclusive").err
    assert bakeoff(*asked, "--timing", "alone").code == 2


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
        monkeypatch.setattr("bakeoff.console.estimate.LONG_SECONDS", 0.0)
        steps = {"fp32": 1.0, "bf16": 0.5}
        monkeypatch.setattr("bakeoff.console.estimate.measure_step", lambda *given: steps[given[-1].precision])

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

    def test_that_is_imitated_is_reported(self, bakeoff, tiny_options, monkeypatch, tmp_path):
        monkeypatch.setattr("bakeoff.machine.hardware.has_bf16", lambda device: False)
        arguments = [*self.RUN, *tiny_options, "--precision", "bf16", "--store", str(tmp_path / "a.db")]
        said = bakeoff(*arguments)
        assert said.code == 0
        assert "cpu" in said.err and "bfloat16" in said.err
        with Store(tmp_path / "a.db") as store:
            assert store.results()[0].environment["precision"] == "bf16"


def test_a_failed_run_is_reported_and_stops_nothing(bakeoff, tmp_path, tiny_options):
    path, store = tmp_path / "study.toml", str(tmp_path / "b.db")
    path.write_text(
        'name = "wild"\nnets = ["nin", "lenet-afif"]\ndata = ["digits"]\nseeds = 1\n'
        '[[cells]]\nnets = ["nin"]\nset = {"optimizer.name" = "sgd", "optimizer.lr" = 1e30}\n'
    )
    arguments = ["run", str(path), *tiny_options, "--store", store]
    said = bakeoff(*arguments)
    assert "✗ nin · digits · seed 0: the loss became NaN or infinite in epoch 1 at step" in said.err
    assert "1 run failed" in said.err
    assert "✗ nin · digits · seed 0: the loss became NaN" in said.out
    again = bakeoff(*arguments, "--json")
    assert "1 run failed before: --retry-failed" in again.err
    assert {row["net"]: row["failed"] for row in json.loads(again.out)} == {"nin": 1, "lenet-afif": 0}
    retried = bakeoff(*arguments, "--retry-failed")
    assert "1 run failed" in retried.err


def test_trains_by_the_recipe_modern_and_names_what_was_changed(bakeoff, tmp_path):
    store = str(tmp_path / "a.db")
    changes = ["average=0.9", "augment.policy=trivial", "augment.mixup=0", "clip_norm=none", "images_per_class=20"]
    options = [part for change in [*changes, "validation=50"] for part in ("--set", change)]
    fixed = "run --nets lenet-afif --data digits --recipe modern --seeds 1 --epochs 2"
    asked = [*fixed.split(), *options]
    said = bakeoff(*asked, "--store", store, "--json")
    assert said.code == 0, said.err
    (row,) = json.loads(said.out)
    assert row["recipe"].startswith("modern (augment.mixup=0.0, augment.policy=trivial, average=0.9, clip_norm=none, ")
    assert 0 <= row["test_accuracy"] <= 1
    plan = bakeoff(*asked, "--store", store, "--dry-run", "--json")
    (cell,) = json.loads(plan.out)["cells"]
    assert (cell["already_done"], cell["epochs"]) == (1, 2)
    assert cell["seconds_per_run"] > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("mixup=0.2", "did you mean augment.mixup=0.2?"),
        ("augment.policy=trivail", "did you mean trivial?"),
        ("augment.mixup=-1", ">= 0"),
        ("augment.resized_crop=[1.0, 0.3]", "smaller share first"),
        ("augment.resized_crop=[0.0, 0.3]", "> 0"),
        ("augment.rand_magnitude=31", "<= 30"),
        ("average=1", "< 1"),
        ("clip_norm=0", "> 0"),
        ("layer_decay=1.5", "<= 1"),
        ("freeze=stem", "unknown part of lenet-afif 'stem'"),
        ("head_schedule=cosin", "did you mean cosine?"),
        ("thaw_after=0", ">= 1"),
    ],
)
def test_says_what_is_wrong_with_a_change(bakeoff, tmp_path, change, told):
    asked = ["run", "--nets", "lenet-afif", "--data", "digits", "--recipe", "modern", "--set", change, "--dry-run"]
    said = bakeoff(*asked, "--store", str(tmp_path / "a.db"))
    assert said.code == 2
    assert told in said.err
