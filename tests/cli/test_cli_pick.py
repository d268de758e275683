import json
import shutil
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from bakeoff.analysis.pick.record import read_records
from bakeoff.spec.paths import files_folder
from bakeoff.store.store import Store

SMALL = ("--epochs", "4", "--set", "images_per_class=20", "--set", "validation=50", "--scale", "4", "--workers", "1")
NETS = ("--nets", "linear,lenet-afif")


@pytest.fixture(scope="module")
def contest(tmp_path_factory, bakeoff):
    """A finished contest: its store, and what it printed."""
    store = tmp_path_factory.mktemp("pick") / "a.db"
    begin = time.monotonic()
    said = bakeoff("pick", "digits", *NETS, *SMALL, "--budget", "60s", "--store", str(store), "--json")
    assert said.code == 0, said.err
    return store, json.loads(said.out), time.monotonic() - begin


def test_names_a_winner_with_its_probability_and_its_test_accuracy(contest):
    _, answer, seconds = contest
    winner, other = answer["standings"]
    assert {winner["net"], other["net"]} == {"linear", "lenet-afif"}
    assert winner["best"] + other["best"] == pytest.approx(1.0)
    assert winner["best"] >= other["best"]
    assert winner["test_low"] < winner["test_accuracy"] < winner["test_high"]
    assert winner["epochs"] == winner["full_epochs"] == 4
    assert Path(answer["weights"]).is_file()
    assert answer["seconds"] <= seconds <= 60


def test_evaluates_the_test_images_of_those_that_may_be_the_best_only(contest):
    path, answer, _ = contest
    tested = {run for one in answer["standings"] if one["test_accuracy"] is not None for run in one["runs"]}
    with Store(path) as store:
        assert {result.id for result in store.results() if result.state == "done"} == tested
        assert all(result.epochs for result in store.results())


def test_lengthens_trainings_instead_of_repeating_them(contest):
    path, _, _ = contest
    with Store(path) as store:
        epochs = {(r.run.net, r.run.seed, r.run.recipe.epochs): r.epochs for r in store.results()}
    lengths = sorted(length for net, seed, length in epochs if (net, seed) == ("lenet-afif", 0))
    assert lengths == [1, 2, 4]
    assert epochs["lenet-afif", 0, 2][:1] == epochs["lenet-afif", 0, 4][:1]  # seconds included


def test_continues_from_what_there_is(contest, bakeoff):
    path, answer, _ = contest
    said = bakeoff("pick", "digits", *NETS, *SMALL, "--budget", "60s", "--store", str(path), "--json")
    again = json.loads(said.out)
    assert again["standings"][0]["runs"] == answer["standings"][0]["runs"]
    cost, so_far = ({one["name"]: one["seconds"] for one in each["standings"]} for each in (answer, again))
    assert all(so_far[name] >= cost[name] > 0 for name in cost)
    assert "epoch" not in said.err


def test_learns_from_other_stores_what_to_try_first(contest, tmp_path, bakeoff):
    path, answer, _ = contest
    assert "bakeoff's own results" in answer["order"] and "digits" in answer["order"]
    more = ("--epochs", "3", "--budget", "1s", "--store", str(tmp_path / "b.db"), "--json")
    said = bakeoff("pick", "digits", *NETS, *SMALL, *more, "--learn-from", str(path))
    assert str(path) in json.loads(said.out)["order"]
    said = bakeoff("pick", "digits", *NETS, *more, "--learn-from", str(tmp_path / "none.db"))
    assert said.code == 2 and f"--learn-from {tmp_path / 'none.db'} does not exist" in said.err


def test_the_page_shows_the_contest(contest):
    path, answer, _ = contest
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert answer["page"] == str(path.with_suffix(".html"))
    section = page.partition('<section id="contest"')[2].partition("</section>")[0]
    assert all(one["name"] in section for one in answer["standings"])
    assert f"{100 * answer['standings'][0]['test_accuracy']:.2f}" in section


def test_keeps_what_happened_when(contest):
    path, answer, _ = contest
    (record,) = read_records(path)
    seconds = [one.seconds for one in record.moments]
    assert seconds == sorted(seconds) and len(seconds) >= 4
    assert {one.candidate for one in record.moments} == {one["name"] for one in answer["standings"]}
    assert all(sum(one.best.values()) == pytest.approx(1.0) for one in record.moments)
    last = next(one for one in reversed(record.moments) if one.kind == "trained")
    assert last.best == {one["name"]: one["best"] for one in answer["standings"]}


def test_tunes_the_winner(tmp_path, bakeoff):
    pytest.importorskip("optuna")
    fixed = ("optimizer.lr=0.01", "optimizer.weight_decay=0.05", "label_smoothing=0", "augment.shift=0")
    changes = [part for change in (*fixed, "augment.rotation=0", "epochs=2") for part in ("--set", change)]
    where = ("--budget", "150s", "--store", str(tmp_path / "b.db"), "--json")
    said = bakeoff("pick", "digits", "--nets", "linear", *SMALL, *changes, "--tune", *where)
    assert said.code == 0, said.err
    tuned = json.loads(said.out)["tuned"]
    assert tuned["name"] == "linear" and tuned["trials"] == 3
    assert set(tuned["changes"]) <= {"batch_size"}
    assert bool(tuned["changes"]) == (tuned["test_accuracy"] is not None)


