"""Cutting validation data and class-balanced samples out of training labels, always the same way for a seed."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.values import digest


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


def cut_test(contents: Sequence[str], labels: np.ndarray, classes: Sequence[str], fraction: float) -> np.ndarray:
    """Return the mask (N,) of the images set aside for testing: about `fraction` of every class.

    `contents` are hashes of the images. They alone decide: within a class those come first whose hash of the hash
    is smallest, so that images added later move few others across. Copies of an image stay on one side; those
    that lie in several classes are no fair question and stay in training.

    Raises:
        BakeoffError: a class has fewer than two different images.
    """
    labels_of: dict[str, set[int]] = {}
    for content, label in zip(contents, labels.tolist(), strict=True):
        labels_of.setdefault(content, set()).add(label)
    copies = Counter(contents)
    chosen: set[str] = set()
    for label, name in enumerate(classes):
        of_class = {content for content, its_labels in labels_of.items() if label in its_labels}
        candidates = sorted((c for c in of_class if len(labels_of[c]) == 1), key=lambda c: digest(["test", c]))
        if not candidates or len(of_class) < 2:
            raise BakeoffError(
                f"class {name!r} has too few different images to set some aside for testing: "
                f"expected at least 2, one of them in no other class, found {len(of_class)}"
            )
        wanted = max(1, round(fraction * sum(copies[content] for content in candidates)))
        for content in candidates[:-1] if len(candidates) == len(of_class) else candidates:
            if copies[content] <= wanted or not chosen & of_class:
                chosen.add(content)
                wanted -= copies[content]
            if wanted <= 0:
                break
    return np.array([content in chosen for content in contents])


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
