"""Draws the simulations of docs/explanation/statistics.md: `PYTHONPATH=docs python -m generate.figures`.

They call what bakeoff itself uses, on made-up runs of networks whose true accuracies are known. A minute on one core.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import t as student

from bakeoff.analysis.pairwise import compare_pairs
from bakeoff.stats.draws import estimate_optimism
from bakeoff.stats.intervals import mean_interval
from bakeoff.stats.mcnemar import mcnemar
from bakeoff.stats.sequential import critical_t

DOCS = Path(__file__).resolve().parents[1]
sys.path.append(str(DOCS.parent / "tests"))
from simulated import table  # noqa: E402  (the tables that the tests of the statistics use)

BLUE, ORANGE, GREY = "#2369b3", "#c4500c", "#777777"
STYLE = {
    "svg.hashsalt": "bakeoff",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}
LEVEL = 0.05


def coverage(axes: Axes, experiments: int = 4000) -> None:
    """How often an interval over seeds holds the true mean, by the number of seeds."""
    random, seeds = np.random.default_rng(0), [2, 3, 4, 5, 7, 10]
    ours, common = [], []
    for n in seeds:
        found = [mean_interval(values) for values in random.normal(0.9, 0.005, (experiments, n))]
        ours.append(np.mean([one.low <= 0.9 <= one.high for one in found]))  # type: ignore[operator]
        common.append(np.mean([abs(one.mean - 0.9) <= (one.sd or 0) / np.sqrt(n) for one in found]))
    axes.axhline(95, color=GREY, linewidth=0.8, linestyle="--")
    axes.plot(seeds, np.multiply(ours, 100), "o-", color=BLUE, label="t interval (bakeoff)")
    axes.plot(seeds, np.multiply(common, 100), "s-", color=ORANGE, label="mean ± standard error")
    axes.set(xlabel="seeds", ylabel="intervals that hold the truth (%)", ylim=(0, 102))
    axes.legend(frameon=False, loc="lower right")


def looking(axes: Axes, experiments: int = 4000, most: int = 20) -> None:
    """How often two equal networks are called different if one tests after every seed."""
    samples, n = np.random.default_rng(0).normal(size=(experiments, most)), np.arange(1, most + 1)
    means = samples.cumsum(axis=1) / n
    squares = (samples**2).cumsum(axis=1) - n * means**2
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(means) * np.sqrt(n * (n - 1) / squares)
    naive = np.array([np.inf, *(student.ppf(1 - LEVEL / 2, k - 1) for k in n[1:])])
    ours = np.array([critical_t(int(k)) for k in n])
    for limits, colour, label in ((ours, BLUE, "bakeoff"), (naive, ORANGE, "a t test after every seed")):
        ever = np.logical_or.accumulate((t > limits)[:, 2:], axis=1).mean(axis=0)
        axes.plot(n[2:], 100 * ever, color=colour, label=label)
    axes.axhline(5, color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlabel="seeds so far", ylabel="equal networks called different (%)", ylim=(0, None))
    axes.legend(frameon=False)


def many(axes: Axes, experiments: int = 300) -> None:
    """How often the best of K equal networks is called better than any other."""
    random, counts = np.random.default_rng(0), [2, 3, 4, 6, 8]
    ours, naive = [], []
    for nets in counts:
        claims = np.zeros(2)
        for _ in range(experiments):
            right = table(random, np.full(nets, 0.005), 5)
            claims += _claims(right)
        ours.append(claims[0] / experiments)
        naive.append(claims[1] / experiments)
    axes.plot(counts, np.multiply(naive, 100), "s-", color=ORANGE, label="one t test of each pair")
    axes.plot(counts, np.multiply(ours, 100), "o-", color=BLUE, label="bakeoff")
    axes.axhline(5, color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlabel="equal networks in the table, 5 seeds", ylabel="a best one is claimed (%)", ylim=(0, None))
    axes.legend(frameon=False)


def _claims(right: np.ndarray) -> np.ndarray:
    """Return whether the best network is called better than another: by bakeoff, and by uncorrected t tests."""
    names = [f"n{place}" for place in range(len(right))]
    means = right.mean(axis=(1, 2))
    best, by_seed = int(means.argmax()), right.mean(axis=2)
    others = [place for place in range(len(right)) if place != best]
    comparison = compare_pairs({name: dict(enumerate(own)) for name, own in zip(names, right, strict=True)})
    ours = any(comparison.is_better(names[best], names[other]) for other in others)
    seeds = right.shape[1]
    gaps = by_seed[best] - by_seed[others]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = gaps.mean(axis=1) / (gaps.std(axis=1, ddof=1) / np.sqrt(seeds))
    return np.array([ours, bool((t > student.ppf(1 - LEVEL / 2, seeds - 1)).any())])


def single(axes: Axes, experiments: int = 2000) -> None:
    """How often McNemar's test of two single runs calls equal networks different, by how much seeds differ."""
    random, spreads = np.random.default_rng(0), [0.0, 0.002, 0.005, 0.01, 0.02]
    shares = [
        np.mean([mcnemar(*table(random, np.full(2, spread), 1)[:, 0]).p_value < LEVEL for _ in range(experiments)])
        for spread in spreads
    ]
    axes.plot(np.multiply(spreads, 100), np.multiply(shares, 100), "o-", color=ORANGE)
    axes.axhline(5, color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlabel="deviation between seeds (points)", ylabel="equal networks called different (%)", ylim=(0, None))


def optimism(axes: Axes, experiments: int = 300) -> None:
    """By how much the accuracy of the chosen best is too high, and what bakeoff says of it."""
    random, counts = np.random.default_rng(0), [2, 4, 8, 16]
    real, said = [], []
    for nets in counts:
        gaps, guesses = [], []
        for _ in range(experiments):
            right = table(random, np.full(nets, 0.005), 3)
            means = right.mean(axis=(1, 2))
            gaps.append(means.max() - means.mean())  # they are equal: what the best is ahead is luck
            guesses.append(estimate_optimism(right, draws=500))
        real.append(100 * np.mean(gaps))
        said.append(100 * np.mean(guesses))
    axes.plot(counts, real, "s-", color=ORANGE, label="luck of the best")
    axes.plot(counts, said, "o-", color=BLUE, label="as bakeoff estimates it")
    axes.set(xlabel="equal networks, 3 seeds", ylabel="points", ylim=(0, None))
    axes.legend(frameon=False)


FIGURES: dict[str, Callable[[Axes], None]] = {
    "coverage": coverage,
    "looking": looking,
    "many": many,
    "single": single,
    "optimism": optimism,
}
"""Name → what draws it; the file is docs/figures/statistics-NAME.svg."""


def main() -> None:
    """Draw all figures, or those that are named."""
    for name in sys.argv[1:] or FIGURES:
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(5.2, 3.0), layout="constrained")
            FIGURES[name](figure.subplots())
            figure.savefig(DOCS / "figures" / f"statistics-{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