def test_checkpoints_that_no_contest_continues_are_freed(contest, tmp_path, bakeoff):
    path, answer, _ = contest
    store = tmp_path / "a.db"
    shutil.copy(path, store)
    shutil.copytree(path.with_name("a.db.files"), tmp_path / "a.db.files")
    done = json.loads(bakeoff("store", "compact", str(store), "--json").out)
    assert done["deleted_bytes"] > 0
    left = {file.stem for file in (tmp_path / "a.db.files").glob("*.pt")}
    with Store(store) as opened:
        results = {result.id: result for result in opened.results()}
    assert all(results[one].run.recipe.epochs == 4 for one in left)
    again = bakeoff("pick", "digits", *NETS, *SMALL, "--budget", "60s", "--store", str(store), "--json")
    assert json.loads(again.out)["standings"][0]["runs"] == answer["standings"][0]["runs"]
    assert "epoch" not in again.err


def test_says_it_in_words(contest, bakeoff):
    path, answer, _ = contest
    said = bakeoff("pick", "digits", *NETS, *SMALL, "--budget", "60s", "--store", str(path))
    assert answer["standings"][0]["net"] in said.out.splitlines()[0] and "%" in said.out.splitlines()[0]
    assert answer["weights"] in said.out
    assert f"Page: {path.with_suffix('.html')}" in said.out


def test_names_the_data_set_of_best_if_the_store_has_several(contest, tmp_path, bakeoff):
    path, answer, _ = contest
    copy = tmp_path / "a.db"
    shutil.copy(path, copy)
    shutil.copytree(files_folder(path), files_folder(copy))
    again = ("pick", "digits", *NETS, *SMALL, "--budget", "60s", "--store", str(copy))
    assert "--data" not in bakeoff(*again).err.partition("Use it:")[2]
    other = ("--data", "digits~contrast=0.5", "--nets", "linear", "--seeds", "1", *SMALL, "--store", str(copy))
    assert bakeoff("run", *other).code == 0
    assert "--data digits" in bakeoff(*again).err.partition("Use it:")[2]
    said = bakeoff("card", "best", "--data", "digits", "--store", str(copy))
    assert said.code == 0 and "winner of the contest" in said.err
    assert Path(answer["weights"]).stem[:8] in said.err


def test_leaves_out_what_exceeds_the_limits(tmp_path, bakeoff):
    limits = ("--max-params", "50k", "--max-latency", "10s")
    said = bakeoff(
        "pick", "digits", *NETS, *SMALL, *limits[:2], "--budget", "20s", "--store", str(tmp_path / "b.db"), "--json"
    )
    answer = json.loads(said.out)
    assert [one["net"] for one in answer["standings"]] == ["linear"]
    assert "203,990" in answer["left_out"]["lenet-afif"] and "--max-params" in answer["left_out"]["lenet-afif"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--max-params", "many"), "--max-params"),
        (("--max-latency", "5 parsecs"), "--max-latency"),
        (("--max-size", "0MB"), "--max-size"),
        (("--target", "95"), "--target"),
        (("--budget", "soon"), "duration"),
        (("--folds", "3"), "`bakeoff run --nets WINNER --folds 3`"),
        (("--nets", "lenet-afiff"), "lenet-afif"),
        (("--nets", "linear", "--max-params", "1"), "no candidate"),
    ],
)
def test_refuses_what_makes_no_sense(options, word, tmp_path, bakeoff):
    said = bakeoff("pick", "digits", *SMALL, *options, "--store", str(tmp_path / "b.db"))
    assert said.code == 2
    assert word in said.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("data", "options", "text"),
    [
        ("folder:nowhere", (), "nowhere does not exist"),
        ("folder:one", (), "there is only one class"),
        ("folder:two", ("--groups", "zzz"), "--groups zzz finds no group"),
        ("folder:two", ("--recipe", "quick,qiuck"), "unknown recipe 'qiuck'"),
        ("folder:two", ("--set", "optimizer.lr=-3"), "cannot set optimizer.lr=-3"),
        ("folder:two,folder:one", (), "expected one data set to choose on; got folder:two and folder:one"),
    ],
)
def test_says_once_what_is_wrong_for_all_candidates(data, options, text, tmp_path, bakeoff, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("one/a", "two/a", "two/b"):
        Path(name).mkdir(parents=True)
        for number in range(10):
            PIL.Image.fromarray(random.integers(0, 255, (32, 32), dtype=np.uint8)).save(f"{name}/{number}.png")
    said = bakeoff("pick", data, *options, "--budget", "5s", "--store", "b.db")
    assert said.code == 2
    assert said.err.count(text) == 1 and "candidate" not in said.err


def test_says_why_each_candidate_exceeds_the_limits(tmp_path, bakeoff):
    said = bakeoff("pick", "digits", *NETS, *SMALL, "--max-size", "0.01MB", "--store", str(tmp_path / "b.db"))
    assert "linear: weights of 41 kB, more than --max-size 10kB" in said.err
    assert "lenet-afif: weights of 816 kB, more than --max-size 10kB" in said.err


def test_without_a_result_it_fails(tmp_path, monkeypatch, bakeoff):
    monkeypatch.setattr("bakeoff.analysis.pick.driver.GRACE_SECONDS", 0.0)
    said = bakeoff("pick", "digits", *NETS, *SMALL, "--budget", "0.01s", "--store", str(tmp_path / "b.db"))
    assert said.code == 1 and "give --budget " in said.out


def test_stops_at_the_target(tmp_path, bakeoff):
    said = bakeoff(
        "pick",
        "digits",
        *NETS,
        *SMALL,
        "--target",
        "0.01",
        "--budget",
        "60s",
        "--store",
        str(tmp_path / "b.db"),
        "--json",
    )
    answer = json.loads(said.out)
    assert sum(len(one["runs"]) for one in answer["standings"]) == 1
