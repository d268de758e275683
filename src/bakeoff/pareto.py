"""Accuracy against cost: which networks are worth what they cost, and how surely. No torch.

A network is on the front if no other is at least as accurate for less, or more accurate for as much. Costs are taken as
known; accuracies are uncertain by seeds and by test images, and so is the front.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
