"""The dials: pure functions that change uint8 images or labels by a level.

Levels are nested: random numbers are drawn once for all levels, so a stronger version contains the changes of a weaker
one. Images per class and enlargement are settings of the recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bakeoff.spec.run import derive_seed

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""

Pixels: TypeAlias = Callable[[np.ndarray, slice, float], np.ndarray]
"""(all images of the split (N, C, H, W) uint8, a slice of them, level) → the changed slice (n, C, H, W) uint8."""
Choice: TypeAlias = Callable[[np.ndarray, int, float], tuple[np.ndarray | None, np.ndarray]]
"""(labels (N,), number of classes, level) → the rows to keep (None for all) and their new labels."""


@dataclass(frozen=True)
class Dial:
    """A property of a data set that can be changed."""

    about: str
    """Meaning of the level."""
    reach: tuple[float, float]
    whole: bool = False
    original: float | None = None
    """The level that changes nothing; None if that is the number of classes."""
    pixels: Pixels | None = None
    """Applied to all splits."""
    train: Choice | None = None
    """Applied to the training split only."""
    everywhere: Choice | None = None
    """Applied to all splits."""


@dataclass(frozen=True)
class RecipeDial:
    """A dial that is a field of the recipe."""

    about: str
    reach: tuple[float, float]
    field: str
    whole: bool = True


def colour(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Mix each image with its grey version."""
    own = images[part].astype(np.float32)
    grey = np.einsum("nchw,c->nhw", own, LUMA)[:, None]
    return _bytes(grey + np.float32(level) * (own - grey))


def contrast(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Move each pixel towards the mean of its channel in its image."""
    own = images[part].astype(np.float32)
    mean = own.mean((2, 3), keepdims=True)
    return _bytes(mean + np.float32(level) * (own - mean))


def resolution(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Average over larger pixels, drawn as squares: less detail at the same size."""
    own = images[part].astype(np.float32)
    sides = own.shape[2:]
    coarse = [max(1, round(side * level)) for side in sides]
    down, right = (_means(old, new) for old, new in zip(sides, coarse, strict=True))
    small = _bytes(down @ own @ right.T)
    rows, columns = (np.arange(old) * new // old for old, new in zip(sides, coarse, strict=True))
    return np.ascontiguousarray(small[:, :, rows][:, :, :, columns])


def _means(old: int, new: int) -> np.ndarray:
    """Return the (new, old) matrix that averages over the area of each new pixel."""
    start = np.arange(new)[:, None] * old / new
    pixel = np.arange(old)
    covered = np.minimum(start + old / new, pixel + 1) - np.maximum(start, pixel)
    return (covered.clip(min=0) * new / old).astype(np.float32)


def clutter(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Paste square fragments of other images of the split over each image, a quarter of the side each.

    After the cluttered MNIST of Mnih, Heess, Graves & Kavukcuoglu 2014; here fragments are opaque, so that a level
    means the same for drawings and photographs.
    """
    own = np.array(images[part])
    count, (height, width) = len(images), images.shape[2:]
    side = max(1, round(min(height, width) / 4))
    which, steps = np.arange(len(own))[:, None, None, None], np.arange(side)
    channels = np.arange(images.shape[1])[None, :, None, None]
    for number in range(int(level)):
        random = np.random.default_rng(derive_seed(0, "grade", "clutter", number))
        donors = random.integers(0, count, count)[part][:, None, None, None]
        tops = random.integers(0, height - side + 1, (2, count))[:, part, None, None, None] + steps[:, None]
        lefts = random.integers(0, width - side + 1, (2, count))[:, part, None, None, None] + steps
        own[which, channels, tops[0], lefts[0]] = images[donors, channels, tops[1], lefts[1]]
    return own


def classes(labels: np.ndarray, count: int, level: float) -> tuple[np.ndarray | None, np.ndarray]:
    """Keep `level` classes; fewer classes are a subset of more."""
    kept = kept_classes(count, int(level))
    rows = np.flatnonzero(np.isin(labels, kept))
    return rows, np.searchsorted(kept, labels[rows])


def kept_classes(count: int, level: int) -> np.ndarray:
    """Return the indices of the `level` classes of `count` that are kept, sorted."""
    return np.sort(_random("classes").permutation(count)[:level])


def label_noise(labels: np.ndarray, count: int, level: float) -> tuple[np.ndarray | None, np.ndarray]:
    """Give a fraction of the images a wrong label, drawn uniformly from the other classes."""
    random = _random("label-noise")
    order, moves = random.permutation(len(labels)), random.integers(1, max(2, count), len(labels))
    chosen = order[: round(level * len(labels))]
    noisy = labels.copy()
    noisy[chosen] = (labels[chosen] + moves[chosen]) % count
    return None, noisy


def imbalance(labels: np.ndarray, count: int, level: float) -> tuple[np.ndarray | None, np.ndarray]:
    """Reduce the classes by a geometric series, the last to 1/level of its images: the long tail of Cui et al. 2019.

    The order of the classes is drawn once. At least two images per class are kept. (Cui, Jia, Lin, Song & Belongie,
    CVPR 2019.)
    """
    random = _random("imbalance")
    places = random.permutation(count)
    rows = []
    for label in range(count):
        own = random.permutation(np.flatnonzero(labels == label))
        share = level ** (-places[label] / max(1, count - 1))
        rows.append(own[: max(2, round(len(own) * share))])
    kept = np.sort(np.concatenate(rows))
    return kept, labels[kept]


def _random(dial: str) -> np.random.Generator:
    return np.random.default_rng(derive_seed(0, "grade", dial))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


DIALS: dict[str, Dial] = {
    "colour": Dial("fraction of the colour that is kept; 0 is grey", (0, 1), original=1, pixels=colour),
    "contrast": Dial("fraction of the contrast that is kept", (0, 1), original=1, pixels=contrast),
    "resolution": Dial(
        "fraction of the resolution along a side that is kept", (0.01, 1), original=1, pixels=resolution
    ),
    "clutter": Dial("fragments of other images", (0, 64), whole=True, original=0, pixels=clutter),
    "classes": Dial("number of classes that are kept", (2, 100_000), whole=True, everywhere=classes),
    "label-noise": Dial("fraction of wrong training labels", (0, 1), original=0, train=label_noise),
    "imbalance": Dial("ratio of largest to smallest training class", (1, 1e6), original=1, train=imbalance),
}
IN_THE_RECIPE: dict[str, RecipeDial] = {
    "images-per-class": RecipeDial("training images per class", (2, 1e7), "images_per_class"),
    "upscale": RecipeDial("times each pixel is repeated in both directions", (1, 32), "image.scale"),
}
