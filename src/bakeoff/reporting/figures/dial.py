"""Response curves as a figure for papers, drawn by matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.analysis.dial.response import Response
from bakeoff.data.graded import format_level
from bakeoff.text.safe import in_a_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_response(axes: "Axes", one: Response, colours: Sequence[str]) -> None:
    """Draw the curves of an experiment with their intervals and the chance level."""
    for number, curve in enumerate(one.curves):
        colour = colours[number % len(colours)]
        x, y = [p.level for p in curve.points], [100 * p.accuracy for p in curve.points]
        axes.plot(x, y, "o-", color=colour, markersize=3.5, linewidth=1.3, label=in_a_figure(curve.net))
        known = [(p.level, p.low, p.high) for p in curve.points if p.low is not None and p.high is not None]
        if known:
            levels, lows, highs = zip(*known, strict=True)
            low, high = [100 * max(0.0, end) for end in lows], [100 * min(1.0, end) for end in highs]
            axes.fill_between(levels, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.plot(one.levels, [100 * share for share in one.chance], ":", color="#66635c", linewidth=1, label="chance")
    if one.is_geometric:
        axes.set_xscale("log")
    axes.set_xticks(one.levels, [format_level(level) for level in one.levels])
    axes.minorticks_off()
    axes.set_xlim(one.levels[0], one.levels[-1])
    axes.margins(x=0.04)
    axes.set_xlabel(in_a_figure(f"{one.turn}: {one.about}"))
    axes.set_ylabel("Test accuracy (%)")
    axes.set_title(in_a_figure(f"{one.data}, recipe {one.recipe}"), loc="left", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7.5)
