"""Trainings of contests and tuning, which have validation accuracies only, do not hide the results of a store."""

import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec import structs

from bakeoff.api import load
from bakeoff.spec.records import Epoch
from bakeoff.store.store import Store
from tiny import ClaimingStore


def add_trainings(path: Path, trained: str) -> Path:
    """Add two trainings on the data of another store, as a contest leaves them."""
    with Store(trained) as other:
        (record,), (first, *_) = other.datasets().values(), other.results()
    shorter = structs.replace(first.run.recipe, epochs=1, name="shorter")
    runs = [structs.replace(first.run, net="linear", recipe=shorter), structs.replace(first.run, net="nin", seed=7)]
    with ClaimingStore(path, create=True) as store:
        store.add(runs, [record])
        for run in runs:
            for epoch in range(1, run.recipe.epochs + 1):
                store.record_epoch(run.id, Epoch(epoch, 1.0, 0.5, 1.0, 0.5, 0.1, 2.0, 0.5, 22.0, 10**8))
        store.release("me")
    return path


@pytest.fixture
def store(trained, tmp_path) -> Path:
    """Two networks of two seeds, and two trainings of a contest."""
    return add_trainings(Path(shutil.copy(trained[0], tmp_path)), trained[0])


def test_the_ranking_is_the_same_with_them(trained, store, bakeoff):
    said = bakeoff("results", "--store", str(store))
    assert "linear" not in said.out and "of 3" not in said.out and "nin" in said.out
    assert "2 trainings of contests and tuning are not shown: bakeoff results --all" in said.err
    rows = json.loads(bakeoff("results", "--store", str(store), "--json").out)
    whole = json.loads(bakeoff("results", "--store", trained[0], "--json").out)
    facts = [[(row["net"], row["planned"], row["test_accuracy"]) for row in own] for own in (rows, whole)]
    assert facts[0] == facts[1]


def test_all_lists_them(store, bakeoff):
    said = bakeoff("results", "--store", str(store), "--json", "--all")
    planned = {row["net"]: row["planned"] for row in json.loads(said.out)}
    assert planned == {"lenet-afif": 2, "nin": 3, "linear": 1} and "not shown" not in said.err


def test_the_store_does_not_call_them_waiting(store, bakeoff):
    said = bakeoff("store", "info", str(store)).out
    assert "4 done, 2 trained in contests or tuning, not tested" in said and "waiting" not in said


def test_tables_in_python_leave_them_out(store):
    results = load(store)
    assert "linear" not in results.table() and "2 trainings of contests and tuning are not shown" in results.table()
    assert "linear" not in re.sub(r"<style.*?</style>", "", results._repr_html_(), flags=re.S)
    assert {row.net for row in results.rows} == {"lenet-afif", "nin", "linear"}


def test_a_store_with_nothing_else_has_no_results(trained, tmp_path, bakeoff):
    path = add_trainings(tmp_path / "b.db", trained[0])
    for command in ("results", "answer"):
        said = bakeoff(command, "--store", str(path))
        assert said.code == 0 and "2 trainings of contests and tuning are not shown" in said.out + said.err
        assert "No run has" in said.out
