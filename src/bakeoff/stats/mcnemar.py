"""McNemar's exact test of two single runs on the same test images. No torch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class McNemar:
    """Two single runs on the same images."""

    only_a: int
    """Images that only A got right."""
    only_b: int
    p_value: float
    """Exact, two-sided: were the networks equally good, either would win each of these images with probability 1/2."""


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """Return McNemar's (1947) exact test of two single runs; `right_a` and `right_b` are (N,) bool.

    It compares these two trained networks and says nothing about other seeds.
    """
    return exact_test(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum()))


def exact_test(only_a: int, only_b: int) -> McNemar:
    """Return the test from the number of images that only one of the two networks got right."""
    p_value = float(exact_p_values(np.array([min(only_a, only_b)]), np.array([only_a + only_b]))[0])
    return McNemar(only_a, only_b, p_value)


def exact_p_values(fewer: np.ndarray, discordant: np.ndarray) -> np.ndarray:
    """Return the exact p values (P,) of P pairs.

    Args:
        fewer: (P,) discordant images that the worse network got right.
        discordant: (P,) images that exactly one of the two networks got right.
    """
    from scipy.special import bdtr

    return np.where(discordant > 0, np.minimum(1.0, 2 * bdtr(fewer, np.maximum(discordant, 1).astype(int), 0.5)), 1.0)


def exact_ends(test: McNemar, images: int, confidence: float) -> tuple[float, float]:
    """Return an interval of the difference of the accuracies, given the number of discordant images.

    It is the interval of Clopper and Pearson (1934) for the share of the discordant images that A got right.

    Args:
        test: of the two runs.
        images: in the test split.
        confidence: of the interval, such as 0.95.
    """
    from scipy.special import betaincinv

    a, b, tail = test.only_a, test.only_b, (1 - confidence) / 2
    low = float(betaincinv(a, b + 1, tail)) if a else 0.0
    high = float(betaincinv(a + 1, b, 1 - tail)) if b else 1.0
    return (2 * low - 1) * (a + b) / images, (2 * high - 1) * (a + b) / images
