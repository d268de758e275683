"""Learning curves: predicts the error of a training of full length from shorter ones. No store, no torch.

The error after a fraction f of the full length is assumed to fall as a power law to an asymptote above zero, as
learning curves of classifiers do (Domhan et al. 2015; Viering & Loog 2023): e(f) = e(1) · (1 + g · (f^-a - 1) / (2^a -
1)), so g is the relative increase of the error at half the length. The prior of e(1) is flat; those of g and a are
`GAIN` and `BEND`. Before the fall, a network may stay at the error of guessing for a while, during which its curve says
nothing about what follows (`ONSET`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GAIN = (0.25, 1.0)
"""Median of g, and the standard deviation of its logarithm."""
BEND = (0.5, 3.0)
"""Least and largest a: with less than half, a curve that was steep would go on falling for long, as few do."""
SEED_SPREAD = 0.06
"""Standard deviation of the error over seeds, as a fraction of the error."""
OWN_SHARE = 0.5
"""Trainings of different length with one seed share their validation images and their first weights: only so much of
the variance of each over validation images, and of its deviation over seeds, is its own."""
ALIKE = 0.5
"""Correlation of the errors of two networks over images. The networks of one seed have the same validation images, so
this share of the variance over images is the same for all and cancels out where they are compared."""
ONSET = 3
"""Of a training that is cut at a fraction f with an error e, the chance that its fall has yet to begin is taken to be
(e / guessing)^3 · (1 - f): next to nothing unless it hardly beats guessing. At
the end its error is then anything between f · e / 2 and e: the later the fall begins, the less it achieves."""


@dataclass(frozen=True)
class TrainingPoint:
    """A finished training of some length."""

    fraction: float
    """Of the full length, above 0 and up to 1."""
    error: float
    """On the validation images, a fraction."""
    images: int
    """How many validation images there are."""
    seed: int = 0


def sample_full_error(
    points: Sequence[TrainingPoint],
    random: np.random.Generator,
    draws: int = 2000,
    *,
    guessing: float = 1.0,
    compared: bool = False,
) -> np.ndarray:
    """Return draws, (draws,) float64, from the posterior of the mean error over seeds at full length.

    Args:
        points: the trainings of one network.
        random: draws the numbers.
        draws: how many.
        guessing: the error of always naming the most common class.
        compared: whether the draws are only compared with those of networks with the same validation images.

    Raises:
        ValueError: there is no point.
    """
    if not points:
        raise ValueError("a curve needs at least one point")
    gain = np.exp(random.normal(np.log(GAIN[0]), GAIN[1], draws))
    bend = random.uniform(*BEND, draws)
    seeds = [[p for p in points if p.seed == seed] for seed in sorted({p.seed for p in points})]
    fits = [_fit_seed(own, gain, bend, 1 - ALIKE if compared else 1.0) for own in seeds]
    means, variances, log_weights = (np.array(part) for part in zip(*fits, strict=True))
    # Given g and a, the error at full length is a weighted mean over seeds with a normal posterior.
    precision = (1 / variances).sum(0)
    mean = (means / variances).sum(0) / precision
    log_weight = log_weights.sum(0) - 0.5 * (((means - mean) ** 2 / variances + np.log(variances)).sum(0))
    log_weight -= 0.5 * np.log(precision)
    weight = np.exp(log_weight - log_weight.max())
    chosen = random.choice(draws, draws, p=weight / weight.sum())
    drawn = _truncated_normal(mean[chosen], precision[chosen] ** -0.5, random)
    farthest = max(point.fraction for point in points)
    reached = float(np.mean([point.error for point in points if point.fraction == farthest]))
    still_to_begin = min(1.0, reached / guessing) ** ONSET * (1 - farthest)
    return np.where(
        random.random(draws) < still_to_begin, random.uniform(farthest * reached / 2, reached, draws), drawn
    )


def _fit_seed(
    points: Sequence[TrainingPoint], gain: np.ndarray, bend: np.ndarray, over_images: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each draw of g and a what the trainings of one seed say of the error at full length.

    That is its least squares estimate, the variance of that, and the logarithm of how well the curve fits;
    `over_images` is the share of the variance over images that counts.
    """
    precision, weighted, squares = np.zeros((3, len(gain)))
    for point in points:
        ratio = _ratio(point, gain, bend)
        of_images, of_seeds = _variances(point, over_images)
        own = OWN_SHARE * of_images + OWN_SHARE**2 * of_seeds
        precision += ratio**2 / own
        weighted += ratio * point.error / own
        squares += point.error**2 / own
    mean = weighted / precision
    longest = max(points, key=lambda point: point.fraction)
    of_images, of_seeds = _variances(longest, over_images)
    shared = (1 - OWN_SHARE) * of_images + (1 - OWN_SHARE**2) * of_seeds
    variance = 1 / precision + shared / _ratio(longest, gain, bend) ** 2
    # A flat prior on the error that this seed would reach: the curve's own misfit, integrated over that error.
    return mean, variance, -0.5 * (squares - precision * mean**2 + np.log(precision))


def _ratio(point: TrainingPoint, gain: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Return by how many times the error of this training is larger than that at full length, for each draw."""
    return 1 + gain * (point.fraction**-bend - 1) / (2**bend - 1)


def _variances(point: TrainingPoint, over_images: float) -> tuple[float, float]:
    """Return the part of the variance of an error over validation images that counts, and the variance over seeds."""
    smoothed = (point.error * point.images + 0.5) / (point.images + 1)
    return over_images * smoothed * (1 - smoothed) / point.images, (SEED_SPREAD * smoothed) ** 2


def _truncated_normal(mean: np.ndarray, deviation: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return normal draws between 0 and 1: those outside are drawn again a few times, then clipped."""
    drawn = random.normal(mean, deviation)
    for _ in range(20):
        outside = (drawn < 0) | (drawn > 1)
        if not outside.any():
            break
        drawn[outside] = random.normal(mean[outside], deviation[outside])
    return drawn.clip(0, 1)


def probability_of_best(errors: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Return each candidate's probability of having the lowest error, or one within `margin` of it; `errors` is
    (candidates, draws)."""
    best = errors.min(axis=0)
    if margin:
        return (errors <= best + margin).mean(axis=1)
    ties = errors == best
    return (ties / ties.sum(axis=0)).mean(axis=1)
