"""Finds images that are nearly the same: copies at another size, quality, brightness or crop, and neighbouring frames.

Twins in two splits are a leak; twins with different labels contradict each other, even within a split. A 64-bit
perceptual hash of every image proposes pairs, and the correlation of their pixels decides: by the hash alone, most
pairs of drawings would be different drawings that look alike. The hash is like `phash` of the ImageHash package, which
depends on PyWavelets and takes one Pillow image at a time.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import chain, combinations
from typing import NamedTuple

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.grade import LUMA
from bakeoff.data.image_location import ImagePlace, places_in
from bakeoff.data.local_folders import cache_folder
from bakeoff.spec.paths import write_whole
from bakeoff.spec.values import Value, digest

VERSION = 2
"""Version of the search. Raise it when the same images would give other pairs."""
SIDE = 32
"""Larger images are averaged down to this side before they are hashed and compared."""
BITS_APART = 10
"""Of the 64 bits of the hash, how many may differ in a proposed pair."""
PROPOSED = 8
"""How many pairs are compared for each image: those with the nearest hashes."""
LEAST, MOST = 0.9, 0.99
"""The correlation from which two images are nearly the same is between these, depending on the data set."""
NEARER = 10
"""Twins differ this many times less than a test image usually differs from its nearest training image."""
SAMPLE = (500, 5000)
"""How many test images are looked up among how many training images to find the usual difference."""
ROWS, COLUMNS = 64, 4096
"""How many hashes are compared with how many others at once: as many as stay in a processor's cache."""
CHUNK = 32 * 2**20
"""Bytes of pixels processed at once."""
EXAMPLES = 12
"""How many pairs are listed; the counts include all."""


class TwinPair(Value, frozen=True):
    """Two images that are nearly the same."""

    first: ImagePlace
    second: ImagePlace
    correlation: float


class Twins(Value, frozen=True):
    """Images that are nearly, but not exactly, the same as one of another split, or as one with another label."""

    across: dict[str, int]
    """Per pair of splits such as "train-test", images of the second split with a twin in the first."""
    conflicting: int
    """Images of all splits with a twin, in whichever split, that has another label."""
    known: tuple[int, ...]
    """Positions of the test images with a twin in another split."""
    threshold: float
    """Correlation from which two images count as twins."""
    examples: tuple[TwinPair, ...]
    """Some pairs: those with different labels first, then the most alike."""
    within: dict[str, int] = {}
    """Per split, images with a twin of another label in the same split."""


def find_twins(dataset: Dataset) -> Twins:
    """Return the images of a data set that nearly repeat one of another split or label, from the cache if possible.

    Takes time in proportion to the square of the number of images (2 to 4 s for 60,000 training and 10,000 test
    images on two cores) and memory in proportion to their number.
    """
    info = dataset.info
    key = digest([VERSION, info.content_hash, str(info.shape), [len(images) for images in dataset.splits().values()]])
    path = cache_folder() / "twins" / f"{key[:32]}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return _placed(msgspec.json.decode(path.read_bytes(), type=Twins), dataset)
    found = search_twins(dataset)
    with suppress(OSError):  # without the cache it only takes longer
        write_whole(path, msgspec.json.encode(found))
    return found


def _placed(found: Twins, dataset: Dataset) -> Twins:
    """Return the twins with the current names of the files."""
    place = places_in(dataset)
    examples = (
        msgspec.structs.replace(
            pair,
            first=place(pair.first.split, pair.first.index),
            second=place(pair.second.split, pair.second.index),
        )
        for pair in found.examples
    )
    return msgspec.structs.replace(found, examples=tuple(examples))


