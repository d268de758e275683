import json
import re
import tomllib

import pytest

pytest.importorskip("optuna")

from bakeoff.store.store import Store
from bakeoff.studies.recipe_file import read_recipe

FIXED = ("optimizer.weight_decay=0.05", "label_smoothing=0", "augment.shift=0", "augment.rotation=0", "batch_size=64")
SMALL = ("--epochs", "2", "--set", "images_per_class=20", "--set", "validation=50", "--workers", "1")
SEARCH = (*(part for change in FIXED for part in ("--set", change)), "--search", "optimizer.lr=0.003,0.01,0.03")
"""Ends when all three rates have been tried, however busy the machine is."""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, bakeoff):
    """A finished search: its store, the file it wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("tune")
    where = ("--store", str(folder / "a.db"), "-o", str(folder / "tuned.toml"))
    said = bakeoff("tune", "linear", "--data", "digits", *SMALL, *SEARCH, "--budget", "120s", *where, "--json")
    assert said.code == 0, said.err
    return folder, json.loads(said.out)


def test_starts_from_the_recipe_and_tries_other_values(tuned):
    _, found = tuned
    own, *others = found["trials"]
    assert own["values"]["optimizer.lr"] == 0.003 and own["state"] == "complete"
    assert {trial["values"]["optimizer.lr"] for trial in others} == {0.01, 0.03}
    assert all(trial["state"] in ("complete", "given up") for trial in others)
    assert found["seconds"] <= 120


def test_never_reads_the_test_images(tuned):
    folder, _ = tuned
    with Store(folder / "a.db") as store:
        results = store.results()
    assert results and not any("test_accuracy" in result.measures for result in results)
    assert not any(result.state == "done" for result in results)


def test_says_what_the_found_recipe_gains_on_other_seeds(tuned):
    _, found = tuned
    if found["best"] == 0:
        assert found["seeds"] == 0 and found["better"] is None
    else:
        assert found["seeds"] >= 1 and 0 <= found["better"] <= 1
        assert found["is_better"] == (found["better"] > 0.5)


def test_writes_a_recipe_that_says_where_it_is_from(tuned, bakeoff):
    folder, found = tuned
    written = tomllib.loads((folder / "tuned.toml").read_text())
    assert written["recipe"] == "quick" and written["set"]["epochs"] == 2
    assert written["tuned"]["net"] == "linear" and "validation" in written["tuned"]["judged_by"]
    assert written["set"].get("optimizer.lr", 0.003) == found["found"].get("optimizer.lr", 0.003)
    shown = bakeoff("recipes", str(folder / "tuned.toml"), "--net", "linear", "--data", "digits", "--json")
    assert json.loads(shown.out)["epochs"] == 2


def test_names_its_trials_as_the_file_does(tuned):
    folder, found = tuned
    with Store(folder / "a.db") as store:
        recipes = [result.run.recipe for result in store.results()]
    trials = {recipe.name: recipe.epochs for recipe in recipes if not recipe.name.startswith("quick (")}
    assert all(re.fullmatch(r"quick-tuned-for-linear@[0-9a-f]{8}( \(epochs=1\))?", name) for name in trials)
    assert all(name.endswith("(epochs=1)") == (epochs == 1) for name, epochs in trials.items())
    assert (read_recipe(folder / "tuned.toml") in trials) == found["is_better"]


def test_continues_from_the_store(tuned, bakeoff):
    folder, found = tuned
    where = ("--store", str(folder / "a.db"))
    said = bakeoff("tune", "linear", "--data", "digits", *SMALL, *SEARCH, "--budget", "1s", *where, "--json")
    again = json.loads(said.out)
    assert [trial["values"] for trial in again["trials"]] == [trial["values"] for trial in found["trials"]]
    assert [trial["validation_accuracy"] for trial in again["trials"]] == [
        trial["validation_accuracy"] for trial in found["trials"]
    ]


def test_marks_the_answer_and_suggests_a_fair_comparison(tuned, bakeoff):
    folder, found = tuned
    where = ("--store", str(folder / "a.db"), "-o", str(folder / "again.toml"))
    said = bakeoff("tune", "linear", "--data", "digits", *SMALL, *SEARCH, "--budget", "1s", *where)
    answer = f"→ {found['best']}" if found["is_better"] else "→ as it was"
    assert said.code == 0 and any(line.strip().startswith(f"{answer} ") for line in said.out.splitlines())
    compared = said.err.splitlines()[-1].partition("Compare it: ")[2]
    assert compared.startswith(f"bakeoff run --nets linear --data digits --recipe quick,{folder / 'again.toml'} ")
    assert "--epochs 2 " in compared and "--set images_per_class=20 " in compared
    assert compared.endswith(f"--store {folder / 'a.db'}")


def test_without_a_result_it_fails_and_says_how_much_time_it_takes(tmp_path, bakeoff):
    where = ("--store", str(tmp_path / "a.db"), "-o", str(tmp_path / "tuned.toml"))
    said = bakeoff("tune", "linear", "--data", "digits", "--budget", "0.1s", *where)
    assert said.code == 1 and "give --budget " in said.out and "trial" not in said.out
    assert "tuned.toml was not written" in said.err


def test_needs_images(tmp_path, bakeoff):
    said = bakeoff("tune", "linear", "--store", str(tmp_path / "a.db"))
    assert said.code == 2 and "--data" in said.err
    said = bakeoff("tune", "linear,conv", "--data", "digits", "--scale", "4", "--store", str(tmp_path / "a.db"))
    assert said.code == 2 and "one network at a time; got linear and conv" in said.err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--set", "optimizer.lr=0.1", "--search", "optimizer.lr=0.1..0.2"), "leave out one"),
        (("--search", "optimizer.lrr=1..2"), "optimizer.lrr"),
        (("--budget", "soon"), "duration"),
        (("--folds", "3"), "`bakeoff run --nets WINNER --folds 3`"),
        (("--recipe", "quick,modern"), "one recipe"),
        (("--recipe", "probe"), "nothing to search"),
        (("-o", "no/such/folder/tuned.toml"), "folder"),
    ],
)
def test_refuses_what_makes_no_sense(options, word, tmp_path, bakeoff):
    said = bakeoff("tune", "linear", "--data", "digits", *options, "--store", str(tmp_path / "b.db"))
    assert said.code == 2
    assert word in said.err.splitlines()[-1]
