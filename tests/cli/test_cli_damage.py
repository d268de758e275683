"""A run that cannot be read does not affect others, and is named everywhere."""

import json

import pytest

import bakeoff as library
import tiny
from bakeoff.store.store import Store


@pytest.fixture
def broken(tmp_path) -> str:
    """A store in which one of four runs is damaged."""
    path = tmp_path / "a.db"
    tiny.finished_store(path)
    with Store(path) as opened:
        opened._db.execute("UPDATE measures SET value = 0.99 WHERE run = ?", (tiny.run("nin", 1).id,))
    return str(path)


def test_in_the_table_and_in_json(broken, bakeoff):
    said = bakeoff("results", "--store", broken)
    assert said.code == 1
    assert "lenet-afif" in said.out
    assert "nin · tiny · tiny · seed 1: it is damaged" in said.out
    said = bakeoff("results", "--store", broken, "--json")
    assert said.code == 1
    row = next(row for row in json.loads(said.out) if row["net"] == "nin")
    assert (row["seeds"], row["planned"], row["failed"]) == (1, 2, 0)
    assert [(one["seed"], one["kind"]) for one in row["failures"]] == [(1, "damaged")]
    assert "unreadable" in row["findings"]


def test_in_a_row_of_its_own_where_no_other_is_left(broken, bakeoff):
    with Store(broken) as opened:
        opened._db.execute("UPDATE measures SET value = 0.99 WHERE run = ?", (tiny.run("nin", 0).id,))
    for form in ("table", "json", "csv", "markdown", "latex"):
        said = bakeoff("results", "--store", broken, "--format", form)
        assert said.code == 1
        assert "nin" in said.out


def test_in_the_audit_and_on_the_page(broken, bakeoff, tmp_path):
    said = bakeoff("audit", "--store", broken)
    assert said.code == 1
    assert "nin on tiny, seed 1: it is damaged" in said.out
    assert "bakeoff forget --state damaged" in said.out
    page = tmp_path / "page.html"
    said = bakeoff("report", "--store", broken, "-o", str(page), "--no-pictures")
    assert said.code == 1
    assert "nin on tiny, seed 1: it is damaged" in page.read_text(encoding="utf-8")


def test_from_python(broken):
    results = library.load(broken)
    assert [(run.net, run.seed, run.state) for run in results.unreadable] == [("nin", 1, "damaged")]
    assert sorted(results.runs_frame()["state"]) == ["damaged", "done", "done", "done"]
    assert len(results.time_to(0.5)) == 3
    assert "nin" in str(results)


def test_is_trained_again_only_when_asked(bakeoff, tmp_path, tiny_options):
    store = str(tmp_path / "a.db")
    command = ["run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "2", *tiny_options, "--store", store]
    assert bakeoff(*command).code == 0
    with Store(store) as opened:
        before = {result.id: result.measures["test_accuracy"] for result in opened.results()}
        opened._db.execute("UPDATE runs SET settings = '{}' WHERE seed = 1")
    said = bakeoff(*command)
    assert said.code == 1
    assert "1 run in the store cannot be read" in said.err
    said = bakeoff(*command, "--retry-failed")
    assert said.code == 0
    assert "1 of 2 runs is already in the store" in said.err
    with Store(store) as opened:
        assert {result.id: result.measures["test_accuracy"] for result in opened.results()} == before


def test_nothing_is_said_to_be_found_where_nothing_has_finished(bakeoff, tmp_path):
    with Store(tmp_path / "a.db", create=True):
        pass
    said = bakeoff("audit", "--store", str(tmp_path / "a.db"))
    assert said.code == 0
    assert "Found" not in said.out
    assert "No run has finished" in said.out
