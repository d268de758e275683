"""The section of a contest: who took part, who was dropped when and why, curves against time, and the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.analysis.pick.record import ContestRecord, read_records
from bakeoff.analysis.pick.words import COLUMNS, describe_pick, describe_place, fate, standing_cells
from bakeoff.reporting.text_table import TextTable
from bakeoff.text.formats import clock, counted, percent


@dataclass(frozen=True)
class ContestSection:
    """A contest as the page shows it."""

    title: str
    sentences: tuple[str, ...]
    """The answer, as `bakeoff pick` prints it."""
    place: str
    """How sure it is that the winner is the best, without its name; empty if nothing was trained."""
    evaluated: tuple[str, ...]
    """Ids of the winner's runs that were evaluated on the test images."""
    standings: TextTable
    exits: TextTable
    """Who was dropped or failed, when and why; no rows if nobody was."""
    left_out: tuple[tuple[str, str], ...]
    """(candidate, why) of those that were never considered."""
    payload: dict[str, Any]
    """Input of the charts."""


def view_contests(store: Path) -> list[ContestSection]:
    """Return the contests that were held in a store, the newest first."""
    return [view_contest(record) for record in reversed(read_records(store))]


def view_contest(record: ContestRecord) -> ContestSection:
    """Return a contest as the page shows it."""
    pick = record.pick
    title = f"{pick.data}: {counted(len(pick.standings), 'candidate')} in {clock(record.seconds)}"
    order = f"Tried in order {pick.order}." if pick.order else ""
    columns = tuple((name, number > 0) for number, name in enumerate(COLUMNS))
    rows = tuple(
        (name if one.state == "tried" else f"{name} ({fate(one.state)})", *cells)
        for one in pick.standings
        for name, *cells in [standing_cells(one)]
    )
    return ContestSection(
        title,
        tuple(filter(None, (*(line.strip() for line in describe_pick(pick)), order))),
        describe_place(pick, pick.winner) if pick.winner else "",
        pick.evaluated,
        TextTable(title, columns, rows),
        _tabulate_exits(record),
        tuple(pick.left_out.items()),
        {"title": title, "trainings": _list_trainings(record), "chances": _list_chances(record)},
    )


def _tabulate_exits(record: ContestRecord) -> TextTable:
    rows = tuple(
        (one.candidate, clock(one.seconds), fate(one.kind), one.why) for one in record.moments if one.kind != "trained"
    )
    return TextTable(
        "Who was dropped or failed", (("candidate", False), ("after", True), ("how", False), ("why", False)), rows
    )


def _list_trainings(record: ContestRecord) -> list[dict[str, Any]]:
    """Return what each training showed, in the order they ended."""
    return [
        {
            "candidate": one.candidate,
            "seconds": round(one.seconds, 1),
            "epochs": one.epochs,
            "seed": one.seed,
            "accuracy": one.validation_accuracy,
            "text": percent(one.validation_accuracy),
        }
        for one in record.moments
        if one.kind == "trained" and one.validation_accuracy is not None
    ]


def _list_chances(record: ContestRecord) -> list[dict[str, Any]]:
    """Return the probability of each candidate after each moment."""
    return [
        {"candidate": candidate, "seconds": round(one.seconds, 1), "best": round(chance, 4)}
        for one in record.moments
        for candidate, chance in one.best.items()
    ]
