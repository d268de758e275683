"""Measured against published numbers as a figure for papers, drawn by matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.analysis.published import PublishedComparison
from bakeoff.reporting.published import TITLES
from bakeoff.text.safe import in_a_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"agrees": "#2a8353", "differs": "#b4491a"}
OTHER = "#66635c"
"""For numbers without a verdict."""


def draw_published(study: str, lines: Sequence[PublishedComparison]) -> "Figure":
    """Draw a row for each number of one measure: published, measured, and the prediction interval of one more seed.

    Numbers are fractions of 1. Intervals are cut at 0 and 100 %.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 1.1 + 0.24 * len(lines)), layout="constrained")
    axes = figure.subplots()
    labelled: set[str] = set()
    for place, line in enumerate(lines):
        colour, verdict = COLOURS.get(line.verdict, OTHER), line.verdict if line.verdict in COLOURS else "not judged"
        printed, measured = 100 * line.published, 100 * (line.measured or 0.0)
        if line.low is not None and line.high is not None:
            ends = [max(0.0, 100 * line.low), min(100.0, 100 * line.high)]
            axes.plot(ends, [place] * 2, color=colour, alpha=0.25, linewidth=6, solid_capstyle="butt")
        axes.plot([printed, measured], [place] * 2, color=colour, linewidth=1)
        axes.plot(printed, place, "D", color="black", markerfacecolor="white", markersize=5)
        axes.plot(measured, place, "o", color=colour, markersize=5, label=None if verdict in labelled else verdict)
        labelled.add(verdict)
    names = [f"{line.net}{f' ({line.variant})' if line.variant else ''}, {line.data}" for line in lines]
    axes.set_yticks(range(len(lines)), [in_a_figure(name) for name in names])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlabel(
        f"{TITLES[lines[0].measure].capitalize()}: hollow: published, filled: measured, "
        "band: 95\u202f% prediction interval"
    )
    axes.set_title(in_a_figure(f"Measured against {study}"), loc="left")
    axes.legend(fontsize=7.5, loc="best")
    axes.grid(axis="x", alpha=0.3)
    return figure
