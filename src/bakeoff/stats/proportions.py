"""Intervals of proportions: shares of images that were classified correctly. No torch."""

from math import sqrt

Z = 1.96
"""Quantile of the normal distribution for 95 %."""


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927).

    Raises:
        ValueError: n is 0.
    """
    if n < 1:
        raise ValueError("the interval of a proportion of nothing")
    share = successes / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return middle - half, middle + half


def newcombe(successes: float, n: int, other: float, m: int) -> tuple[float, float]:
    """Return the 95 % interval of successes/n − other/m, two independent proportions (Newcombe 1998, method 10).

    Raises:
        ValueError: n or m is 0.
    """
    (low, high), (other_low, other_high) = wilson(successes, n), wilson(other, m)
    share, other_share = successes / n, other / m
    down = sqrt((share - low) ** 2 + (other_high - other_share) ** 2)
    up = sqrt((high - share) ** 2 + (other_share - other_low) ** 2)
    return share - other_share - down, share - other_share + up


def paired_difference(only_one: int, only_other: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two proportions of the same n cases (Agresti & Min 2005).

    Half a case is added to each of the four kinds of cases; the estimate is (only_one − only_other)/n.

    Args:
        only_one: cases that only the first got right.
        only_other: cases that only the other got right.
        n: all cases.

    Raises:
        ValueError: n is 0.
    """
    if n < 1:
        raise ValueError("the interval of a difference over nothing")
    one, other, cases = only_one + 0.5, only_other + 0.5, n + 2
    middle = (one - other) / cases
    half = Z * sqrt(max(0.0, (one + other) - (one - other) ** 2 / cases)) / cases
    return max(-1.0, middle - half), min(1.0, middle + half)
