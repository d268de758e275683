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
