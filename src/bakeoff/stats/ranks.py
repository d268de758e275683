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
from bakeoff.stats.rank_tests import friedman, mean_ranks, wilcoxon
from bakeoff.text.formats import percent

FEWEST = 5
"""With fewer data sets ranks are described, not tested."""

STUDENTIZED_RANGE = (
    2.771807648699355, 3.314493155398122, 3.6331595749026278, 3.857655510378623, 4.030092053180576, 4.169554155006547,
    4.286309409349043, 4.38650911549537, 4.474124221725907, 4.551863584065974, 4.621655471868518, 4.684919847313499,
    4.7427317076846975, 4.795923860431186, 4.845154183957343, 4.890951125576789, 4.933745358126922, 4.973892348748306,
    5.0116887941184425, 5.0473848150087655, 5.081193155799909, 5.1132962282719765, 5.143851577247147, 5.17299617312959,
    5.200849820280358, 5.227517890554401, 5.25309353580552, 5.27765949383823, 5.30128957403117, 5.324049888290209,
    5.345999877836653, 5.367193175047121, 5.387678331063073, 5.4074994334281214, 5.426696633056341, 5.445306596002232,
    5.463362892514628, 5.480896333509614, 5.4979352627407465, 5.5145058114663055, 5.530632121228646, 5.546336539405832,
    5.561639791421669, 5.576561132869737, 5.591118484290078, 5.605328550912587, 5.619206929329286, 5.63276820276599,
    5.646026026380527, 5.65899320381105, 5.6716817560264055, 5.684102983386625, 5.696267521699102, 5.708185392951983,
    5.7198660513184985, 5.731318424949656, 5.742550954008434, 5.753571625342619, 5.764388004145548,
)  # fmt: skip
"""95 % quantiles of the studentized range of 2 to 60 means with infinite degrees of freedom, of `scipy.stats`."""


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
    table = _table(scores)
    data_sets, nets = table.shape
    means = mean_ranks(-table)[0].mean(axis=0)
    order = np.argsort(means, kind="stable")
    names = [list(scores)[i] for i in order]
    sorted_means = means[order].tolist()
    distance = critical_difference(nets, data_sets)
    all_equal = bool((table == table[:, :1]).all())
    test = None if nets < 3 else 1.0 if all_equal else friedman(table)
    ranks = dict(zip(names, sorted_means, strict=True))
    return Ranking(ranks, data_sets, test, distance, _groups(names, sorted_means, distance), caution(data_sets))


def critical_difference(nets: int, data_sets: int, alpha: float = 0.05) -> float:
    """Return how far apart two mean ranks must be to differ by Nemenyi's test."""
    quantile = _studentized_range(nets, alpha) / math.sqrt(2)
    return quantile * math.sqrt(nets * (nets + 1) / (6 * data_sets))


def _studentized_range(nets: int, alpha: float) -> float:
    """Return the quantile of the range of `nets` standard normal values."""
    if alpha == 0.05 and nets - 2 < len(STUDENTIZED_RANGE):
        return STUDENTIZED_RANGE[nets - 2]
    from scipy.stats import studentized_range  # takes longer to import than the rest of an answer

    return float(studentized_range.ppf(1 - alpha, nets, np.inf))


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
    table = dict(zip(scores, _table(scores).T, strict=True))
    pairs = list(combinations(table, 2))
    return dict(zip(pairs, holm(wilcoxon(np.array([table[a] - table[b] for a, b in pairs]))), strict=True))


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
    weights = _dirichlet(len(differences), draws, seed)
    first_share, second_share = _above(values, weights, 2 * rope), _above(-values, weights, 2 * rope)
    shares = np.stack([first_share, 1 - first_share - second_share, second_share])
    wins = shares >= shares.max(axis=0) - 1e-12
    belief = (wins / wins.sum(axis=0)).mean(axis=1).tolist()
    return Belief(*belief)


def _above(values: np.ndarray, weights: np.ndarray, limit: float) -> np.ndarray:
    """Return (draws,) the sum of w_i · w_j over the pairs of values that add up to more than a limit.

    Args:
        values: (n,)
        weights: (n, draws)
        limit: of the sum of two values.
    """
    ascending = np.argsort(values)
    descending = ascending[::-1]
    partners = (values[ascending, None] + values[None] > limit).sum(axis=1)  # the highest values
    share, theirs, product = np.zeros((3, weights.shape[1]))
    known = 0
    for value, count in zip(ascending, partners, strict=True):
        for partner in descending[known:count]:
            theirs += weights[partner]
        known = count
        share += np.multiply(weights[value], theirs, out=product)
    return share


@lru_cache(maxsize=1)  # the same for all pairs of networks
def _dirichlet(data_sets: int, draws: int, seed: int) -> np.ndarray:
    """Return weights (1 + data sets, draws) that add up to 1 in each draw."""
    drawn = np.random.default_rng(seed).dirichlet([0.5, *[1.0] * data_sets], draws)
    return np.ascontiguousarray(drawn.T)


def _table(scores: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Return (data sets, networks) float64."""
    lengths = {len(own) for own in scores.values()}
    if len(scores) < 2 or len(lengths) != 1 or lengths.pop() < 2:
        raise ValueError("two networks or more, with accuracies on the same two data sets or more")
    return np.array(list(scores.values()), float).T
