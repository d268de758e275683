"""Two networks on the same test images: how far apart they are, how surely, and what would settle it. No torch.

A network's accuracy on a data set is uncertain twice: another seed trains another network, and other test images of
the same kind give other errors. Both networks met the same seeds (order and split of the images) and the same test
images, so differences are taken within a seed and an image before anything is averaged. The mean difference is off by
Student's t times the standard error over seeds, plus a normal with that over test images.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bakeoff.stats.tails import half_width, upper_tail
from bakeoff.text.formats import counted

LEVEL = 0.05
"""A difference is significant if its p value, corrected for all pairs of its table, is below this."""


LEAST = 0.1
"""Of the variance of seed and image together, what the seeds' variance is at least."""


@dataclass(frozen=True)
class Difference:
    """Accuracy of network A minus that of network B, as fractions of 1."""

    mean: float
    low: float
    high: float
    probability: float
    """P(A better than B), were any difference as likely as any other beforehand."""
    p_value: float
    """Two-sided, of no difference; of single runs that of McNemar's exact test."""
    seeds: int
    images: int
    seed_error: float | None
    """Standard error of the mean from the seeds alone; None for a single seed."""
    image_error: float
    """Standard error of the mean from the test images alone."""
    method: str

    @property
    def is_settled(self) -> bool:
        """Whether the interval leaves zero out: significant, if it were the only comparison."""
        return self.p_value < LEVEL


@dataclass(frozen=True)
class Errors:
    """Mean differences of P pairs of networks, and where they may be off."""

    mean: np.ndarray
    """(P,) accuracy of the first minus that of the second."""
    seed: np.ndarray
    """(P,) standard errors from the seeds alone; 0 for a single seed."""
    image: np.ndarray
    """(P,) standard errors from the test images alone, above 0."""
    seeds: int
    images: int

    @property
    def tail(self) -> np.ndarray:
        """(P,) chance of an error of this sign and size or more."""
        return upper_tail(np.abs(self.mean), self.seed, self.image, self.seeds - 1)


def errors(by_seed: np.ndarray, image_squares: np.ndarray, squares: np.ndarray, images: int) -> Errors:
    """Split the scatter of differences into what seeds and what test images account for.

    The part of the scatter that belongs to a seed and an image together is in both, and is taken out of the second
    (variance components of a crossed design, e.g. Owen 2007, doi:10.1214/07-AOAS122). Neither part is ever without
    error. Seeds that happen to have the same count are not the same: theirs is at least a tenth of the variance that
    the part of seed and image together has alone. (A tenth leaves the power as it is; the whole of it would leave
    hardly any to three seeds.) The images' error is enlarged by half an image, a correction for continuity:
    images are won and lost whole, and two networks that agree on all of them might differ on the next.

    Args:
        by_seed: (P, S) differences of the accuracies at each of S seeds.
        image_squares: (P,) the squares of the N images' mean differences over seeds, added up.
        squares: (P,) the S · N squared differences, added up.
        images: N, two at least.
    """
    seeds = by_seed.shape[1]
    mean = by_seed.mean(axis=1)
    of_images = image_squares - images * mean**2
    image_variance = of_images / (images - 1) / images
    seed_variance = np.zeros(len(mean))
    if seeds > 1:
        of_seeds = ((by_seed - mean[:, None]) ** 2).sum(axis=1)
        # Residual sum of squares of the two-way layout: all, less what seeds and what images account for.
        rest = squares - seeds * images * mean**2 - images * of_seeds - seeds * of_images
        both = np.maximum(0.0, rest) / ((seeds - 1) * (images - 1)) / (seeds * images)
        seed_variance = np.maximum(of_seeds / (seeds - 1) / seeds, LEAST * both)
        image_variance = image_variance - both
    image_error = np.sqrt(np.maximum(0.0, image_variance)) + 0.5 / images
    return Errors(mean, np.sqrt(seed_variance), image_error, seeds, images)


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
    apart = right_a.astype(np.int8) - right_b.astype(np.int8)
    seeds, images = apart.shape
    by_image = apart.sum(axis=0, dtype=np.int64)
    squares = np.array([np.count_nonzero(apart)])
    found = errors(apart.mean(axis=1)[None], np.array([by_image @ by_image / seeds**2]), squares, images)
    return difference(found, 0, int(squares[0]), confidence=confidence)


def difference(found: Errors, place: int, unlike: int, *, sign: int = 1, confidence: float = 0.95) -> Difference:
    """Return one pair of many; with the sign -1 the other way round.

    Args:
        found: all of them.
        place: of the pair among them.
        unlike: on how many images, over all seeds, one network alone was right.
        sign: 1 or -1.
        confidence: of the interval.
    """
    parts = [own[place : place + 1] for own in (found.mean, found.seed, found.image)]
    mean, seed_error, image_error = (float(part[0]) for part in parts)
    tail = float(Errors(parts[0], parts[1], parts[2], found.seeds, found.images).tail[0])
    half = half_width(seed_error, image_error, found.seeds - 1, confidence)
    ends = [mean - half, mean + half]
    p_value = 2 * tail
    if found.seeds == 1:
        test = _exact(round((unlike + mean * found.images) / 2), round((unlike - mean * found.images) / 2))
        p_value = test.p_value
        exact = _exact_ends(test, found.images, confidence)
        # The wider of the two, but on the side of zero that the exact test says: interval and p value agree.
        ends = [
            own if (own > 0) != (normal > 0) and (own < 0) != (normal < 0) else wider(own, normal)
            for own, normal, wider in zip(exact, ends, (min, max), strict=True)
        ]
    ends = sorted(sign * max(-1.0, min(1.0, end)) for end in ends)
    above = 1 - tail if mean > 0 else tail
    over = "one seed: exact test of McNemar" if found.seeds == 1 else "t over seeds and normal over test images"
    return Difference(
        mean=sign * mean,
        low=ends[0],
        high=ends[1],
        probability=above if sign > 0 else 1 - above,
        p_value=min(1.0, p_value),
        seeds=found.seeds,
        images=found.images,
        seed_error=seed_error if found.seeds > 1 else None,
        image_error=image_error,
        method=f"{confidence:.0%} interval, {over}",
    )


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
    return _exact(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum()))


