"""Cutting validation data and class-balanced samples out of training labels, always the same way for a seed."""

from fractions import Fraction

import numpy as np

from bakeoff.errors import BakeoffError


def cut_validation(labels: np.ndarray, validation: float | int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted indices of the training part and of the validation part of `labels` (N,).

    A float is a fraction of the images, an int a number of them. The sizes are exact, and every class is
    represented in proportion to its share (largest remainders); who is taken within a class is drawn from
    `seed`.

    Raises:
        BakeoffError: one of the two parts would be empty.
    """
    count = round(Fraction(validation) * len(labels)) if isinstance(validation, float) else validation
    if not 0 < count < len(labels):
        raise BakeoffError(
            f"cannot set {validation} aside for validation: that is {count} of {len(labels)} images; "
            "both parts need at least one"
        )
    classes, of_class, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    taken = _shares(sizes, count)
    random = np.random.default_rng(seed)
    chosen = [random.permutation(np.flatnonzero(of_class == i))[: taken[i]] for i in range(len(classes))]
    validation_indices = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(labels)), validation_indices, assume_unique=True), validation_indices


def _shares(sizes: np.ndarray, count: int) -> np.ndarray:
    """Divide `count` among classes of `sizes` images in proportion, in whole numbers that sum to `count`."""
    shares, remainders = np.divmod(sizes * count, sizes.sum())
    largest_first = np.argsort(-remainders, kind="stable")
    shares[largest_first[: count - shares.sum()]] += 1
    return shares


def balanced_sample(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Return sorted indices of `per_class` images of every class in `labels` (N,), without replacement.

    Raises:
        BakeoffError: a class has fewer images.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < per_class:
        raise BakeoffError(
            f"cannot take {per_class} images of every class: class {classes[sizes.argmin()]} "
            f"has only {sizes.min()} training images"
        )
    random = np.random.default_rng(seed)
    chosen = [random.permutation(np.flatnonzero(labels == label))[:per_class] for label in classes]
    return np.sort(np.concatenate(chosen))
