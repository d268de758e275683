"""The critical-difference diagram as a figure for papers, drawn by matplotlib as Demšar (2006) draws it."""

from typing import TYPE_CHECKING

from bakeoff.reporting.critical_difference import Diagram
from bakeoff.text.safe import in_a_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 24
"""Maximum number of networks drawn, the best first; more do not fit on a page."""
STEP = 0.22
"""Inches between names."""
TESTS = {"nemenyi": "Nemenyi", "holm": "Wilcoxon–Holm"}


def draw_critical(diagram: Diagram, test: str) -> "Figure":
    """Draw mean ranks with the bars of one test, a key of `diagram.groups`; without bars if nothing was tested."""
    from matplotlib.figure import Figure

    names = list(diagram.ranks)[:MOST]
    bars = [(diagram.ranks[group[0]], diagram.ranks[group[-1]]) for group in diagram.groups.get(test, ())]
    half, most = -(-len(names) // 2), max(diagram.ranks[names[-1]], 2.0)
    depth = 0.12 * len(bars) + STEP * half + 0.2
    above = 0.55 if test == "nemenyi" and diagram.critical_difference else 0.0
    figure = Figure(figsize=(6.5, depth + above + 0.55), layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(1, most)
    axes.set_ylim(depth, -above)  # inches below the axis
    axes.spines[:].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.spines["top"].set_position(("data", 0))
    axes.xaxis.tick_top()
    axes.locator_params(axis="x", integer=True)
    axes.set_yticks([])
    for number, (first, last) in enumerate(bars):
        axes.plot([first, last], [0.12 * (number + 1)] * 2, color="black", linewidth=3, solid_capstyle="round")
    if above and diagram.critical_difference:
        _distance(axes, diagram.critical_difference)
    for place, name in enumerate(names):
        left = place < half
        below = 0.12 * len(bars) + STEP * (1 + (place if left else len(names) - 1 - place))
        rank = diagram.ranks[name]
        axes.plot([rank, rank, 1 if left else most], [0, below, below], color="#66635c", linewidth=0.8)
        label = f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}"
        axes.annotate(
            in_a_figure(label),
            (1 if left else most, below),
            textcoords="offset points",
            xytext=(-4 if left else 4, 0),
            ha="right" if left else "left",
            va="center",
            annotation_clip=False,
        )
    tested = f", {TESTS[test]} at 5\u202f%" if test in diagram.groups else ": too few for a test"
    axes.set_title(f"Mean ranks over {len(diagram.data)} data sets{tested}", loc="left", fontsize=9, pad=14)
    return figure


def _distance(axes: "Axes", distance: float) -> None:
    """Draw the critical difference."""
    axes.plot([1, 1 + distance], [-0.4, -0.4], color="black", linewidth=1.2, marker="|", clip_on=False)
    axes.annotate(
        f"critical difference {distance:.2f}",
        (1, -0.4),
        textcoords="offset points",
        xytext=(0, 5),
        fontsize=7.5,
        annotation_clip=False,
    )
