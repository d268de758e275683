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


def mean_interval(
    values: Sequence[float], confidence: float = 0.95, *, step: float = 0.0, within: tuple[float, float] | None = None
) -> Interval:
    """Return the mean of `values` with Student's t interval, which takes the seeds as a normal sample.

    One value has no interval: that is said in `method`, not hidden. Nor have values that are all the same, unless it is
    known in which steps they can differ at all, such as that of one test image: then their deviation is taken as one.

    Args:
        values: one per seed.
        confidence: of the interval.
        step: the smallest deviation of the seeds, 0 where it is not known.
        within: what the mean can be at all: the interval ends there.

    Raises:
        ValueError: there are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("the mean of no values")
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, 1, None, None, None, "one seed: no interval")
    sd = _sd(values, mean)
    spread = max(sd, step)
    if not spread:
        return Interval(mean, n, sd, None, None, f"{n} seeds alike: no interval")
    from scipy.special import stdtrit  # a tenth of the import time of scipy.stats

    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * spread / math.sqrt(n)
    least, most = within or (-math.inf, math.inf)
    return Interval(
        mean, n, sd, max(least, mean - half), min(most, mean + half), f"{confidence:.0%} t interval over seeds"
    )


def _sd(values: Sequence[float], mean: float) -> float:
    """Return the sample deviation, 0 where values are the same but for the last bits."""
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return sd if sd > 1e-12 * abs(mean) else 0.0


def prediction_interval(
    values: Sequence[float], confidence: float = 0.95, *, step: float = 0.0, within: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """Return where one more draw would fall: mean ± t·sd·√(1 + 1/n), the values taken as a normal sample.

    None for fewer than two values, which say nothing about how draws differ, and for values that are all the same,
    unless it is known in which steps they can differ at all: then their deviation is taken as one. The interval ends
    where draws can be at all, `within`.
    """
    interval = mean_interval(values, confidence)
    if interval.sd is None or not max(interval.sd, step):
        return None
    from scipy.special import stdtrit

    half = float(stdtrit(interval.n - 1, (1 + confidence) / 2)) * max(interval.sd, step) * math.sqrt(1 + 1 / interval.n)
    least, most = within or (-math.inf, math.inf)
    return max(least, interval.mean - half), min(most, interval.mean + half)
