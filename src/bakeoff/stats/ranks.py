"""Networks over several data sets: mean ranks, and what can be concluded from them. No torch.

After Demšar 2006 (JMLR 7:1-30) and Benavoli, Corani, Demšar & Zaffalon 2017 (JMLR 18:1-36). The unit is the data set:
seeds and images make each score more precise, but only data sets tell how networks do on another data set.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from bakeoff.stats.corrections import holm
from bakeoff.text.formats import percent

FEWEST = 5
"""With fewer data sets ranks are described, not tested."""


@dataclass(frozen=True)
class Ranking:
    """Mean ranks over data sets, 1 the best, and how far apart two must be."""

    ranks: dict[str, float]
    """Network → mean rank, the best first; networks that tie share a rank."""
    data_sets: int
    p_value: float | None
    """Friedman's test of all networks being alike; None for fewer than three networks."""
    critical_difference: float
    """Of Nemenyi at 5 %: mean ranks closer than this are not significantly different."""
    groups: tuple[tuple[str, ...], ...]
    """Largest sets of networks, neighbours in rank, that do not differ significantly by Nemenyi: the diagram's bars."""
    caution: str
    """What cannot be concluded; empty if there is nothing to say."""


def rank_over_data(scores: Mapping[str, Sequence[float]]) -> Ranking:
    """Return mean ranks with Friedman's test and Nemenyi's critical difference.

    `scores` is network → accuracies on the same data sets in the same order.

    Raises:
        ValueError: there are fewer than two networks or data sets, or they have unequal numbers of scores.
    """
    from scipy.stats import friedmanchisquare, rankdata

    table = _table(scores)
    data_sets, nets = table.shape
    means = rankdata(-table, axis=1).mean(axis=0)
    order = np.argsort(means, kind="stable")
    names = [list(scores)[i] for i in order]
    sorted_means = means[order].tolist()
    distance = critical_difference(nets, data_sets)
    all_equal = bool((table == table[:, :1]).all())
    test = None if nets < 3 else 1.0 if all_equal else float(friedmanchisquare(*table.T).pvalue)
    ranks = dict(zip(names, sorted_means, strict=True))
    return Ranking(ranks, data_sets, test, distance, _groups(names, sorted_means, distance), caution(data_sets))


def critical_difference(nets: int, data_sets: int, alpha: float = 0.05) -> float:
    """Return how far apart two mean ranks must be to differ by Nemenyi's test."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - alpha, nets, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(nets * (nets + 1) / (6 * data_sets))


def _groups(names: Sequence[str], means: Sequence[float], distance: float) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[int, int]] = []
    for first, mean in enumerate(means):
        last = max(i for i, other in enumerate(means) if other - mean < distance)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(tuple(names[first : last + 1]) for first, last in found)


def caution(data_sets: int) -> str:
    """Return a sentence on what too few data sets cannot show, empty for six or more."""
    if data_sets >= FEWEST + 1:
        return ""
    smallest = 2 / 2**data_sets
    text = (
        f"With {data_sets} data sets a network that wins on all of them has p = {smallest:.3g} in a signed-rank test: "
        f"no pair can differ significantly at {percent(0.05, 0)}"
    )
    return f"{text}, and the ranks describe these data sets only." if data_sets < FEWEST else f"{text}."


def wilcoxon_holm(scores: Mapping[str, Sequence[float]]) -> dict[tuple[str, str], float]:
    """Return (network, network) → p value of Wilcoxon's signed-rank test over data sets, corrected by Holm."""
    from scipy.stats import wilcoxon

    table = dict(zip(scores, _table(scores).T, strict=True))
    pairs = list(combinations(table, 2))
    differences = [table[a] - table[b] for a, b in pairs]
    return dict(zip(pairs, holm([float(wilcoxon(d).pvalue) if d.any() else 1.0 for d in differences]), strict=True))


@dataclass(frozen=True)
class Belief:
    """Probabilities that add up to 1: on another data set like these."""

    first: float
    """The first network is better by more than the region of practical equivalence."""
    equivalent: float
    second: float


def signed_rank_belief(
    first: Sequence[float], second: Sequence[float], *, rope: float = 0.01, draws: int = 50_000, seed: int = 0
) -> Belief:
    """Return the Bayesian signed-rank comparison of two networks' accuracies on the same data sets.

    Differences within ± `rope` count as equal in practice. The prior is a Dirichlet process of strength 1/2 whose one
    observation says that there is no difference.

    Raises:
        ValueError: the two have different numbers of scores, or fewer than two.
    """
    differences = np.diff(_table({"second": second, "first": first}), axis=1)[:, 0]
    values = np.concatenate([[0.0], differences])
    order = np.argsort(values)
    sums = values[order, None] + values[None, order]
    weights = _dirichlet(len(differences), draws, seed)[:, order]
    # In this order a value is above the region together with all from some place on, and below it with all up to one.
    total = np.concatenate([np.zeros((draws, 1)), weights.cumsum(axis=1)], axis=1)
    at_most, below = (sums <= 2 * rope).sum(axis=1), (sums < -2 * rope).sum(axis=1)
    first_share = (weights * (total[:, -1:] - total[:, at_most])).sum(axis=1)
    second_share = (weights * total[:, below]).sum(axis=1)
    shares = np.stack([first_share, 1 - first_share - second_share, second_share])
    wins = shares >= shares.max(axis=0) - 1e-12
    belief = (wins / wins.sum(axis=0)).mean(axis=1).tolist()
    return Belief(*belief)


@lru_cache(maxsize=1)  # the same for all pairs of networks
def _dirichlet(data_sets: int, draws: int, seed: int) -> np.ndarray:
    """Return weights (draws, 1 + data sets) that add up to 1."""
    return np.random.default_rng(seed).dirichlet([0.5, *[1.0] * data_sets], draws)


def _table(scores: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Return (data sets, networks) float64."""
    lengths = {len(own) for own in scores.values()}
    if len(scores) < 2 or len(lengths) != 1 or lengths.pop() < 2:
        raise ValueError("two networks or more, with accuracies on the same two data sets or more")
    return np.array(list(scores.values()), float).T
