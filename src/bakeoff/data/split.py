"""Draws validation splits, test splits and class-balanced samples, reproducibly for a seed."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bakeoff.data.grouping import divide, join_groups, number_values
from bakeoff.errors import BakeoffError
from bakeoff.spec.values import digest


def cut_validation(
    labels: np.ndarray,
    validation: float | int,
    seed: int,
    copies: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted indices of the training part and the validation part of `labels` (N,).

    The sizes are exact, and the split is stratified (largest remainders). Within a class, images are drawn at random.

    Args:
        labels: (N,) int64.
        validation: size of the validation part, as a fraction (float) or a number of images (int).
        seed: of the draw.
        copies: (N,) an id per distinct image. Copies of an image go to the same side; an image that occurs in several
            classes goes to training. If this leaves too few images of a class, other classes fill up, then images in
            several classes; if nothing fits, the validation part is smaller. Without copies, the result is that of
            `copies=None`.
        groups: (N,) images of a group go to the same side, as do copies. The size is then as close to `validation` as
            whole groups allow; see `divide`.

    Raises:
        BakeoffError: one of the two parts would be empty.
    """
    count = round(Fraction(validation) * len(labels)) if isinstance(validation, float) else validation
    if not 0 < count < len(labels):
        raise BakeoffError(
            f"cannot use {validation} for validation, {count} of {len(labels)} images: "
            "training and validation need at least one image each"
        )
    if groups is not None:
        together = groups if copies is None else join_groups(groups, copies)
        parts = divide(labels, together, (len(labels) - count, count), seed)
        return np.flatnonzero(parts == 0), np.flatnonzero(parts == 1)
    classes, of_class, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    random = np.random.default_rng(seed)
    drawn = [random.permutation(np.flatnonzero(of_class == i)) for i in range(len(classes))]
    taken = _shares(sizes, count)
    if copies is None:
        chosen = np.concatenate([rows[:wanted] for rows, wanted in zip(drawn, taken, strict=True)])
    else:
        whole = _Copies(labels, copies)
        within = [whole.take(rows, int(wanted)) for rows, wanted in zip(drawn, taken, strict=True)]
        chosen = np.concatenate(within)
        for of_one_class in (True, False):
            chosen = np.append(chosen, whole.take(np.concatenate(drawn), count - len(chosen), of_one_class))
    if not len(chosen):
        raise BakeoffError(
            f"cannot use {validation} for validation: the {len(labels)} images are copies of too few distinct images, "
            "and copies must stay together: add --set validation=none"
        )
    validation_indices = np.sort(chosen)
    return np.setdiff1d(np.arange(len(labels)), validation_indices, assume_unique=True), validation_indices


class _Copies:
    """Groups of copies, each taken as a whole or not at all."""

    def __init__(self, labels: np.ndarray, copies: np.ndarray) -> None:
        _, self._of, self._sizes = np.unique(copies, return_inverse=True, return_counts=True)
        order = np.argsort(self._of, kind="stable")
        starts = np.cumsum(self._sizes) - self._sizes
        least, most = (ufunc.reduceat(labels[order], starts) for ufunc in (np.minimum, np.maximum))
        self._members = np.split(order, starts[1:])
        self._of_one_class = least == most
        self._taken = np.zeros(len(starts), bool)

    def take(self, rows: np.ndarray, wanted: int, of_one_class: bool = True) -> np.ndarray:
        """Return the first `wanted` of `rows` with their copies; groups larger than the remainder are skipped."""
        found: list[np.ndarray] = [np.empty(0, np.int64)]
        for group in self._of[rows] if wanted else ():
            fits = self._sizes[group] <= wanted and self._of_one_class[group] == of_one_class
            if fits and not self._taken[group]:
                self._taken[group] = True
                found.append(self._members[group])
                wanted -= int(self._sizes[group])
        return np.concatenate(found)


def _shares(sizes: np.ndarray, count: int) -> np.ndarray:
    """Divide `count` among classes in proportion to their `sizes`, as integers that sum to `count`."""
    shares, remainders = np.divmod(sizes * count, sizes.sum())
    largest_first = np.argsort(-remainders, kind="stable")
    shares[largest_first[: count - shares.sum()]] += 1
    return shares


def cut_test(contents: Sequence[str], labels: np.ndarray, classes: Sequence[str], fraction: float) -> np.ndarray:
    """Return a mask (N,) of the test images, about `fraction` of every class.

    `contents` are hashes of the images and determine the split: within a class, images are taken in the order of a hash
    of their hash, so that adding images later moves few others. Copies stay on one side; images that occur in several
    classes stay in training.

    Raises:
        BakeoffError: a class has fewer than two distinct images.
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
                f"class {name!r} has too few distinct images for a test split: "
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


def balanced_sample(labels: np.ndarray, per_class: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Return the sorted indices of `per_class` random images of every class in `labels` (N,).

    With `groups` (N,), groups are used up one after the other in random order: all images of a class in one group, then
    those of the next; only the last group may be used in part.

    Raises:
        BakeoffError: a class has fewer images.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < per_class:
        raise BakeoffError(
            f"cannot take {per_class} images per class: class {classes[sizes.argmin()]} has only {sizes.min()} in the "
            "training split"
        )
    random = np.random.default_rng(seed)
    chosen = []
    for label in classes:
        drawn = random.permutation(np.flatnonzero(labels == label))
        if groups is not None:
            drawn = drawn[np.argsort(number_values(groups[drawn].tolist()), kind="stable")]
        chosen.append(drawn[:per_class])
    return np.sort(np.concatenate(chosen))
