"""What can be turned in a data set: small pure functions on uint8 images or labels, each with a level.

Levels are nested: what is drawn at random is drawn once for all of them, so that a stronger version has all that a
weaker one has. How many images a class has and how far images are enlarged are settings of the recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bakeoff.spec.run import derive_seed

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""

Pixels: TypeAlias = Callable[[np.ndarray, slice, float], np.ndarray]
"""(all images of the split (N, C, H, W) uint8, which of them, level) → those changed, (n, C, H, W) uint8."""
Choice: TypeAlias = Callable[[np.ndarray, int, float], tuple[np.ndarray | None, np.ndarray]]
"""(labels (N,), number of classes, level) → the rows that stay, None for all, and their new labels."""


@dataclass(frozen=True)
class Dial:
    """What can be turned in a data set."""

    about: str
    """What the level means."""
    reach: tuple[float, float]
    whole: bool = False
    original: float | None = None
    """The level that changes nothing; None where that is the number of classes."""
    pixels: Pixels | None = None
    """For all splits alike."""
    train: Choice | None = None
    """For the training split only."""
    everywhere: Choice | None = None
    """For all splits alike."""


@dataclass(frozen=True)
class RecipeDial:
    """What can be turned in the recipe."""

    about: str
    reach: tuple[float, float]
    field: str
    whole: bool = True


def colour(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Mix each image with its own grey version."""
    own = images[part].astype(np.float32)
    grey = np.einsum("nchw,c->nhw", own, LUMA)[:, None]
    return _bytes(grey + np.float32(level) * (own - grey))


def contrast(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Move each pixel towards the mean of its channel of its image."""
    own = images[part].astype(np.float32)
    mean = own.mean((2, 3), keepdims=True)
    return _bytes(mean + np.float32(level) * (own - mean))


def resolution(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Average over larger pixels, which are then drawn as squares: less detail at the same size."""
    own = images[part].astype(np.float32)
    sides = own.shape[2:]
    coarse = [max(1, round(side * level)) for side in sides]
    down, right = (_means(old, new) for old, new in zip(sides, coarse, strict=True))
    small = _bytes(down @ own @ right.T)
    rows, columns = (np.arange(old) * new // old for old, new in zip(sides, coarse, strict=True))
    return np.ascontiguousarray(small[:, :, rows][:, :, :, columns])


def _means(old: int, new: int) -> np.ndarray:
    """Return the (new, old) matrix of means over what each new pixel covers, parts of pixels by their part."""
    start = np.arange(new)[:, None] * old / new
    pixel = np.arange(old)
    covered = np.minimum(start + old / new, pixel + 1) - np.maximum(start, pixel)
    return (covered.clip(min=0) * new / old).astype(np.float32)


def clutter(images: np.ndarray, part: slice, level: float) -> np.ndarray:
    """Lay square fragments of other images of the split over each image, a quarter of the side each.

    After the cluttered MNIST of Mnih, Heess, Graves & Kavukcuoglu 2014; here fragments cover what lies below them, so
    that the level means the same for drawings and photographs.
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
    """Keep so many of the classes, drawn once: fewer classes are part of more."""
    kept = kept_classes(count, int(level))
    rows = np.flatnonzero(np.isin(labels, kept))
    return rows, np.searchsorted(kept, labels[rows])


def kept_classes(count: int, level: int) -> np.ndarray:
    """Return which of `count` classes stay, in their order."""
    return np.sort(_random("classes").permutation(count)[:level])


def label_noise(labels: np.ndarray, count: int, level: float) -> tuple[np.ndarray | None, np.ndarray]:
    """Give a share of the images a wrong label, every wrong one as likely as the next."""
    random = _random("label-noise")
    order, moves = random.permutation(len(labels)), random.integers(1, max(2, count), len(labels))
    chosen = order[: round(level * len(labels))]
    noisy = labels.copy()
    noisy[chosen] = (labels[chosen] + moves[chosen]) % count
    return None, noisy


def imbalance(labels: np.ndarray, count: int, level: float) -> tuple[np.ndarray | None, np.ndarray]:
    """Thin the classes out, each by the same factor more than the one before it, the last to 1/level of its images.

    The order of the classes is drawn once. The long tail of Cui, Jia, Lin, Song & Belongie 2019 (CVPR). Two images of
    each class stay.
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
    "colour": Dial("share of the colour that stays, 0 is grey", (0, 1), original=1, pixels=colour),
    "contrast": Dial("share of the contrast that stays", (0, 1), original=1, pixels=contrast),
    "resolution": Dial("share of the detail along a side that stays", (0.01, 1), original=1, pixels=resolution),
    "clutter": Dial("fragments of other images", (0, 64), whole=True, original=0, pixels=clutter),
    "classes": Dial("classes that stay", (2, 100_000), whole=True, everywhere=classes),
    "label-noise": Dial("share of wrong training labels", (0, 1), original=0, train=label_noise),
    "imbalance": Dial("training images of the largest class over the smallest", (1, 1e6), original=1, train=imbalance),
}
IN_THE_RECIPE: dict[str, RecipeDial] = {
    "images-per-class": RecipeDial("training images of each class", (2, 1e7), "images_per_class"),
    "upscale": RecipeDial("times each pixel is repeated either way", (1, 32), "image.scale"),
}
