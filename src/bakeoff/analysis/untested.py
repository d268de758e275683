"""Trainings that contests and tuning evaluated on validation images only: they have no place in a ranking. No torch."""

from collections.abc import Iterable
from dataclasses import replace

from bakeoff.analysis.ranking import Row
from bakeoff.spec.records import Result
from bakeoff.text.formats import counted


def leave_out_untested(rows: Iterable[Row], results: Iterable[Result]) -> tuple[list[Row], int]:
    """Return the rows without those trainings, as if they had not been planned, and how many were left out.

    Args:
        rows: a ranking.
        results: its runs, see `Result.is_untested`.
    """
    untested = {result.id for result in results if result.is_untested}
    kept, left_out = [], 0
    for row in rows:
        own = len(untested.intersection(row.runs))
        if own < len(row.runs) and row.planned < len(row.runs):  # the folds of a cross-validation that goes on
            own = 0
        left_out += own
        if not own or own < len(row.runs):
            kept.append(replace(row, planned=row.planned - own) if own else row)
    return kept, left_out


def describe_untested(number: int, see: str) -> str:
    """Return a sentence about trainings that are not shown; `see` is the command that shows them."""
    return f"{counted(number, 'training')} of contests and tuning {'is' if number == 1 else 'are'} not shown: {see}"


def count_untested(results: Iterable[Result]) -> int:
    """Return how many runs are trainings of contests and tuning that were not tested."""
    return sum(result.is_untested for result in results)
