"""Tables of networks, seeds and test images, drawn with known chances."""

import numpy as np


def table(
    random: np.random.Generator, spreads: np.ndarray, seeds: int, images: int = 1000, leads: np.ndarray | float = 0.0
) -> np.ndarray:
    """(K, S, N) bool: networks right on nine of ten images, some of them hard for all, some for one network alone.

    `spreads` are the K deviations between seeds, `leads` what is added to the accuracy of each.
    """
    difficulty = random.beta(0.6, 5, images)
    taste = random.normal(0, 0.05, (len(spreads), images))
    taste -= taste.mean(axis=1, keepdims=True)
    moved = np.asarray(leads) + random.normal(size=(seeds, len(spreads))) * spreads
    chances = 1 - difficulty + taste[None] + moved[:, :, None]
    return (random.random(chances.shape) < chances).swapaxes(0, 1)
