"""Paired differences of two networks on the same test images, and how many seeds would settle them. No torch.

A network's accuracy on a data set is uncertain twice: another seed trains another network, and other test images of the
same kind give other errors. Both networks have the same seeds (order and split of the images) and the same test images,
so differences are taken within a seed and an image before anything is averaged. The error of the mean difference is
Student's t times the standard error over seeds, plus a normal error over test images.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bakeoff.stats.folds import METHOD, correction
from bakeoff.stats.mcnemar import exact_ends, exact_test
from bakeoff.stats.tails import half_width, upper_tail
from bakeoff.text.formats import counted, percent

LEVEL = 0.05
"""A difference is significant if its p value, corrected for all pairs of its table, is below this."""

LEAST_SEED_SHARE = 0.1
"""The seeds' variance is at least this share of the variance of the interaction of seed and image."""


@dataclass(frozen=True)
class Difference:
    """Accuracy of network A minus that of network B, as fractions of 1."""

    mean: float
    low: float
    high: float
    probability: float
    """P(A better than B), with a flat prior on the difference."""
    p_value: float
    """Two-sided p value of no difference; for single runs, that of McNemar's exact test."""
    seeds: int
    images: int
    seed_error: float | None
    """Standard error of the mean from the seeds alone; None for a single seed."""
    image_error: float
    """Standard error of the mean from the test images alone."""
    method: str
    folds: int = 0
    """Of a cross-validation, in which each image was tested in one fold; 0 if the test images are always the same."""

    @property
    def basis(self) -> str:
        """What it is based on, besides test images: "3 seeds", "5 folds, 3 seeds"."""
        return f"{self.folds} folds, " * bool(self.folds) + counted(self.seeds, "seed")

    @property
    def is_settled(self) -> bool:
        """Whether the interval excludes zero, so that it would be significant as the only comparison."""
        return self.p_value < LEVEL


