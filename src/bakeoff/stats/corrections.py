"""Corrections of p values for the number of comparisons. No torch."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in the order given.

    If those below 5 % are rejected, the probability of any false rejection among them all is at most 5 %.
    """
    return _step_down(p_values, np.arange(len(p_values), 0, -1))


def shaffer(p_values: Sequence[float], nets: int) -> list[float]:
    """Return p values of comparisons of `nets` networks in pairs, corrected for all of them, in the order given.

    Like Holm's rule, but with fewer hypotheses where not all can be true together (Shaffer 1986, S1): if two of four
    networks differ, at most three of the six pairs are equal. Whichever pair is chosen afterwards, such as the best
    network against another, the probability of any false rejection is at most 5 %.
    """
    every, count = nets * (nets - 1) // 2, len(p_values)
    if nets > MANY:
        return holm(p_values)
    # If i pairs are known to differ, the largest number that can still be equal.
    possible = np.array([i if bit == "1" else 0 for i, bit in enumerate(reversed(f"{_equal_pairs(nets):b}"))])
    most = np.maximum.accumulate(possible)[every - np.arange(count)]
    return _step_down(p_values, np.maximum(np.minimum(most, count - np.arange(count)), 1))


MANY = 60
"""With more networks than this, Holm's rule is nearly as powerful, and much faster to compute."""


@lru_cache(maxsize=MANY)
def _equal_pairs(nets: int) -> int:
    """Return which numbers of pairs can be equal at the same time among this many networks, as bits."""
    if nets < 2:
        return 1
    found = 0
    for alike in range(1, nets + 1):
        found |= _equal_pairs(nets - alike) << alike * (alike - 1) // 2
    return found


def _step_down(p_values: Sequence[float], factors: np.ndarray) -> list[float]:
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, float)[order] * factors))
    found: list[float] = adjusted.tolist()
    return found