def exact_p_values(fewer: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """Return McNemar's p values where of `unlike` images the network with fewer of them won `fewer`."""
    from scipy.special import bdtr

    return np.where(unlike > 0, np.minimum(1.0, 2 * bdtr(fewer, np.maximum(unlike, 1).astype(int), 0.5)), 1.0)


def _exact(only_a: int, only_b: int) -> McNemar:
    p_value = float(exact_p_values(np.array([min(only_a, only_b)]), np.array([only_a + only_b]))[0])
    return McNemar(only_a, only_b, p_value)


def _exact_ends(test: McNemar, images: int, confidence: float) -> tuple[float, float]:
    """Return what the difference may be, given that so many images tell the two apart (Clopper & Pearson 1934)."""
    from scipy.special import betaincinv

    a, b, tail = test.only_a, test.only_b, (1 - confidence) / 2
    low = float(betaincinv(a, b + 1, tail)) if a else 0.0
    high = float(betaincinv(a + 1, b, 1 - tail)) if b else 1.0
    return (2 * low - 1) * (a + b) / images, (2 * high - 1) * (a + b) / images


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in the order given.

    Reject those below 5 %: then the chance of one or more false rejections among them all is 5 % at most.
    """
    return _step_down(p_values, np.arange(len(p_values), 0, -1))


def all_pairs(p_values: Sequence[float], nets: int) -> list[float]:
    """Return p values of comparisons of `nets` networks in pairs, corrected for all of them, in the order given.

    Holm's rule, but of hypotheses that cannot all be true together fewer are counted (Shaffer 1986, S1): if two of four
    networks differ, at most three of the six pairs are equal. Whichever pair is looked at afterwards, such as the best
    of the data against another, the chance of one or more false rejections is 5 % at most.
    """
    every, count = nets * (nets - 1) // 2, len(p_values)
    if nets > MANY:
        return holm(p_values)
    # Where i pairs are known to differ, the largest number that can still be equal.
    possible = np.array([i if bit == "1" else 0 for i, bit in enumerate(reversed(f"{_equal_pairs(nets):b}"))])
    most = np.maximum.accumulate(possible)[every - np.arange(count)]
    return _step_down(p_values, np.maximum(np.minimum(most, count - np.arange(count)), 1))


MANY = 60
"""Networks of which Holm's rule alone is as good, and sooner reckoned."""


@lru_cache(maxsize=MANY)
def _equal_pairs(nets: int) -> int:
    """Return which numbers of pairs can be equal at the same time among so many networks, as bits."""
    if nets < 2:
        return 1
    found = 0
    for alike in range(1, nets + 1):
        found |= _equal_pairs(nets - alike) << alike * (alike - 1) // 2
    return found


def _step_down(p_values: Sequence[float], factors: np.ndarray) -> list[float]:
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, float)[order] * factors))
    found: list[float] = adjusted.tolist()
    return found


@dataclass(frozen=True)
class Outlook:
    """What would settle a comparison."""

    seeds: int | None
    """Seeds in all that would show the difference; None if no number of them would, or up to the limit."""
    reason: str


def seeds_to_settle(difference: Difference, *, level: float = LEVEL, power: float = 0.8, most: int = 200) -> Outlook:
    """Return how many seeds in all would probably settle a comparison, if the difference is what it looks like.

    It counts the power of a t test over seeds, the test images' part added to the scatter; with few seeds so far the
    scatter is itself a guess, and so is the answer. The level is that of the test: of several networks it is divided
    by the number of their pairs.
    """
    from scipy.special import nctdtr, ndtri, stdtrit

    if difference.p_value < level:
        return Outlook(difference.seeds, "settled already")
    if difference.seed_error is None:
        return Outlook(None, "one seed says nothing about how seeds differ: run a second")
    if abs(difference.mean) <= float(ndtri(1 - level / 2)) * difference.image_error:
        return Outlook(None, "the test images are too few for a difference of this size, whatever the seeds")
    sd = difference.seed_error * math.sqrt(difference.seeds)

    def is_enough(seeds: int) -> bool:
        shift = abs(difference.mean) / math.sqrt(sd**2 / seeds + difference.image_error**2)
        return 1 - float(nctdtr(seeds - 1, shift, stdtrit(seeds - 1, 1 - level / 2))) >= power

    seeds = difference.seeds + 1 + bisect_left(range(difference.seeds + 1, most + 1), True, key=is_enough)
    if seeds > most:
        return Outlook(None, f"even {most} seeds would probably not show it")
    return Outlook(
        seeds, f"{counted(seeds - difference.seeds, 'more seed')} would show it with a chance of {power:.0%}"
    )
