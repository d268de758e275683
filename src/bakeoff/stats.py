"""Statistics of runs: intervals over seeds. numpy and scipy only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A mean over n values with its 95 % interval; low and high are None where n does not allow one."""

    mean: float
    n: int
    sd: float | None
    """Sample standard deviation (ddof = 1)."""
    low: float | None
    high: float | None
    method: str


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of `values` with Student's t interval, which takes the seeds as a normal sample.

    One value has no interval: that is said in `method`, not hidden.

    Raises:
        ValueError: there are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("the mean of no values")
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, 1, None, None, None, "one seed: no interval")
    from scipy.special import stdtrit  # a tenth of the import time of scipy.stats

    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sd / math.sqrt(n)
    return Interval(mean, n, sd, mean - half, mean + half, f"{confidence:.0%} t interval over seeds")


def prediction_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return where one more draw would fall: mean ± t·sd·√(1 + 1/n), the values taken as a normal sample.

    None for fewer than two values, which say nothing about how draws differ.
    """
    interval = mean_interval(values, confidence)
    if interval.sd is None:
        return None
    from scipy.special import stdtrit

    half = float(stdtrit(interval.n - 1, (1 + confidence) / 2)) * interval.sd * math.sqrt(1 + 1 / interval.n)
    return interval.mean - half, interval.mean + half