@dataclass(frozen=True)
class Errors:
    """Mean differences of P pairs of networks, and their errors."""

    mean: np.ndarray
    """(P,) accuracy of the first minus that of the second."""
    seed: np.ndarray
    """(P,) standard errors from the seeds alone; 0 for a single seed."""
    image: np.ndarray
    """(P,) standard errors from the test images alone, above 0."""
    seeds: int
    images: int
    folds: int = 0

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the seeds' errors, or of the folds'."""
        return (self.folds or self.seeds) - 1

    @property
    def tail(self) -> np.ndarray:
        """(P,) probability of an error of at least this size and of this sign."""
        return upper_tail(np.abs(self.mean), self.seed, self.image, self.freedom)


def estimate_errors(by_seed: np.ndarray, image_squares: np.ndarray, squares: np.ndarray, images: int) -> Errors:
    """Estimate the errors of P mean differences that come from seeds and from test images.

    The interaction of seed and image is part of both variances, and is subtracted from that of the images (variance
    components of a crossed design, e.g. Owen 2007, doi:10.1214/07-AOAS122). Neither error is ever zero. Seeds that
    happen to have the same number of errors are not identical, so the seeds' variance is at least a tenth of the
    interaction's: a tenth keeps the power, while the whole would leave hardly any with three seeds. Half an image is
    added to the images' error as a continuity correction: two networks that agree on all images might differ on the
    next.

    Args:
        by_seed: (P, S) differences of the accuracies at each of S seeds.
        image_squares: (P,) sum of squares of the N images' differences, each the mean over seeds.
        squares: (P,) sum of squares of all S · N differences.
        images: N, at least 2.
    """
    seeds = by_seed.shape[1]
    mean = by_seed.mean(axis=1)
    # Sums of squares of the two-way layout, seeds by images.
    image_sum = image_squares - images * mean**2
    seed_variance = np.zeros(len(mean))
    image_variance = image_sum / (images - 1) / images
    if seeds > 1:
        seed_sum = ((by_seed - mean[:, None]) ** 2).sum(axis=1)
        residual_sum = squares - seeds * images * mean**2 - images * seed_sum - seeds * image_sum
        interaction_variance = np.maximum(0.0, residual_sum) / ((seeds - 1) * (images - 1)) / (seeds * images)
        seed_variance = np.maximum(seed_sum / (seeds - 1) / seeds, LEAST_SEED_SHARE * interaction_variance)
        image_variance = image_variance - interaction_variance
    image_error = np.sqrt(np.maximum(0.0, image_variance)) + 0.5 / images
    return Errors(mean, np.sqrt(seed_variance), image_error, seeds, images)


def estimate_fold_errors(
    mean: np.ndarray, by_fold: np.ndarray, discordant: np.ndarray, seeds: int, images: int
) -> Errors:
    """Estimate the errors of P mean differences over the folds of a cross-validation; see `stats.folds`.

    Seeds, training sets and test images all differ between folds, so the folds' variance includes them all; `seed` is
    the corrected standard error, `image` half an image for continuity. Folds that happen to be alike are not identical:
    their variance is at least a tenth of what the discordant images alone would give.

    Args:
        mean: (P,) differences of the accuracies over all images.
        by_fold: (P, K) differences in each fold, means over seeds.
        discordant: (P,) on how many images, summed over seeds, exactly one network was right.
        seeds: how many on each fold.
        images: in all folds.
    """
    folds = by_fold.shape[1]
    least = LEAST_SEED_SHARE * discordant / seeds / images / (images / folds)
    variance = np.maximum(by_fold.var(axis=1, ddof=1), least) * correction(folds)
    return Errors(mean, np.sqrt(variance), np.full(len(mean), 0.5 / images), seeds, images, folds)


def paired_difference(right_a: np.ndarray, right_b: np.ndarray, *, confidence: float = 0.95) -> Difference:
    """Return the difference of two accuracies, paired by seed and by test image.

    Args:
        right_a: (S, N) bool, which images network A got right, seed by seed.
        right_b: (S, N) bool, the same for network B, its row s of the same seed.
        confidence: of the interval, which has equal tails.

    Raises:
        ValueError: the two are not of the same seeds and images, or there are fewer than two images.
    """
    if right_a.shape != right_b.shape or right_a.ndim != 2 or not len(right_a) or right_a.shape[1] < 2:
        raise ValueError(f"{right_a.shape} and {right_b.shape}: both must be (seeds, images) of the same runs")
    differences = right_a.astype(np.int8) - right_b.astype(np.int8)
    seeds, images = differences.shape
    by_image = differences.sum(axis=0, dtype=np.int64)
    discordant = int(np.count_nonzero(differences))
    by_seed, image_squares = differences.mean(axis=1)[None], np.array([by_image @ by_image / seeds**2])
    errors = estimate_errors(by_seed, image_squares, np.array([discordant]), images)
    return pick_difference(errors, 0, discordant, confidence=confidence)


def pick_difference(
    errors: Errors, place: int, discordant: int, *, sign: int = 1, confidence: float = 0.95
) -> Difference:
    """Return the difference of one of the P pairs; with `sign` -1, of the second network minus the first.

    Args:
        errors: of all pairs.
        place: of the pair among them.
        discordant: on how many images, summed over seeds, exactly one of the two networks was right.
        sign: 1 or -1.
        confidence: of the interval.
    """
    mean, seed, image = (values[[place]] for values in (errors.mean, errors.seed, errors.image))
    one = Errors(mean, seed, image, errors.seeds, errors.images, errors.folds)
    lead, seed_error, image_error, tail = (float(values[0]) for values in (mean, seed, image, one.tail))
    half = half_width(seed_error, image_error, errors.freedom, confidence)
    ends, p_value, method = [lead - half, lead + half], 2 * tail, "t over seeds and normal over test images"
    if errors.folds:
        method = METHOD.format(errors.folds)
    elif errors.seeds == 1:
        won = lead * errors.images
        test = exact_test(round((discordant + won) / 2), round((discordant - won) / 2))
        exact = exact_ends(test, errors.images, confidence)
        ends = [_widen(*end) for end in zip(exact, ends, (min, max), strict=True)]
        p_value, method = test.p_value, "one seed: exact test of McNemar"
    ends = sorted(sign * max(-1.0, min(1.0, end)) for end in ends)
    a_is_better = 1 - tail if lead > 0 else tail
    return Difference(
        mean=sign * lead,
        low=ends[0],
        high=ends[1],
        probability=a_is_better if sign > 0 else 1 - a_is_better,
        p_value=min(1.0, p_value),
        seeds=errors.seeds,
        images=errors.images,
        seed_error=seed_error if errors.freedom else None,
        image_error=image_error,
        method=f"{percent(confidence, 0)} interval, {method}",
        folds=errors.folds,
    )


def _widen(exact: float, normal: float, wider: Callable[[float, float], float]) -> float:
    """Return the wider of two ends of an interval, but on the exact one's side of zero: the p value is that side's.

    `wider` is min for the lower ends and max for the upper ones.
    """
    on_other_side = (exact > 0) != (normal > 0) and (exact < 0) != (normal < 0)
    return exact if on_other_side else wider(exact, normal)


@dataclass(frozen=True)
class Outlook:
    """What would settle a comparison."""

    seeds: int | None
    """Total number of seeds that would show the difference; None if no number up to the limit would."""
    reason: str


def seeds_to_settle(difference: Difference, *, level: float = LEVEL, power: float = 0.8, most: int = 200) -> Outlook:
    """Return the total number of seeds that would probably settle a comparison, if the difference is as measured.

    It computes the power of a t test over seeds, with the error from test images added; with few seeds so far, the
    deviation is itself a guess, and so is the answer. The level is that of the test: with several networks, it is
    divided by the number of pairs.
    """
    from scipy.special import nctdtr, ndtri, stdtrit

    if difference.p_value < level:
        return Outlook(difference.seeds, "settled already")
    if difference.folds:
        return Outlook(None, "more images could show a difference, but more seeds on the same folds hardly would")
    if difference.seed_error is None:
        return Outlook(None, "one seed says nothing about how seeds differ: run a second")
    if abs(difference.mean) <= float(ndtri(1 - level / 2)) * difference.image_error:
        return Outlook(None, "the test images are too few for a difference of this size, with any number of seeds")
    sd = difference.seed_error * math.sqrt(difference.seeds)

    def is_enough(seeds: int) -> bool:
        shift = abs(difference.mean) / math.sqrt(sd**2 / seeds + difference.image_error**2)
        return 1 - float(nctdtr(seeds - 1, shift, stdtrit(seeds - 1, 1 - level / 2))) >= power

    seeds = difference.seeds + 1 + bisect_left(range(difference.seeds + 1, most + 1), True, key=is_enough)
    if seeds > most:
        return Outlook(None, f"even {most} seeds would probably not show it")
    return Outlook(
        seeds, f"{counted(seeds - difference.seeds, 'more seed')} would show it with a chance of {percent(power, 0)}"
    )
