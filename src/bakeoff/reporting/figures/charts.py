"""The main charts as files for papers and slides: PNG, SVG and PDF, drawn by matplotlib."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.analysis.dial import read_responses
from bakeoff.analysis.ranking import RankBy
from bakeoff.errors import BakeoffError, install
from bakeoff.reporting.critical_difference import build_diagrams
from bakeoff.reporting.figures.critical_difference import draw_critical
from bakeoff.reporting.figures.dial import draw_response
from bakeoff.reporting.figures.published import draw_published
from bakeoff.reporting.figures.ticks import label_log_axis
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.model import Line, ReportModel, Table
from bakeoff.reporting.payload import band_epochs
from bakeoff.reporting.published import compare_published
from bakeoff.spec.outputs import check_replaceable
from bakeoff.spec.values import digest
from bakeoff.store.store import Store
from bakeoff.text.safe import in_a_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("png", "svg", "pdf")
COLOURS = ("#2468b0", "#c4570c", "#3e9f9a", "#410f34", "#967dfa", "#0e3703", "#7d3d48", "#1c2294")
"""The colours of the page, which differ for colour-blind readers, too."""
BEST = len(COLOURS)
"""Networks with learning curves."""
COSTS = (("train_seconds", "Training time (s)"), ("trainable_parameters", "Parameters"))
LONGEST = 100
"""Maximum bytes of a file name."""
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "svg.hashsalt": "bakeoff",  # the same numbers give the same file
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
FACTS: dict[str, dict[str, Any]] = {
    "png": {"Software": "bakeoff"},
    "svg": {"Creator": "bakeoff", "Date": None},
    "pdf": {"Creator": "bakeoff", "CreationDate": None},
}
"""Metadata of files: who wrote them, not when."""


def draw_figures(
    store: str | Path,
    folder: Path,
    kinds: Sequence[str] = KINDS,
    *,
    rank_by: RankBy = "test",
    overwrite: bool = True,
) -> list[Path]:
    """Draw accuracy, cost, learning curves and the best network's confusion matrix of every table; return the files.

    Also draws mean ranks over several data sets, published numbers, and response curves, if there are any.

    Unless `overwrite`, files that bakeoff did not write are not replaced.

    Raises:
        BakeoffError: matplotlib is not installed, there is no store, or the folder cannot be written.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise BakeoffError(
            f"--figures needs matplotlib: {install('matplotlib')}; or save single charts from the page"
        ) from error
    model = load_page_model(store, rank_by)
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".bakeoff-figures").touch()  # marks the folder, so that it is not taken for a class of images
        with matplotlib.rc_context(STYLE):
            for title, figure in (
                *_all_figures(model.tables),
                *_published_figures(store, model),
                *_response_figures(store),
            ):
                name = _file_name(title, {path.stem for path in written})
                for kind in kinds:
                    path = folder / f"{name}.{kind}"
                    check_replaceable(path, overwrite=overwrite)
                    figure.savefig(path, dpi=200, metadata=FACTS[kind])
                    written.append(path)
    except OSError as error:
        raise BakeoffError(f"cannot write the figures to {folder}: {error.strerror or error}") from error
    return written


def _file_name(title: str, taken: Collection[str]) -> str:
    """Return a unique name that is valid on every file system."""
    name = re.sub(r"[^\w.-]+", "-", title)
    if len(name.encode()) > LONGEST:
        name = f"{name.encode()[:LONGEST].decode(errors='ignore')}-{digest(title)[:8]}"
    return name if name not in taken else f"{name}-{digest(title)[:8]}"


def _all_figures(tables: Sequence[Table]) -> Iterable[tuple[str, "Figure"]]:
    for table in tables:
        for name, figure in _figures(table):
            yield f"{table.title}-{name}", figure
    for diagram in build_diagrams(tables):
        for test in diagram.groups or ("ranks",):
            yield f"{diagram.recipe}-{test}", draw_critical(diagram, test)


def _published_figures(store: str | Path, model: ReportModel) -> Iterable[tuple[str, "Figure"]]:
    with Store(store) as opened:
        found = compare_published(opened, model.results)
    for one in found:
        lines = [line for line in one.lines if line.measure == "test_accuracy"]
        if lines:
            yield f"{one.study.name}-published", draw_published(one.study.name, lines)


def _response_figures(store: str | Path) -> Iterable[tuple[str, "Figure"]]:
    with Store(store) as opened:
        found = read_responses(opened)
    for one in found:
        figure, (axes,) = _new(6, 3.6)
        draw_response(axes, one, COLOURS)
        yield f"{one.data}-{one.turn}-response", figure


def _figures(table: Table) -> Iterable[tuple[str, "Figure"]]:
    if not table.ranked:
        return
    yield "accuracy", _accuracy(table)
    yield "cost", _cost(table)
    if any(line.cell.finished and line.cell.finished[0].epochs for line in table.ranked):
        yield "learning", _learning(table)
    best = table.ranked[0]
    if best.pooled and len(best.pooled.confusion) <= 30:
        yield "confusion", _confusion(best, table)


