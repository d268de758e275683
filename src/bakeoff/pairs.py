"""Two networks on the same test images: how far apart they are, how surely, and what would settle it. No torch.

A network's accuracy on a data set is uncertain twice: another seed trains another network, and other test images of
the same kind give other errors. Both networks met the same seeds (order and split of the images) and the same test
images, so differences are taken within a seed and an image before anything is averaged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 20_000


@dataclass(frozen=True)
class Difference:
    """Accuracy of network A minus that of network B, as fractions of 1."""

    mean: float
    low: float
    high: float
    probability: float
    """P(A better than B): of the draws, those above zero, and half of those at zero."""
    p_value: float
    """Two-sided, of no difference: twice the smaller tail of the draws, 1 / draws at least."""
    seeds: int
    images: int
    seed_error: float | None
    """Standard error of the mean from the seeds alone; None for a single seed."""
    image_error: float
    """Standard error of the mean from the test images alone."""
    method: str

    @property
    def is_settled(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def paired_difference(
    right_a: np.ndarray, right_b: np.ndarray, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """Return the difference of two accuracies, paired by seed and by test image.

    Each of the draws is the mean, moved twice. By the seeds: they are few, and resampling three of them gives
    intervals that hold far less often than they say, so they are taken as a normal sample and the move is drawn from
    Student's t. By the images: N of them are drawn with replacement. The part of the scatter that belongs to a seed
    and an image together is in both, and is taken out of the second (variance components of a crossed design, e.g.
    Owen 2007, doi:10.1214/07-AOAS122).

    Args:
        right_a: (S, N) bool, which images network A got right, seed by seed.
        right_b: (S, N) bool, the same for network B, its row s of the same seed.
        confidence: of the interval, which has equal tails.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: the two are not of the same seeds and images, or there are fewer than two images.
    """
    if right_a.shape != right_b.shape or right_a.ndim != 2 or not len(right_a) or right_a.shape[1] < 2:
        raise ValueError(f"{right_a.shape} and {right_b.shape}: both must be (seeds, images) of the same runs")
    random = np.random.default_rng(seed)
    apart = right_a.astype(np.int8) - right_b.astype(np.int8)
    seeds, images = apart.shape
    by_seed, sums = apart.mean(axis=1), apart.sum(axis=0, dtype=np.int64)
    mean = float(by_seed.mean())

    # An image's sum is a whole number from -S to S, so images are drawn by counting how many have each.
    values, counts = np.unique(sums / seeds, return_counts=True)
    by_images = random.multinomial(images, counts / images, draws) @ values / images - mean
    image_variance = float((counts * (values - mean) ** 2).sum()) / (images - 1) / images
    seed_error: float | None = None
    by_seeds: np.ndarray | float = 0.0
    if seeds > 1:
        seed_error = float(by_seed.std(ddof=1)) / math.sqrt(seeds)
        by_seeds = random.standard_t(seeds - 1, draws) * seed_error
        # Residual sum of squares of the two-way layout: all, less what seeds and what images account for.
        total = float((apart.astype(np.int64) ** 2).sum()) - seeds * images * mean**2
        rest = total - images * float(((by_seed - mean) ** 2).sum()) - seeds * image_variance * images * (images - 1)
        both = max(0.0, rest) / ((seeds - 1) * (images - 1)) / (seeds * images)
        left = max(0.0, image_variance - both)
        by_images *= math.sqrt(left / image_variance) if image_variance else 0.0
        image_variance = left
    drawn = mean + by_images + by_seeds
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    above = float((drawn > 1e-12).mean() + (np.abs(drawn) <= 1e-12).mean() / 2)
    over = "one seed: test images resampled" if seeds == 1 else "seeds as a normal sample, test images resampled"
    return Difference(
        mean=mean,
        low=float(low),
        high=float(high),
        probability=above,
        p_value=min(1.0, max(2 * min(above, 1 - above), 1 / draws)),
        seeds=seeds,
        images=images,
        seed_error=seed_error,
        image_error=math.sqrt(image_variance),
        method=f"{confidence:.0%} interval, {over}",
    )


def draw_together(right: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Return accuracies of K networks as other seeds and other test images might have given them, (draws, K).

    As in `paired_difference`, seeds are a normal sample and what belongs to a seed and an image together is counted
    once; the differences of two columns scatter as its draws do. The move by the images, a mean over many, is normal.

    Args:
        right: (K, S, N) bool, which images each network got right, seed by seed; all of the same seeds and images.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: there are fewer than two images.
    """
    nets, seeds, images = right.shape
    if images < 2 or not seeds:
        raise ValueError(f"{right.shape}: it takes a seed and two images or more")
    random = np.random.default_rng(seed)
    by_seed, by_image = right.mean(axis=2), right.mean(axis=1)
    means = by_seed.mean(axis=1)
    seeds_apart, images_apart = by_seed - means[:, None], by_image - means[:, None]
    covariance = images_apart @ images_apart.T / (images - 1) / images
    drawn = np.repeat(means[None], draws, axis=0)
    if seeds > 1:
        weights = random.standard_normal((draws, seeds)) / np.sqrt(random.chisquare(seeds - 1, (draws, 1)))
        drawn += weights @ seeds_apart.T / math.sqrt(seeds)
        rest = right - by_seed[:, :, None] - images_apart[:, None, :]
        both = np.einsum("ksn,lsn->kl", rest, rest, optimize=True) / ((seeds - 1) * (images - 1)) / (seeds * images)
        covariance -= both
    values, vectors = np.linalg.eigh(covariance)
    spread = vectors * np.sqrt(np.maximum(values, 0.0))
    return drawn + random.standard_normal((draws, nets)) @ spread.T


