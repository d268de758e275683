"""Facts about a data set before any training: counts, mean and spread of the pixels, duplicate images."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import sqrt

import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.depth import Depth
from bakeoff.data.nesting import Nesting
from bakeoff.data.pack import file_names
from bakeoff.data.properties import Properties, properties
from bakeoff.data.tree import count_reasons
from bakeoff.spec.recipe import Image
from bakeoff.spec.values import Value

CHUNK = 4 * 2**20
"""Bytes of pixels looked at at a time."""
EXAMPLES = 10
"""Groups of identical images that are listed; the counts cover all."""


class SplitFacts(Value, frozen=True):
    """One split: how many images, of which classes, how bright."""

    images: int
    per_class: dict[str, int]
    mean: tuple[float, ...]
    """Per channel, of pixels from 0 to 1."""
    std: tuple[float, ...]
    """Per channel, over all pixels (divided by their number)."""


class Place(Value, frozen=True):
    """One image: where it is and what it is said to show."""

    split: str
    index: int
    label: str
    file: str
    """Relative to the image folder; empty for built-in data sets."""


class Duplicates(Value, frozen=True):
    """Images whose pixels are exactly the same."""

    within: dict[str, int]
    """Per split, images that repeat an earlier one of the same split."""
    across: dict[str, int]
    """For "train-test" and the like, images of the second split that are in the first too."""
    conflicting: int
    """Groups of identical images that carry different labels."""
    known: tuple[int, ...]
    """Positions of the test images that are in another split too."""
    examples: tuple[tuple[Place, ...], ...]
    """Some of the groups: conflicting ones first, then those across splits."""


class Description(Value, frozen=True):
    """All that `bakeoff data NAME` says."""

    name: str
    shape: str
    content_hash: str
    source: str
    licence: str
    citation: str
    classes: tuple[str, ...]
    splits: dict[str, SplitFacts]
    sizes: tuple[tuple[int, int, int], ...]
    """(height, width, images) of the files of an image folder."""
    image: Image | None
    """How these were brought to one size, None for built-in data sets. All other facts are about the result."""
    depth: Depth | None
    """What became black and white in files with more than 8 bits a channel, None if there are none."""
    nesting: Nesting | None
    """What to give instead if the sub-folders of the class folders are the classes."""
    skipped: tuple[tuple[str, str], ...]
    """(path, reason) of files and folders that were left out."""
    left_out: dict[str, int]
    """Reason → how many."""
    duplicates: Duplicates
    properties: Properties


def describe(dataset: Dataset, image: Image | None = None) -> Description:
    """Return the facts about `dataset`, in one pass over its pixels per question and in little memory.

    `image` is how it was loaded, if it is a folder.
    """
    info = dataset.info
    return Description(
        name=info.name,
        shape=str(info.shape),
        content_hash=info.content_hash,
        source=dataset.source,
        licence=dataset.licence,
        citation=dataset.citation,
        classes=info.classes,
        splits={name: _split_facts(images, info.classes) for name, images in dataset.splits().items()},
        sizes=dataset.sizes,
        image=image if dataset.sizes else None,
        depth=dataset.depth,
        nesting=dataset.nesting,
        skipped=dataset.skipped,
        left_out=count_reasons(dataset.skipped),
        duplicates=find_duplicates(dataset),
        properties=properties(dataset),
    )


def _split_facts(images: Images, classes: tuple[str, ...]) -> SplitFacts:
    counts = np.bincount(images.labels, minlength=len(classes)).tolist()
    mean, std = mean_and_std(images.images)
    return SplitFacts(len(images), dict(zip(classes, counts, strict=True)), mean, std)


def mean_and_std(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel of (N, C, H, W) uint8 images, on a scale from 0 to 1.

    The sums are whole numbers, so that the result does not depend on the order of the images.
    """
    histograms = np.zeros((images.shape[1], 256), np.int64)
    for chunk in _chunks(images):
        for channel, histogram in enumerate(histograms):
            histogram += np.bincount(chunk[:, channel].ravel(), minlength=256)
    means, stds = [], []
    for counts in histograms.tolist():
        pixels = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value * value * count for value, count in enumerate(counts))
        means.append(total / (255 * pixels))
        stds.append(sqrt(squares * pixels - total * total) / (255 * pixels))
    return tuple(means), tuple(stds)


def find_duplicates(dataset: Dataset) -> Duplicates:
    """Return which images of `dataset` have exactly the same pixels."""
    splits = dataset.splits()
    places: dict[bytes, list[tuple[str, int]]] = {}
    for name, images in splits.items():
        index = 0
        for chunk in _chunks(images.images):
            for image in chunk:
                places.setdefault(hashlib.blake2b(image.data, digest_size=16).digest(), []).append((name, index))
                index += 1
    groups = [group for group in places.values() if len(group) > 1]

    def labels(group: list[tuple[str, int]]) -> set[int]:
        return {int(splits[name].labels[index]) for name, index in group}

    within: Counter[str] = Counter()
    across: Counter[tuple[str, str]] = Counter()
    for group in groups:
        counts = Counter(name for name, _ in group)
        within.update({name: count - 1 for name, count in counts.items()})
        across.update({pair: counts[pair[1]] for pair in combinations(splits, 2) if counts[pair[0]]})
    groups.sort(key=lambda group: (len(labels(group)) == 1, len({name for name, _ in group}) == 1))
    crossing = (found for group in groups if len({name for name, _ in group}) > 1 for found in group)
    files = {name: file_names(dataset, name) for name in splits}

    def place(name: str, index: int) -> Place:
        label = dataset.info.classes[splits[name].labels[index]]
        return Place(name, index, label, files[name][index] if files[name] else "")

    return Duplicates(
        within={name: within[name] for name in splits},
        across={"-".join(pair): across[pair] for pair in combinations(splits, 2)},
        conflicting=sum(len(labels(group)) > 1 for group in groups),
        known=tuple(sorted(index for name, index in crossing if name == "test")),
        examples=tuple(tuple(place(*found) for found in group) for group in groups[:EXAMPLES]),
    )


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, CHUNK // max(1, images[0].size)) if len(images) else 1
    for start in range(0, len(images), step):
        yield np.ascontiguousarray(images[start : start + step])
