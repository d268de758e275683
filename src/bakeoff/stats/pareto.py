"""Accuracy against cost: which networks are worth what they cost, and how surely. No torch.

A network is on the front if no other is at least as accurate for less, or more accurate for as much. Costs are taken as
known; accuracies are uncertain by seeds and by test images, and so is the front.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.stats.draws import draw_together

COSTS = ("flops", "trainable_parameters", "train_seconds", "latency_ms_median")
"""Measures that accuracy is held against, where all networks of a table have them: medians over seeds."""

EQUAL = 1e-12
"""Accuracies less far apart are the same: two networks that predict alike."""


@dataclass(frozen=True)
class Front:
    """The front of accuracy and one cost. The field names are the keys of the JSON: they stay."""

    cost: str
    """The measure that stands for the cost."""
    costs: dict[str, float]
    """By network, the cheapest first."""
    on_front: tuple[str, ...]
    """Networks on the front of the measured means, the cheapest first."""
    probability: dict[str, float]
    """Of being on the front, with other seeds and other test images of the same kind. The cheapest is always on it."""


@dataclass(frozen=True)
class Chances:
    """What other seeds and other test images of the same kind would probably make of a table."""

    best: dict[str, float]
    """By network, the probability of being the best; empty where no seed is shared by all."""
    fronts: tuple[Front, ...]
    seeds: int
    """Those that all networks have finished; with one, other seeds are not in the probabilities."""


def chances(nets: Sequence[str], right: np.ndarray, costs: Mapping[str, Mapping[str, float | None]]) -> Chances:
    """Return the probabilities of being the best, and of being on the fronts of those costs that all networks have.

    Args:
        nets: K names.
        right: (K, S, N) bool, which images each got right, seed by seed; S may be 0.
        costs: by measure and name.
    """
    seeds = right.shape[1]
    if not seeds:
        return Chances({}, (), 0)
    drawn = draw_together(right)
    highest = drawn >= drawn.max(axis=1, keepdims=True) - EQUAL
    best = (highest / highest.sum(axis=1, keepdims=True)).mean(axis=0)
    known = {cost: {net: value for net, value in own.items() if value is not None} for cost, own in costs.items()}
    means = right.mean(axis=(1, 2)).tolist()
    fronts = tuple(front(nets, means, drawn, cost, own) for cost, own in known.items() if len(own) == len(nets))
    return Chances(dict(zip(nets, best.tolist(), strict=True)), fronts, seeds)


def front(
    nets: Sequence[str], means: Sequence[float], drawn: np.ndarray, cost: str, costs: Mapping[str, float]
) -> Front:
    """Return the front and how sure it is.

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
    shares = is_on_front(drawn[:, order], price).mean(axis=0)
    names = [nets[place] for place in order]
    return Front(
        cost=cost,
        costs=dict(zip(names, price.tolist(), strict=True)),
        on_front=tuple(name for name, is_on in zip(names, measured, strict=True) if is_on),
        probability=dict(zip(names, shares.tolist(), strict=True)),
    )


def is_on_front(accuracies: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Return (draws, K) bool for (draws, K) accuracies and K costs in rising order."""
    found = np.empty(accuracies.shape, bool)
    for place, cost in enumerate(costs):
        cheaper, alike = accuracies[:, costs < cost], accuracies[:, costs == cost]
        beats = accuracies[:, place] > cheaper.max(axis=1, initial=-np.inf) + EQUAL
        found[:, place] = beats & (accuracies[:, place] >= alike.max(axis=1) - EQUAL)
    return found
