"""The error of a mean over few seeds and many test images: Student's t plus a normal. numpy and scipy only.

Seeds are few, so that their part is an estimated standard error times Student's t; test images are many, so that theirs
is normal. The sum has no closed tail. Given the chi-square variable W below Student's t it is normal, and its tail is a
mean of normal tails over W. The mean is taken as an integral over log W by the trapezoid rule, whose error falls
exponentially for such integrands: it is accurate where the p values of many comparisons lie, which draws
would not reach.
"""

import math
from functools import lru_cache

import numpy as np

STEP = 0.2
"""Of log W, where W has few degrees of freedom. Tails from 1 down to 1e-12 are then good to six figures."""


@lru_cache(maxsize=256)
def _nodes(freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values of W / freedom and their weights, which add up to 1, for a chi-square with this many degrees of
    freedom."""
    step = min(STEP, 0.8 / math.sqrt(freedom))
    log_w = np.arange(-100 / freedom, math.log(freedom + 12 * math.sqrt(2 * freedom) + 80), step)
    log_density = freedom / 2 * (log_w - math.log(2)) - np.exp(log_w) / 2 - math.lgamma(freedom / 2)
    return np.exp(log_w) / freedom, step * np.exp(log_density)


def upper_tail(x: np.ndarray, seed_error: np.ndarray, image_error: np.ndarray, freedom: int) -> np.ndarray:
    """Return P(t · seed_error + z · image_error > x) for t of Student with `freedom` degrees and z standard normal.

    Args:
        x: (n,) 0 or more; for less use symmetry.
        seed_error: (n,) standard errors of the first part, 0 or more.
        image_error: (n,) standard errors of the second, above 0.
        freedom: degrees of freedom of the first part; 0 leaves it out.
    """
    from scipy.special import ndtr

    if not freedom:
        return np.asarray(ndtr(-x / image_error))
    w, weights = _nodes(freedom)
    parts = len(x) * len(w) // 2_000_000 + 1  # 16 MB at a time
    found = np.empty(len(x))
    for part in (slice(len(x)),) if parts == 1 else np.array_split(np.arange(len(x)), parts):
        sd = np.sqrt(seed_error[part, None] ** 2 / w + image_error[part, None] ** 2)
        found[part] = ndtr(-x[part, None] / sd) @ weights
    return found


def half_width(seed_error: float, image_error: float, freedom: int, confidence: float = 0.95) -> float:
    """Return the bound that the error's size stays below with probability `confidence`; arguments as for
    `upper_tail`."""
    from scipy.special import ndtr, ndtri, stdtrit

    tail = (1 - confidence) / 2
    normal = float(ndtri(1 - tail)) * image_error
    if not freedom or not seed_error:
        return normal
    w, weights = _nodes(freedom)
    sd = np.sqrt(seed_error**2 / w + image_error**2)[None]
    # The sum spreads more than either part, and its tail is convex: Newton's steps come from below and stay there.
    x = max(normal, float(stdtrit(freedom, 1 - tail)) * seed_error)
    for _ in range(50):
        z = x / sd
        over = float((ndtr(-z) @ weights)[0]) - tail
        slope = float(((np.exp(-(z**2) / 2) / sd) @ weights)[0]) / math.sqrt(2 * math.pi)
        x += over / slope
        if over < 1e-9 * tail:
            break
    return x
