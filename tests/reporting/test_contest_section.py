from pathlib import Path

import pytest

from bakeoff.analysis.pick.record import ContestRecord, contest_path, read_record, read_records, write_record
from bakeoff.analysis.pick.words import describe_pick
from bakeoff.reporting import write
from bakeoff.reporting.contest_section import view_contest
from bakeoff.spec.paths import files_folder
from contests import make_contest


@pytest.fixture
def record(tmp_path) -> ContestRecord:
    return make_contest(tmp_path / "a.db", ("a", "b", "c"))


def test_a_contest_is_read_as_it_was_kept(record):
    store = record.pick.store
    files = store.with_name("a.db.files")
    write_record(files, record)
    assert read_record(contest_path(files, record.runs), store) == record
    assert contest_path(files, ("c", "a", "b")) == contest_path(files, record.runs)
    assert read_records(store) == [record]


def test_a_damaged_one_is_left_out(record):
    files = record.pick.store.with_name("a.db.files")
    write_record(files, record)
    contest_path(files, record.runs).write_text("{")
    assert read_records(record.pick.store) == [] and read_records(Path("nowhere.db")) == []


def test_the_section_says_what_the_terminal_says(record):
    section = view_contest(record)
    for line in describe_pick(record.pick):
        assert line.strip() in section.sentences
    assert section.standings.rows[0][:3] == ("conv", "8/8", "2")
    assert section.standings.rows[1][0] == "linear (dropped)"
    assert section.exits.rows == (("linear", "0:26", "dropped", "no chance"),)
    assert section.left_out == (("resnet20", "too many parameters"),)


def test_the_charts_get_all_trainings_and_probabilities(record):
    payload = view_contest(record).payload
    assert [(one["candidate"], one["seconds"]) for one in payload["trainings"]] == [("linear", 10.0), ("conv", 25.0)]
    assert {"candidate": "conv", "seconds": 25.5, "best": 1.0} in payload["chances"]
    assert len(payload["chances"]) == 5


def test_its_curves_are_named_at_their_ends(visit, make, record, tmp_path):
    store = make()
    write_record(files_folder(store), record)
    page = visit(write(store, tmp_path / "a.html", pictures=False))
    for figure in ("contest", "chances"):
        texts = f"[data-figure={figure}] svg g[text-anchor=start] text"
        assert {"conv", "linear"} <= set(page.eval_on_selector_all(texts, "all => all.map(t => t.textContent)"))
