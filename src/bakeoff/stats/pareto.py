"""The Pareto front of accuracy and cost, with the probability of each network being on it. No torch.

A network is on the front if no other is at least as accurate at a lower cost, or more accurate at the same cost. Costs
are assumed to be known; accuracies are uncertain because of seeds and test images, and so is the front.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.stats.draws import draw_accuracies

COSTS = ("flops", "trainable_parameters", "train_seconds", "latency_ms_median")
"""Measures that accuracy is compared with if all networks of a table have them: medians over seeds."""

EQUAL = 1e-12
"""Accuracies closer than this are equal: the two networks make the same predictions."""


@dataclass(frozen=True)
class Front:
    """The front of accuracy and one cost. The field names are the keys of the JSON: they stay."""

    cost: str
    """The measure that is used as cost."""
    costs: dict[str, float]
    """By network, the cheapest first."""
    on_front: tuple[str, ...]
    """Networks on the front of the measured means, the cheapest first."""
    probability: dict[str, float]
    """Probability of being on the front with other seeds and test images of the same kind. The cheapest is always on
    it."""


@dataclass(frozen=True)
class Chances:
    """Probabilities for a table with other seeds and other test images of the same kind."""

    best: dict[str, float]
    """By network, the probability of being the best; empty where no seed is shared by all."""
    fronts: tuple[Front, ...]
    seeds: int
    """Those that all networks have finished; with one, other seeds are not in the probabilities."""


def estimate_chances(
    nets: Sequence[str],
    right: np.ndarray,
    costs: Mapping[str, Mapping[str, float | None]],
    fold_sizes: Sequence[int] = (),
) -> Chances:
    """Return the probabilities of being the best, and of being on the fronts of those costs that all networks have.

    Args:
        nets: K names.
        right: (K, S, N) bool, which images each got right, seed by seed; S may be 0.
        costs: by measure and name.
        fold_sizes: of a cross-validation, the images of each fold.
    """
    seeds = right.shape[1]
    if not seeds:
        return Chances({}, (), 0)
    drawn = draw_accuracies(right, fold_sizes=fold_sizes)
    highest = drawn >= drawn.max(axis=1, keepdims=True) - EQUAL
    equals = highest.sum(axis=1, keepdims=True)
    best = (highest if equals.max() == 1 else np.divide(highest, equals, order="C")).mean(axis=0)
    known = {cost: {net: value for net, value in own.items() if value is not None} for cost, own in costs.items()}
    means = right.mean(axis=(1, 2)).tolist()
    fronts = tuple(front(nets, means, drawn, cost, own) for cost, own in known.items() if len(own) == len(nets))
    return Chances(dict(zip(nets, best.tolist(), strict=True)), fronts, seeds)


def front(
    nets: Sequence[str], means: Sequence[float], drawn: np.ndarray, cost: str, costs: Mapping[str, float]
) -> Front:
    """Return the front with its probabilities.

    Args:
        nets: K names.
        means: their K accuracies.
        drawn: (draws, K) accuracies as other seeds and images might have given them, all K together.
        cost: what the cost is.
        costs: it, by name.
    """
    order = sorted(range(len(nets)), key=lambda place: costs[nets[place]])
    price = np.array([costs[nets[place]] for place in order])
    measured = is_on_front(np.asarray(means, float)[None, order], price)[0]
    shares = is_on_front(drawn.T[order].T, price).mean(axis=0)
    names = [nets[place] for place in order]
    return Front(
        cost=cost,
        costs=dict(zip(names, price.tolist(), strict=True)),
        on_front=tuple(name for name, is_on in zip(names, measured, strict=True) if is_on),
        probability=dict(zip(names, shares.tolist(), strict=True)),
    )


def is_on_front(accuracies: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Return (draws, K) bool for (draws, K) accuracies and K costs in rising order."""
    found = np.empty(accuracies.shape, bool, order="F")
    cheaper = np.full(len(accuracies), -np.inf)  # the highest accuracy at a lower cost
    for begin in np.flatnonzero(np.diff(costs, prepend=-np.inf)):
        group = slice(begin, np.searchsorted(costs, costs[begin], side="right"))
        alike = accuracies[:, group]
        highest = alike.max(axis=1)
        found[:, group] = (alike > (cheaper + EQUAL)[:, None]) & (alike >= (highest - EQUAL)[:, None])
        cheaper = np.maximum(cheaper, highest)
    return found