def _new(width: float, height: float, columns: int = 1) -> tuple["Figure", Sequence["Axes"]]:
    """Return a figure (size in inches) and its axes, without pyplot's global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _errors(lines: Sequence[Line]) -> np.ndarray:
    """Return (2, n) distances below and above the means in percent; NaN without an interval."""
    ends = [(line.row.test_accuracy, line.row.test_accuracy_low, line.row.test_accuracy_high) for line in lines]
    return np.array(
        [
            [np.nan if low is None or mean is None else 100 * (mean - low) for mean, low, _ in ends],
            [np.nan if high is None or mean is None else 100 * (high - mean) for mean, _, high in ends],
        ]
    )


def _accuracy(table: Table) -> "Figure":
    lines = table.ranked
    figure, (axes,) = _new(6, 0.8 + 0.28 * len(lines))
    places = np.arange(len(lines))
    means = [100 * (line.row.test_accuracy or 0) for line in lines]
    axes.errorbar(means, places, xerr=_errors(lines), fmt="o", color=COLOURS[0], capsize=3, markersize=5)
    for place, line in zip(places, lines, strict=True):
        axes.plot([100 * seed for seed in line.seeds], [place] * len(line.seeds), ".", color=COLOURS[0], alpha=0.4)
    axes.set_yticks(places, [in_a_figure(line.label) for line in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlabel("Test accuracy (%), mean over seeds with 95\u202f% interval")
    axes.set_title(in_a_figure(table.title), loc="left")
    axes.grid(axis="x", alpha=0.3)
    return figure


def _cost(table: Table) -> "Figure":
    figure, all_axes = _new(9, 3.8, len(COSTS))
    for axes, (name, text) in zip(all_axes, COSTS, strict=True):
        lines = [line for line in table.ranked if _costs(line, name)]
        costs = [_costs(line, name) for line in lines]
        means = [100 * (line.row.test_accuracy or 0) for line in lines]
        axes.errorbar(costs, means, yerr=_errors(lines), fmt="o", color=COLOURS[0], markersize=5, elinewidth=0.8)
        front = find_front(costs, means)
        axes.plot([costs[i] for i in front], [means[i] for i in front], "-", color=COLOURS[1], zorder=0)
        for line, cost, mean in zip(lines, costs, means, strict=True):
            axes.annotate(
                in_a_figure(line.label), (cost, mean), textcoords="offset points", xytext=(5, 4), fontsize=7.5
            )
        if lines:
            label_log_axis(axes)
        axes.set_xlabel(f"{text}, log scale")
        axes.set_ylabel("Test accuracy (%)")
        axes.grid(alpha=0.3)
    figure.suptitle(in_a_figure(table.title), x=0.01, ha="left", fontsize=10)
    return figure


def _costs(line: Line, name: str) -> float:
    """Return the cost of a line; 0 if unknown."""
    return (line.row.parameters if name == "trainable_parameters" else line.cell.median(name)) or 0.0


def find_front(costs: Sequence[float], means: Sequence[float]) -> list[int]:
    """Return the indices of the Pareto front, cheapest first."""
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -means[i])):
        if not front or means[i] > means[front[-1]]:
            front.append(i)
    return front


def _learning(table: Table) -> "Figure":
    figure, all_axes = _new(9, 3.6, 2)
    for axes, part in zip(all_axes, ("loss", "accuracy"), strict=True):
        for number, line in enumerate(table.ranked[:BEST]):
            for split, dashes in (("train", (4, 2)), ("validation", ())):
                _band(axes, line, f"{split}_{part}", COLOURS[number], dashes)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(part.capitalize())
        axes.grid(alpha=0.3)
    figure.suptitle(f"{in_a_figure(table.title)}: validation solid, training dashed", x=0.01, ha="left", fontsize=10)
    figure.legend(*all_axes[-1].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def _band(axes: "Axes", line: Line, name: str, colour: str, dashes: tuple[int, ...]) -> None:
    """Draw the mean over seeds, with their range as a band."""
    curves = [[getattr(epoch, name) for epoch in result.epochs] for result in line.cell.results if result.epochs]
    length = band_epochs(line) or 0
    values = np.array([curve[:length] for curve in curves], float)
    if not values.size or np.isnan(values).all():
        return
    epochs = np.arange(1, length + 1)
    label = in_a_figure(line.label) if not dashes else None
    axes.plot(epochs, values.mean(axis=0), color=colour, linewidth=1.2, dashes=dashes or (None, None), label=label)
    axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def _confusion(line: Line, table: Table) -> "Figure":
    assert line.pooled is not None
    classes = table.classes
    counts = line.pooled.confusion
    shares = 100 * counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    side = 1.6 + 0.42 * len(classes)
    figure, (axes,) = _new(side, side)
    names = [in_a_figure(name) for name in classes]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for (row, column), share in np.ndenumerate(shares):
        if counts[row, column]:
            colour = "white" if share > 60 else "black"
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(classes)), names, rotation=90 if max(map(len, classes)) > 2 else 0)
    axes.set_yticks(range(len(classes)), names)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    axes.set_title(
        f"{in_a_figure(line.label)} on {in_a_figure(table.title)}, percent of each class", loc="left", fontsize=9
    )
    axes.spines[:].set_visible(False)
    return figure
