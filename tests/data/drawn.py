"""Image files that the tests draw."""

from pathlib import Path

import numpy as np
from PIL import Image as Picture


def draw(path: Path, seed: int, size: tuple[int, int] = (6, 5), colour: bool = True) -> None:
    """A random picture of (height, width), different for every seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, 3) if colour else size
    Picture.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)


def pixels(dataset) -> dict[str, np.ndarray]:
    return {name: split.images.copy() for name, split in dataset.splits().items()}


def assert_same(one, other) -> None:
    assert one.info == other.info
    for name, split in one.splits().items():
        np.testing.assert_array_equal(split.images, other.splits()[name].images)
        np.testing.assert_array_equal(split.labels, other.splits()[name].labels)
