"""Means over the folds of a cross-validation, and their uncertainty. numpy and scipy only.

Folds are not independent samples: any two training sets share most images, so the variance of the mean is larger than
s²/K, by an unknown covariance. The corrected resampled t test uses (1/K + n₁/n₂)·s², with n₁ test images and n₂
training images, which is (1/K + 1/(K - 1))·s² for K folds, and Student's t with K - 1 degrees of freedom (Nadeau &
Bengio 2003, Machine Learning 52:239-281, doi:10.1023/A:1024068626366). There is no unbiased estimate (Bengio &
Grandvalet 2004). Seeds on the same folds are averaged first, since they are not additional folds.
"""

import math
from collections.abc import Sequence

import numpy as np

from bakeoff.stats.intervals import ONE_STEP, Interval
from bakeoff.text.formats import percent

METHOD = "corrected resampled t over {} folds (Nadeau & Bengio 2003)"


def correction(folds: int) -> float:
    """Return the variance of the mean over folds, in units of their variance."""
    return 1 / folds + 1 / (folds - 1)


def split_means(right: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the mean of (..., N) values over each fold, (..., K); the images of the folds follow one another."""
    starts = np.cumsum([0, *sizes[:-1]])
    means: np.ndarray = np.add.reduceat(right, starts, axis=-1, dtype=float) / np.asarray(sizes)
    return means


def fold_interval(
    mean: float, by_fold: Sequence[float], confidence: float = 0.95, *, step: float, within: tuple[float, float]
) -> Interval:
    """Return the interval of a mean over folds.

    Args:
        mean: over all images.
        by_fold: the mean of each of K folds, over seeds.
        confidence: of the interval.
        step: the least deviation of the folds to assume, that of one test image; a smaller one is taken as this, and
            `method` says so.
        within: the interval ends there.
    """
    from scipy.special import stdtrit

    folds = len(by_fold)
    sd = float(np.std(by_fold, ddof=1))
    half = float(stdtrit(folds - 1, (1 + confidence) / 2)) * max(sd, step) * math.sqrt(correction(folds))
    method = f"{percent(confidence, 0)} interval, {METHOD.format(folds)}"
    if sd < step:
        method += f", which {'differ little' if sd else 'are alike'}: {ONE_STEP}"
    return Interval(mean, folds, sd, max(within[0], mean - half), min(within[1], mean + half), method)
