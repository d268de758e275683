"""Statistics of runs: intervals over seeds. numpy and scipy only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bakeoff.text.formats import percent

ONE_STEP = "their deviation is taken as one test image"
"""What is said of values that deviate by less than their smallest step."""


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
    """Return the mean of `values` with Student's t interval, which assumes that the seeds are a normal sample.

    A single value has no interval, as `method` says. Where the smallest possible step is known, such as one test image,
    a deviation below one step is taken as one step, in the interval but not in `sd`, and `method` says so: a few values
    that are equal, or nearly, do not show that others would be. Without a step, equal values have no interval.

    Args:
        values: one per seed.
        confidence: of the interval.
        step: the least deviation to assume, which is that of one test image; 0 if it is unknown.
        within: the possible range of the mean, at which the interval is cut off.

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
    half = _quantile(n - 1, (1 + confidence) / 2) * spread / math.sqrt(n)
    least, most = within or (-math.inf, math.inf)
    method = f"{percent(confidence, 0)} t interval over seeds"
    if sd < step:
        method += f", which {'differ little' if sd else 'are alike'}: {ONE_STEP}"
    return Interval(mean, n, sd, max(least, mean - half), min(most, mean + half), method)


@lru_cache(maxsize=1000)
def _quantile(freedom: int, probability: float) -> float:
    """Return that of Student's t."""
    from scipy.special import stdtrit  # a tenth of the import time of scipy.stats

    return float(stdtrit(freedom, probability))


def _sd(values: Sequence[float], mean: float) -> float:
    """Return the sample deviation, 0 if values are equal except for the last bits."""
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return sd if sd > 1e-12 * abs(mean) else 0.0


def prediction_interval(
    values: Sequence[float], confidence: float = 0.95, *, step: float = 0.0, within: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """Return the interval for one more draw: mean ± t·sd·√(1 + 1/n), assuming a normal sample.

    A deviation below `step` is taken as one step, as in `mean_interval`. None for fewer than two values, and for equal
    values without a step. The interval is cut off at `within`.
    """
    interval = mean_interval(values, confidence)
    if interval.sd is None or not max(interval.sd, step):
        return None
    half = _quantile(interval.n - 1, (1 + confidence) / 2) * max(interval.sd, step) * math.sqrt(1 + 1 / interval.n)
    least, most = within or (-math.inf, math.inf)
    return max(least, interval.mean - half), min(most, interval.mean + half)
