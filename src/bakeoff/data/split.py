"""Cutting validation data and class-balanced samples out of training labels, always the same way for a seed."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.spec.values import digest


def cut_validation(
    labels: np.ndarray, validation: float | int, seed: int, copies: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted indices of the training part and of the validation part of `labels` (N,).

    A float is a fraction of the images, an int a number of them. The sizes are exact, and every class is
    represented in proportion to its share (largest remainders); who is taken within a class is drawn from
    `seed`.

    Args:
        labels: (N,) int64.
        validation: how many images, or which part of them, the validation part has.
        seed: of the draw.
        copies: (N,) what copies of an image, and no other images, have in common. They come to one side together; an
            image that is in several classes goes to training. Where this leaves too few of a class, other classes
            make up for it, then images in several classes; where nothing fits, the validation part is smaller.
            Without copies the draw is that of `copies=None`.

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
    random = np.random.default_rng(seed)
    drawn = [random.permutation(np.flatnonzero(of_class == i)) for i in range(len(classes))]
    taken = _shares(sizes, count)
    if copies is None:
        chosen = np.concatenate([rows[:wanted] for rows, wanted in zip(drawn, taken, strict=True)])
    else:
        groups = _Groups(labels, copies)
        within = [groups.take(rows, int(wanted)) for rows, wanted in zip(drawn, taken, strict=True)]
        chosen = np.concatenate(within)
        for of_one_class in (True, False):
            chosen = np.append(chosen, groups.take(np.concatenate(drawn), count - len(chosen), of_one_class))
    if not len(chosen):
        raise BakeoffError(
            f"cannot set {validation} aside for validation: the {len(labels)} images are copies of too few, "
            "each of which would have to come to one side: add --set validation=none"
        )
    validation_indices = np.sort(chosen)
    return np.setdiff1d(np.arange(len(labels)), validation_indices, assume_unique=True), validation_indices


class _Groups:
    """Images that are copies of each other, taken together or not at all."""

    def __init__(self, labels: np.ndarray, copies: np.ndarray) -> None:
        _, self._of, self._sizes = np.unique(copies, return_inverse=True, return_counts=True)
        order = np.argsort(self._of, kind="stable")
        starts = np.cumsum(self._sizes) - self._sizes
        least, most = (ufunc.reduceat(labels[order], starts) for ufunc in (np.minimum, np.maximum))
        self._members = np.split(order, starts[1:])
        self._of_one_class = least == most
        self._taken = np.zeros(len(starts), bool)

    def take(self, rows: np.ndarray, wanted: int, of_one_class: bool = True) -> np.ndarray:
        """Return the first `wanted` of `rows` with their copies; groups that are larger than the rest are left."""
        found: list[np.ndarray] = [np.empty(0, np.int64)]
        for group in self._of[rows] if wanted else ():
            fits = self._sizes[group] <= wanted and self._of_one_class[group] == of_one_class
            if fits and not self._taken[group]:
                self._taken[group] = True
                found.append(self._members[group])
                wanted -= int(self._sizes[group])
        return np.concatenate(found)


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
