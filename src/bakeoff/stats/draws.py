"""Draws the accuracies that the networks of a table might have had with other seeds and other test images. numpy
only."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

from bakeoff.stats.folds import correction, split_means

DRAWS = 20_000
one_blas_thread = ThreadpoolController().wrap(limits=1, user_api="blas")
"""For products of small matrices: threads of BLAS wait for each other longer than they work."""


@one_blas_thread
def draw_accuracies(
    right: np.ndarray, *, fold_sizes: Sequence[int] = (), draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Return accuracies that K networks might have had with other seeds and other test images, (draws, K).

    Those of a network are contiguous in memory.

    As in `paired_difference`, seeds are a normal sample, and the interaction of seed and image is counted once;
    differences between two columns have the distribution of its error. The effect of the images, a mean over many, is
    normal.

    Args:
        right: (K, S, N) bool, which images each network got right, seed by seed; all of the same seeds and images.
        fold_sizes: in a cross-validation, the number of images of each fold: the variation is then that of folds, see
            `stats.folds`.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: there are fewer than two images.
    """
    means, covariance, seeds_apart = _scatter(right, fold_sizes)
    seeds = seeds_apart.shape[1]
    weights, noise = _standard_draws(draws, seeds, len(means), seed)
    drawn = noise @ _root(covariance).T
    if seeds > 1:
        by_seed = weights @ seeds_apart.T
        by_seed /= math.sqrt(seeds)
        by_seed += means
        drawn += by_seed
    else:
        drawn += means
    return np.asfortranarray(drawn)


@lru_cache(maxsize=2)  # the same for all tables of one size
def _standard_draws(draws: int, seeds: int, nets: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Student's t of the seeds (draws, seeds), empty for one seed, and standard normals (draws, nets)."""
    random = np.random.default_rng(seed)
    weights = np.empty((draws, 0))
    if seeds > 1:
        weights = random.standard_normal((draws, seeds)) / np.sqrt(random.chisquare(seeds - 1, (draws, 1)))
    return weights, random.standard_normal((draws, nets))


@one_blas_thread
def estimate_optimism(right: np.ndarray, *, fold_sizes: Sequence[int] = (), draws: int = 5_000, seed: int = 0) -> float:
    """Return by how much the accuracy of the best of K networks is probably too high because it was chosen as best.

    The network with the best mean was partly lucky. If seeds and test images scatter accuracies around true values, the
    highest exceeds its own true value by this much on average. The true values are unknown: measured means are further
    apart than they are, by the scatter of seeds and images, so the means are first shrunk accordingly. Without
    shrinkage, only two thirds of the optimism would be found for equal networks.

    Args:
        right: (K, S, N) bool, which images each network got right, seed by seed; all of the same seeds and images.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: there are fewer than two images.
    """
    means, covariance, seeds_apart = _scatter(right, fold_sizes)
    nets, seeds = len(means), seeds_apart.shape[1]
    if nets < 2:
        return 0.0
    if seeds > 1:
        covariance = covariance + seeds_apart @ seeds_apart.T / (seeds - 1) / seeds
    # Effects that all networks share, such as test images that are easy for all, do not change their order.
    between = float(means.var(ddof=1))
    scatter = float(np.trace(covariance) - covariance.sum() / nets) / (nets - 1)
    shrunk = math.sqrt(max(0.0, 1 - scatter / between)) if between else 0.0
    centres = means.mean() + shrunk * (means - means.mean())
    _, noise = _standard_draws(draws, 1, nets, seed)
    moved = noise @ _root(covariance).T
    chosen = (centres + moved).argmax(axis=1)
    return max(0.0, float((moved[np.arange(draws), chosen] - moved.mean(axis=1)).mean()))


def _scatter(right: np.ndarray, fold_sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the K means, the (K, K) covariance of their errors from test images, and the (K, S) deviations of the
    seeds.

    In a cross-validation, the deviations are those of the folds, with their correction, and there is no separate error
    from test images.
    """
    seeds, images = right.shape[1:]
    if images < 2 or not seeds:
        raise ValueError(f"{right.shape}: it takes a seed and two images or more")
    if fold_sizes:
        by_fold = split_means(right.mean(axis=1), fold_sizes)
        apart = by_fold - by_fold.mean(axis=1, keepdims=True)
        wider = math.sqrt(len(fold_sizes) * correction(len(fold_sizes)))
        return right.mean(axis=(1, 2)), np.zeros((len(right), len(right))), wider * apart
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
    """Return R such that R · Rᵀ is the covariance without its negative eigenvalues, which come from noise."""
    values, vectors = np.linalg.eigh(covariance)
    root: np.ndarray = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
