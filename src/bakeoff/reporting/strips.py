"""Where seeds, means and intervals lie on the accuracy axis of a ranking, and the overview of several rankings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.reporting.model import Line, Table

EDGE = 3.0
"""Margin at either end of a strip in percent of its width, so that no dot is clipped."""


@dataclass(frozen=True)
class Strip:
    """Positions of a line's seeds, mean and interval on the axis of its table, in percent of its width."""

    seeds: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    cut_low: bool
    """Whether the interval extends beyond the axis."""
    cut_high: bool


@dataclass(frozen=True)
class Strips:
    """The accuracy axis of a table, and the strips on it."""

    start: float
    end: float
    by_label: dict[str, Strip]


def lay_out_strips(table: Table) -> Strips | None:
    """Place seeds and intervals of a table on a common axis; None without results.

    The axis covers all seeds of the networks that are ranked: one that collapsed would leave no room for the others.
    Intervals over two seeds are often so wide that they would hide all other differences:
    they are cut one range of the seeds beyond them.
    """
    lines = table.ranked or table.measured
    seeds = [seed for line in lines for seed in line.seeds]
    if not seeds:
        return None
    least, most = min(seeds), max(seeds)
    reach = max(most - least, 0.002)
    lows = [line.row.test_accuracy_low for line in lines if line.row.test_accuracy_low is not None]
    highs = [line.row.test_accuracy_high for line in lines if line.row.test_accuracy_high is not None]
    start = max(min([least, *lows]), least - reach, 0.0)
    end = min(max([most, *highs]), most + reach, 1.0)
    if start == end:  # all seeds of all networks are equal
        start, end = least - reach, most + reach
    return Strips(start, end, {line.label: _lay_out_strip(line, start, end) for line in lines})


def _lay_out_strip(line: Line, start: float, end: float) -> Strip:
    def place(value: float) -> float:
        return round(EDGE + (100 - 2 * EDGE) * (value - start) / (end - start), 2)

    low, high = line.row.test_accuracy_low, line.row.test_accuracy_high
    return Strip(
        seeds=tuple(map(place, line.seeds)),
        mean=place(line.row.test_accuracy or 0.0),
        low=None if low is None else max(place(low), 0.0),
        high=None if high is None else min(place(high), 100.0),
        cut_low=low is not None and low < start,
        cut_high=high is not None and high > end,
    )


def make_overview(tables: Sequence[Table]) -> dict[str, Any] | None:
    """Return the lines of each network by table, best mean rank first; None for a single table."""
    if len(tables) < 2:
        return None
    lines: dict[str, dict[str, Line]] = {}
    for table in tables:
        for line in table.lines:
            lines.setdefault(line.label, {})[table.key] = line

    def order(label: str) -> tuple[int, float]:
        own = [table.mean_ranks[label] for table in tables if (line := lines[label].get(table.key)) and line.row.rank]
        return -len(own), sum(own) / len(own) if own else 0.0

    return {label: lines[label] for label in sorted(lines, key=order)}
