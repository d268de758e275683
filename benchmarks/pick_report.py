"""Writes the tables and the calibration plot of benchmarks/pick.py."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from blocks import write_block
from pick_replays import DataResults

from bakeoff.analysis.pick.contest import MARGIN
from bakeoff.stats.proportions import wilson

BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Edges of stated probabilities."""
METHODS = {
    "all": "all to the end",
    "pick": "`bakeoff pick`",
    "halving": "successive halving (Optuna)",
    "hyperband": "Hyperband (Optuna)",
}


def table_of(every: Sequence[DataResults]) -> list[str]:
    """Return how often each method found the best or an equivalent, as lines of Markdown."""
    lines = [
        "| data | method | budget | spent | as all to the end | best by test images | regret, points |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for each in every:
        for method in METHODS:
            for share in sorted({one.share for one in each.repetitions if one.method == method}):
                own = [one for one in each.repetitions if (one.method, one.share) == (method, share)]
                lines.append(
                    f"| {each.data} | {METHODS[method]} | {share:.0%} | {np.mean([one.spent for one in own]):.1%} | "
                    f"{np.mean([one.regret_validation <= MARGIN for one in own]):.0%} | "
                    f"{np.mean([one.regret <= MARGIN for one in own]):.0%} | "
                    f"{100 * np.mean([one.regret for one in own]):.2f} |"
                )
    return lines


@dataclass(frozen=True)
class CalibrationBin:
    """The answers that stated about the same probability."""

    low: float
    high: float
    answers: int
    stated: float
    """On average."""
    right: int
    right_validation: int


def calibration(every: Sequence[DataResults]) -> list[CalibrationBin]:
    picks = [one for each in every for one in each.repetitions if one.stated is not None]
    found = []
    for low, high in pairwise(BINS):
        inside = [one for one in picks if low <= one.stated < high or (high == 1 == one.stated)]
        if inside:
            right = sum(bool(one.is_best_tried) for one in inside)
            validated = sum(bool(one.is_best_tried_validation) for one in inside)
            stated = float(np.mean([one.stated for one in inside]))
            found.append(CalibrationBin(low, high, len(inside), stated, right, validated))
    return found


def report(arguments: argparse.Namespace) -> None:
    """Write tables and plot."""
    every = [msgspec.json.decode(path.read_bytes(), type=DataResults) for path in arguments.files]
    lines = ["| data | candidates | seeds | all to the end | validation images | test images | settings |"]
    lines += ["|---|--:|--:|--:|--:|--:|---|"]
    lines += [
        f"| {each.data} | {len(each.accuracies)} | {each.seeds} | {each.seconds:,.0f} s | {each.validation_images:,} | "
        f"{each.test_images:,} | {f'`{each.settings}`' if each.settings else 'the ladder'} |"
        for each in every
    ]
    lines += ["", "Test accuracy of the candidates, all to the end, mean over the seeds:", ""]
    for each in every:
        shown = ", ".join(f"{name} {100 * accuracy:.2f}" for name, accuracy in each.accuracies.items())
        lines.append(f"- {each.data}: {shown}")
    lines += ["", *table_of(every), ""]
    lines += ["| stated | answers | on average | right by test images | right by validation images |"]
    lines += ["|---|--:|--:|--:|--:|"]
    for each in calibration(every):
        shares = [f"{n / each.answers:.0%} [{_interval(n, each.answers)}]" for n in (each.right, each.right_validation)]
        lines.append(
            f"| {each.low:.0%} to {each.high:.0%} | {each.answers} | {each.stated:.0%} | {shares[0]} | {shares[1]} |"
        )
    text = "\n".join(lines)
    if arguments.into:
        write_block(arguments.into, "results", text)
    else:
        print(text)
    if arguments.figure:
        draw(calibration(every), arguments.figure)


def _interval(right: int, answers: int) -> str:
    low, high = wilson(right, answers)
    return f"{low:.0%}, {high:.0%}"


def draw(bins: Sequence[CalibrationBin], path: Path) -> None:
    """Draw stated probabilities against how often they were right, with 95 % Wilson intervals."""
    import matplotlib

    from bakeoff.reporting.figures.charts import COLOURS, FACTS, STYLE

    with matplotlib.rc_context(STYLE):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.2, 3.8))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#66635c", linewidth=0.8, linestyle="--")
        for label, colour, shift, right in (
            ("by test images", COLOURS[0], -0.006, [each.right for each in bins]),
            ("by validation images of all seeds", COLOURS[1], 0.006, [each.right_validation for each in bins]),
        ):
            shares = np.array([n / each.answers for n, each in zip(right, bins, strict=True)])
            ends = np.array([wilson(n, each.answers) for n, each in zip(right, bins, strict=True)])
            errors = np.abs(ends.T - shares)
            stated = [each.stated + shift for each in bins]
            axes.errorbar(stated, shares, errors, fmt="o", color=colour, markersize=4, linewidth=1, label=label)
        axes.set(xlabel="stated probability of being the best", ylabel="share that is", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
        figure.savefig(path, metadata=FACTS["svg"])
