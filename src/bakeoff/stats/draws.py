"""What other seeds and other test images might have made of a table of networks, drawn together. numpy only."""

import math

import numpy as np

DRAWS = 20_000


def draw_together(right: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Return accuracies of K networks as other seeds and other test images might have given them, (draws, K).

    As in `paired_difference`, seeds are a normal sample and what belongs to a seed and an image together is counted
    once; the differences of two columns scatter as its error does. The move by the images, a mean over many, is normal.

    Args:
        right: (K, S, N) bool, which images each network got right, seed by seed; all of the same seeds and images.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: there are fewer than two images.
    """
    means, covariance, seeds_apart = _scatter(right)
    seeds = right.shape[1]
    random = np.random.default_rng(seed)
    drawn = np.repeat(means[None], draws, axis=0)
    if seeds > 1:
        weights = random.standard_normal((draws, seeds)) / np.sqrt(random.chisquare(seeds - 1, (draws, 1)))
        drawn += weights @ seeds_apart.T / math.sqrt(seeds)
    return drawn + random.standard_normal((draws, len(means))) @ _root(covariance).T


def optimism(right: np.ndarray, *, draws: int = 5_000, seed: int = 0) -> float:
    """Return by how much the accuracy of the best of K networks is probably too high, because it was chosen as best.

    The best of the data is in part the luckiest. If other seeds and test images gave other accuracies around known
    ones, the highest would be above its own known one by this much on average. The known ones are not known: measured
    means are further apart than they, by just the scatter of seeds and images, so they are drawn together as much
    first. Without that, of networks that are equal two thirds of the optimism would be found.

    Args:
        right: (K, S, N) bool, which images each network got right, seed by seed; all of the same seeds and images.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: there are fewer than two images.
    """
    means, covariance, seeds_apart = _scatter(right)
    nets, seeds = len(means), right.shape[1]
    if nets < 2:
        return 0.0
    if seeds > 1:
        covariance = covariance + seeds_apart @ seeds_apart.T / (seeds - 1) / seeds
    # What all networks share, such as test images that are easy for all, moves none before another.
    between = float(means.var(ddof=1))
    scatter = float(np.trace(covariance) - covariance.sum() / nets) / (nets - 1)
    shrunk = math.sqrt(max(0.0, 1 - scatter / between)) if between else 0.0
    centres = means.mean() + shrunk * (means - means.mean())
    moved = np.random.default_rng(seed).standard_normal((draws, nets)) @ _root(covariance).T
    chosen = (centres + moved).argmax(axis=1)
    return max(0.0, float((np.take_along_axis(moved, chosen[:, None], 1)[:, 0] - moved.mean(axis=1)).mean()))


def _scatter(right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the K means, the (K, K) covariance of their errors from test images, and (K, S) what seeds are apart."""
    seeds, images = right.shape[1:]
    if images < 2 or not seeds:
        raise ValueError(f"{right.shape}: it takes a seed and two images or more")
    by_seed, by_image = right.mean(axis=2), right.mean(axis=1)
    means = by_seed.mean(axis=1)
    seeds_apart, images_apart = by_seed - means[:, None], by_image - means[:, None]
    covariance = images_apart @ images_apart.T / (images - 1) / images
    if seeds > 1:
        rest = right - by_seed[:, :, None] - images_apart[:, None, :]
        both = np.einsum("ksn,lsn->kl", rest, rest, optimize=True) / ((seeds - 1) * (images - 1)) / (seeds * images)
        covariance -= both
    return means, covariance, seeds_apart


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return R with R · Rᵀ the covariance, what noise made negative in it left out."""
    values, vectors = np.linalg.eigh(covariance)
    root: np.ndarray = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