def search_twins(dataset: Dataset) -> Twins:
    """Find twins without the cache."""
    splits, place = dataset.splits(), places_in(dataset)
    threshold = choose_threshold(dataset)
    hashes = {name: hash_images(images.images) for name, images in splits.items()}
    found: list[_Found] = []
    across, within = {}, {}
    for first, second in combinations(splits, 2):
        propose = partial(propose_pairs, hashes[second], hashes[first])
        own = _pairs_of(second, first, splits, propose, threshold)
        across[f"{first}-{second}"] = len({pair.second for pair in own})
        found += own
    for name, images in splits.items():
        propose = partial(propose_unlike, hashes[name], images.labels)
        own = _pairs_of(name, name, splits, propose, threshold)
        within[name] = len({image for pair in own for image in (pair.first, pair.second)})
        found += own
    return Twins(
        across=across,
        conflicting=len({image for pair in found if pair.differ for image in (pair.first, pair.second)}),
        known=tuple(sorted({pair.second[1] for pair in found if pair.first[0] != "test" == pair.second[0]})),
        threshold=threshold,
        examples=tuple(TwinPair(place(*pair.first), place(*pair.second), pair.correlation) for pair in _worst(found)),
        within=within,
    )


class _Found(NamedTuple):
    """Two images, each a split and a place in it, that are nearly the same."""

    first: tuple[str, int]
    second: tuple[str, int]
    correlation: float
    differ: bool
    """Whether their labels do."""


def _worst(found: Iterable[_Found]) -> list[_Found]:
    """Return the pairs to show: with different labels first, then the most alike; one of each kind per image."""
    ordered = sorted(found, key=lambda pair: (not pair.differ, -pair.correlation, pair.first, pair.second))
    chosen: dict[tuple[tuple[str, int], bool], _Found] = {}
    for pair in ordered:
        chosen.setdefault((pair.second, pair.differ), pair)
    return list(chosen.values())[:EXAMPLES]


def _pairs_of(
    name: str, other: str, splits: dict[str, Images], propose: Callable[[int], np.ndarray], threshold: float
) -> list[_Found]:
    """Return the pairs, places in the splits `name` and `other`, that are nearly the same.

    `propose` returns those to compare for `ROWS` images of `name` from a place on.
    """
    import joblib

    one, two = splits[name], splits[other]
    step = _step(one.images)

    def compare(start: int) -> list[_Found]:
        pairs, same = propose(start), []
        for at in range(0, len(pairs), step):
            rows, columns = pairs[at : at + step].T
            mine, theirs = one.images[rows], two.images[columns]
            found = correlate(mine, theirs)
            found[(mine == theirs).all(axis=(1, 2, 3))] = 0  # exact copies are not twins (`find_duplicates`)
            differ = one.labels[rows] != two.labels[columns]
            for i in np.flatnonzero(found >= threshold).tolist():
                first, second = (other, int(columns[i])), (name, int(rows[i]))
                same.append(_Found(first, second, round(float(found[i]), 4), bool(differ[i])))
        return same

    # Threads share the images, and NumPy lets them run at once.
    parallel = joblib.Parallel(-1, prefer="threads")
    return list(chain.from_iterable(parallel(joblib.delayed(compare)(i) for i in range(0, len(one.images), ROWS))))


def choose_threshold(dataset: Dataset) -> float:
    """Return the correlation from which two images of a data set count as nearly the same.

    Different handwritten digits have correlations of up to 0.97, photographs of the same object at most 0.9. So the
    difference, 1 - correlation, must be ten times less than that of a test image to the nearest of 5,000 training
    images usually is.
    """
    tested, trained = (
        _standardised(_spread(images.images, most))
        for images, most in zip((dataset.test, dataset.train), SAMPLE, strict=True)
    )
    usual = float(np.median((tested @ trained.T).max(axis=1)))
    return round(min(MOST, max(LEAST, 1 - (1 - usual) / NEARER)), 4)


def _spread(images: np.ndarray, most: int) -> np.ndarray:
    return images[np.unique(np.linspace(0, len(images) - 1, min(len(images), most)).astype(int))]


def _step(images: np.ndarray) -> int:
    """Return how many images, as float32, fit into `CHUNK`."""
    return max(1, CHUNK // (4 * int(np.prod(images.shape[1:]))))


def _standardised(images: np.ndarray) -> np.ndarray:
    """Return (N, C, H, W) images as points (N, D) float32 of mean 0 and length 1, so that products are correlations."""
    parts = [reduce_images(images[i : i + _step(images)]) for i in range(0, len(images), _step(images))]
    points = np.concatenate([part.reshape(len(part), -1) for part in parts])
    points -= points.mean(axis=1, keepdims=True)
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-6)


