"""Facts about a data set: counts, mean and standard deviation of the pixels, duplicate images."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import sqrt

import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.depth import Depth
from bakeoff.data.group_facts import GroupFacts, find_groups
from bakeoff.data.image_location import ImagePlace, places_in
from bakeoff.data.nesting import Nesting
from bakeoff.data.properties import Properties, properties
from bakeoff.data.skipped import count_reasons
from bakeoff.data.twins import Twins, find_twins
from bakeoff.spec.recipe import Image
from bakeoff.spec.values import Value

CHUNK = 4 * 2**20
"""Bytes of pixels processed at once."""
EXAMPLES = 10
"""How many groups of identical images are listed; the counts include all."""


class SplitFacts(Value, frozen=True):
    """Image counts and pixel statistics of one split."""

    images: int
    per_class: dict[str, int]
    mean: tuple[float, ...]
    """Per channel, pixels scaled to 0–1."""
    std: tuple[float, ...]
    """Per channel, the population standard deviation over all pixels."""


class Duplicates(Value, frozen=True):
    """Images with exactly the same pixels."""

    within: dict[str, int]
    """Per split, images that repeat an earlier image of the split."""
    across: dict[str, int]
    """Per pair such as "train-test", images of the second split that are also in the first."""
    conflicting: int
    """Groups of identical images with different labels."""
    known: tuple[int, ...]
    """Positions of the test images that are also in another split."""
    examples: tuple[tuple[ImagePlace, ...], ...]
    """Some groups: conflicting ones first, then those across splits."""


class Description(Value, frozen=True):
    """What `bakeoff data NAME` shows."""

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
    """How the files were resized, None for built-in data sets. All other facts are about the result."""
    depth: Depth | None
    """The range of values in files with more than 8 bits per channel, None if there are none."""
    reading: str
    """How a table or archive was read: its columns or arrays; empty for other data sets."""
    nesting: Nesting | None
    """What to give instead if the sub-folders of the class folders are the classes."""
    skipped: tuple[tuple[str, str], ...]
    """(path, reason) of files and folders that were skipped."""
    left_out: dict[str, int]
    """Reason → number of files."""
    duplicates: Duplicates
    twins: Twins
    groups: GroupFacts | None
    """None if the images have no groups."""
    properties: Properties


def describe(dataset: Dataset, image: Image | None = None) -> Description:
    """Return the facts about `dataset`. `image` is how it was loaded, if it is a folder."""
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
        reading=dataset.reading,
        nesting=dataset.nesting,
        skipped=dataset.skipped,
        left_out=count_reasons(dataset.skipped),
        duplicates=find_duplicates(dataset),
        twins=find_twins(dataset),
        groups=find_groups(dataset),
        properties=properties(dataset),
    )


def _split_facts(images: Images, classes: tuple[str, ...]) -> SplitFacts:
    counts = np.bincount(images.labels, minlength=len(classes)).tolist()
    mean, std = mean_and_std(images.images)
    return SplitFacts(len(images), dict(zip(classes, counts, strict=True)), mean, std)


def mean_and_std(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel of (N, C, H, W) uint8 images, scaled to 0–1.

    The sums are integers, so the result does not depend on the order of the images.
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
    """Return the images of `dataset` with exactly the same pixels."""
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
    place = places_in(dataset)
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