@dataclass(frozen=True)
class McNemar:
    """Two single runs on the same images."""

    only_a: int
    """Images that only A got right."""
    only_b: int
    p_value: float
    """Exact, two-sided: were the nets equally good, either would win each of these images with probability 1/2."""


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """Return the exact test of McNemar (1947) of two single runs; `right_a` and `right_b` are (N,) bool.

    It is about these two trained networks: what another seed would do it does not know.
    """
    from scipy.stats import binomtest

    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_value = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    return McNemar(only_a, only_b, float(p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in the order given.

    Reject those below 5 %: then the chance of one or more false rejections among them all is 5 % at most.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    found: list[float] = adjusted.tolist()
    return found


@dataclass(frozen=True)
class Outlook:
    """What would settle a comparison."""

    seeds: int | None
    """Seeds in all that would show the difference; None if no number of them would, or up to the limit."""
    reason: str


def seeds_to_settle(difference: Difference, *, power: float = 0.8, most: int = 200) -> Outlook:
    """Return how many seeds in all would probably settle a comparison, if the difference is what it looks like.

    It counts the power of a t test over seeds, the test images' part added to the scatter; with few seeds so far the
    scatter is itself a guess, and so is the answer.
    """
    from scipy.stats import nct
    from scipy.stats import t as student

    if difference.is_settled:
        return Outlook(difference.seeds, "settled already")
    if difference.seed_error is None:
        return Outlook(None, "one seed says nothing about how seeds differ: run a second")
    if abs(difference.mean) <= 1.96 * difference.image_error:
        return Outlook(None, "the test images are too few for a difference of this size, whatever the seeds")
    sd = difference.seed_error * math.sqrt(difference.seeds)
    for seeds in range(difference.seeds + 1, most + 1):
        error = math.sqrt(sd**2 / seeds + difference.image_error**2)
        shift, limit = abs(difference.mean) / error, float(student.ppf(0.975, seeds - 1))
        if float(nct.sf(limit, seeds - 1, shift)) >= power:
            return Outlook(seeds, f"{seeds - difference.seeds} more seeds would show it with a chance of {power:.0%}")
    return Outlook(None, f"even {most} seeds would probably not show it")