def reduce_images(images: np.ndarray) -> np.ndarray:
    """Return (N, C, H, W) uint8 images as (N, C, h, w) float32, averaged so that no side is longer than `SIDE`."""
    pixels = images.astype(np.float32)
    if max(images.shape[2:]) <= SIDE:
        return pixels
    rows, columns = (_averaging(length) for length in images.shape[2:])
    reduced: np.ndarray = rows @ pixels @ columns.T
    return reduced


def _averaging(length: int) -> np.ndarray:
    """Return the (m, length) matrix that averages a side of `length` pixels down to `SIDE`, or leaves it as it is."""
    side = min(length, SIDE)
    starts, pixels = np.arange(side)[:, None] * length / side, np.arange(length)[None]
    covered = np.minimum(pixels + 1, starts + length / side) - np.maximum(pixels, starts)
    averaging: np.ndarray = (np.maximum(covered, 0) * side / length).astype(np.float32)
    return averaging


def hash_images(images: np.ndarray) -> np.ndarray:
    """Return the perceptual hashes of (N, C, H, W) uint8 images, (N,) uint64.

    The bits say which of the lowest 8 × 8 coefficients of the discrete cosine transform of the grey image are above
    their median, without the mean (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions").
    """
    from scipy.fft import dctn

    found = np.empty(len(images), np.uint64)
    for start in range(0, len(images), _step(images)):
        small = reduce_images(images[start : start + _step(images)])
        grey = np.einsum("nchw,c->nhw", small, LUMA) if small.shape[1] == 3 else small[:, 0]
        low = dctn(grey, axes=(1, 2))[:, :8, :8].reshape(len(grey), -1)[:, 1:]
        bits = np.zeros((len(grey), 64), bool)
        if low.shape[1]:
            bits[:, : low.shape[1]] = low > np.median(low, axis=1, keepdims=True)
        found[start : start + len(grey)] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return found


def propose_pairs(hashes: np.ndarray, others: np.ndarray, start: int) -> np.ndarray:
    """Return (n, 2) places of hashes and others that differ in few bits: for each hash the `PROPOSED` nearest.

    Of the hashes, it looks at `ROWS` from `start` on.
    """
    rows, columns, distances = _near(hashes[start : start + ROWS], others)
    return _nearest(rows + start, columns, distances)


def propose_unlike(hashes: np.ndarray, labels: np.ndarray, start: int) -> np.ndarray:
    """Return (n, 2) places of hashes of two labels that differ in few bits: for each the `PROPOSED` nearest before.

    Of the hashes, it looks at `ROWS` from `start` on.
    """
    rows, columns, distances = _near(hashes[start : start + ROWS], hashes[: start + ROWS])
    rows += start
    kept = (columns < rows) & (labels[rows] != labels[columns])
    return _nearest(rows[kept], columns[kept], distances[kept])


def _near(hashes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows and columns of all pairs that differ in few bits, and in how many."""
    different = np.empty((len(hashes), COLUMNS), np.uint64)
    bits = np.empty(different.shape, np.uint8)
    found = []
    for start in range(0, len(others), COLUMNS):
        part = others[start : start + COLUMNS]
        own = bits[:, : len(part)]
        np.bitwise_count(np.bitwise_xor(hashes[:, None], part, out=different[:, : len(part)]), out=own)
        rows, columns = np.divmod(np.flatnonzero(own <= BITS_APART), len(part))  # nonzero takes five times as long
        found.append((rows, columns + start, own[rows, columns]))
    rows, columns, distances = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, columns, distances


def _nearest(rows: np.ndarray, columns: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return the pairs (n, 2) of each row, in order, with the `PROPOSED` nearest columns."""
    order = np.lexsort((columns, distances, rows))
    rows, columns = rows[order], columns[order]
    is_near = np.arange(len(rows)) - np.searchsorted(rows, rows) < PROPOSED
    return np.stack([rows[is_near], columns[is_near]], axis=1)


def correlate(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the Pearson correlations of the reduced pixels of n pairs of images, (n,); 0 with a uniform image."""
    found: np.ndarray = (_standardised(images) * _standardised(others)).sum(axis=1)
    return found
