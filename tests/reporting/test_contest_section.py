from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from bakeoff.analysis.pick.moment import Moment
from bakeoff.analysis.pick.record import ContestRecord, contest_path, read_record, read_records, write_record
from bakeoff.analysis.pick.words import describe_pick
from bakeoff.reporting import write
from bakeoff.reporting.answer import write_answers
from bakeoff.reporting.contest_section import view_contest
from bakeoff.reporting.loading import load_page_model
from bakeoff.spec.paths import files_folder
from bakeoff.text.formats import percent
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


def test_the_only_tested_network_was_compared_in_the_contest(make, record):
    store = make(nets=("conv",), data=("digits",), seeds=2)
    model = load_page_model(store)
    winner = replace(record.pick.standings[0], runs=tuple(result.id for result in model.results))
    pick = replace(record.pick, standings=(winner, *record.pick.standings[1:]))
    (answer,) = write_answers(model, [view_contest(replace(record, pick=pick))])
    assert answer.lead.endswith(f"a contest, it is the best of the 2 tried with a probability of {percent(0.97, 0)}.")
    (answer,) = write_answers(model, [view_contest(record)])
    assert "no other result to compare it with" in answer.lead


def test_a_winner_that_was_not_trained_to_the_end_only_would_be_the_best(record):
    winner = replace(record.pick.standings[0], epochs=3)
    pick = replace(record.pick, standings=(winner, *record.pick.standings[1:]))
    first = describe_pick(pick)[0]
    assert "would be the best of the 2 tried" in first and "it has had 3 of 8 epochs" in first


def names_in(page, figure: str) -> list[tuple[str, dict[str, float]]]:
    """The names at the ends of the curves of a figure, with their boxes."""
    found = page.eval_on_selector_all(
        f"[data-figure={figure}] svg g[text-anchor=start] text",
        "all => all.map(t => [t.textContent, t.getBoundingClientRect().toJSON()])",
    )
    return [(text, box) for text, box in found if "candidate" in text or text in ("conv", "linear")]


@pytest.mark.parametrize("figure", ["contest", "chances"])
def test_names_at_the_ends_of_curves_stay_in_the_chart(visit, make, record, tmp_path, figure):
    """Of thirty candidates that ended alike, the lowest names were written into the text below."""
    store, others = make(), [f"candidate-{number}" for number in range(30)]
    ends = [Moment(10 + i / 3, "trained", name, 1, 0, 0.3, "", {name: 0.01}) for i, name in enumerate(others)]
    write_record(files_folder(store), replace(record, moments=(*record.moments, *ends)))
    page = visit(write(store, tmp_path / "a.html", pictures=False))
    boxes = [box for _, box in names_in(page, figure)]
    assert len(boxes) == 6
    for a, b in combinations(boxes, 2):
        assert abs(a["top"] - b["top"]) > 8 or a["right"] < b["left"] or b["right"] < a["left"]
    bottom = page.eval_on_selector(f"[data-figure={figure}] svg", "svg => svg.getBoundingClientRect().bottom")
    assert max(box["bottom"] for box in boxes) < bottom - 25


def test_curves_are_named_at_their_ends_but_for_those_without_a_chance(visit, make, record, tmp_path):
    store = make()
    write_record(files_folder(store), record)
    page = visit(write(store, tmp_path / "a.html", pictures=False))
    assert {name for name, _ in names_in(page, "contest")} == {"conv", "linear"}
    assert [name for name, _ in names_in(page, "chances")] == ["conv"]
