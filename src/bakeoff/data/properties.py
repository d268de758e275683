"""What a data set is like, in numbers that may go with one family of networks doing well: computed once, then kept.

All but the numbers of images are of a seeded sample of the training images, so that large sets take no longer than
small ones; what depends on the number of images is the same for all sets of at least `SAMPLE`. The sample is never in
memory as a whole: large images are looked at a few at a time, and compared with each other at a smaller size.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.grade import LUMA
from bakeoff.data.places import cache_folder
from bakeoff.spec.paths import write_whole
from bakeoff.spec.run import derive_seed
from bakeoff.spec.values import Value, digest
from bakeoff.text.formats import percent

VERSION = 2
"""Of how properties are computed. It goes up when the same images would give other numbers."""
SAMPLE = 1000
"""Training images looked at, and test images asked for their nearest neighbour among them."""
NEIGHBOURS = 20
"""Of each image, for the intrinsic dimension."""
COMPARED = 64
"""Sides to which images are averaged down, if they are longer, before they are compared pixel by pixel."""
CHUNK = 16 * 2**20
"""Bytes of pixels looked at at a time."""
EDGE = 32
"""Grey levels per pixel from which on a change counts as an edge."""


class Properties(Value, frozen=True, kw_only=True):
    """The properties of one data set. The field names are keys of JSON: they stay."""

    side: float
    """Root of the number of pixels."""
    channels: int
    classes: int
    train_images: int
    balance: float
    """Entropy of the training labels over that of equally frequent classes: 1 for equal classes."""
    intrinsic_dimension: float | None
    """Of the images as points among their neighbours (Levina & Bickel 2004, averaged as MacKay & Ghahramani 2005);
    None for too few different images."""
    colourfulness: float
    """Mean over images of the measure M3 of Hasler & Süsstrunk 2003; 0 for grey."""
    edge_density: float
    """Share of the pixels at which grey changes by 32 levels a pixel or more, by Sobel's operator."""
    neighbour_error: float
    """Share of test images whose nearest training image, pixel by pixel, has another label: how hard they are."""
    compression: float
    """How many times smaller zlib makes the pixels."""


LABELS = {
    "side": "side in pixels",
    "channels": "channels",
    "classes": "classes",
    "train_images": "training images",
    "balance": "balance of classes",
    "intrinsic_dimension": "intrinsic dimension",
    "colourfulness": "colourfulness",
    "edge_density": "edge density",
    "neighbour_error": "1-NN error",
    "compression": "compression ratio",
}
"""Field → what tables call it."""


def tell_property(name: str, value: float | None) -> str:
    """Return the value of a property as people read it."""
    if value is None:
        return "–"
    if name in ("channels", "classes", "train_images", "side"):
        return f"{value:,.0f}"
    return percent(value, 1) if name in ("edge_density", "neighbour_error") else f"{value:.3g}"


def properties(dataset: Dataset) -> Properties:
    """Return the properties of a data set, from the cache if they were computed before."""
    info = dataset.info
    key = digest([VERSION, info.content_hash, str(info.shape), SAMPLE])[:32]
    path = cache_folder() / "properties" / f"{key}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=Properties)
    found = compute(dataset)
    with suppress(OSError):  # a cache that cannot be written only costs time
        write_whole(path, msgspec.json.encode(found))
    return found


def compute(dataset: Dataset) -> Properties:
    """Return the properties of a data set, computed."""
    info = dataset.info
    train, test = _sample(dataset.train, "train"), _sample(dataset.test, "test")
    points, asked = _points(train), _points(test)
    counts = np.bincount(dataset.train.labels, minlength=len(info.classes))
    height, width = train.images.shape[2:]
    return Properties(
        side=float(np.sqrt(height * width)),
        channels=train.images.shape[1],
        classes=len(info.classes),
        train_images=info.train_images,
        balance=balance(counts),
        intrinsic_dimension=intrinsic_dimension(points),
        colourfulness=_mean(colourfulness, train),
        edge_density=_mean(edge_density, train),
        neighbour_error=neighbour_error(points, train.labels, asked, test.labels),
        compression=compression(train),
    )


class Sample(NamedTuple):
    """Some images of a split; their pixels are read when asked for."""

    images: np.ndarray
    """(N, C, H, W) uint8, those of the whole split."""
    rows: np.ndarray
    """(n,) sorted, those that are of the sample."""
    labels: np.ndarray
    """(n,)"""

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the sampled images, a few at a time."""
        step = max(1, CHUNK // max(1, self.images[0].size))
        for start in range(0, len(self.rows), step):
            yield np.ascontiguousarray(self.images[self.rows[start : start + step]])


def _sample(images: Images, split: str) -> Sample:
    random = np.random.default_rng(derive_seed(0, "properties", split))
    rows = np.sort(random.permutation(len(images))[:SAMPLE])
    return Sample(images.images, rows, images.labels[rows])


def _mean(measure: Callable[[np.ndarray], float], sample: Sample) -> float:
    """Return the mean over the sampled images of a measure that is a mean over images."""
    return sum(measure(chunk) * len(chunk) for chunk in sample.chunks()) / len(sample.rows)


def _points(sample: Sample) -> np.ndarray:
    """Return the sampled images as points (n, D) float32, large ones averaged down to `COMPARED` pixels a side."""
    return np.concatenate([reduced(chunk).reshape(len(chunk), -1) for chunk in sample.chunks()])


def reduced(images: np.ndarray) -> np.ndarray:
    """Return (N, C, H, W) images as float32, averaged over squares so that no side is much longer than `COMPARED`."""
    times = [max(1, round(side / COMPARED)) for side in images.shape[2:]]
    high, wide = (side // by for side, by in zip(images.shape[2:], times, strict=True))
    if times == [1, 1]:
        return images.astype(np.float32)
    images = images[:, :, : high * times[0], : wide * times[1]]
    return images.reshape(*images.shape[:2], high, times[0], wide, times[1]).mean(axis=(3, 5), dtype=np.float32)


def compression(sample: Sample) -> float:
    """Return how many times smaller zlib makes the sampled images in one stream."""
    squeeze, before, after = zlib.compressobj(6), 0, 0
    for chunk in sample.chunks():
        before, after = before + chunk.nbytes, after + len(squeeze.compress(chunk.data))
    return before / (after + len(squeeze.flush()))


def balance(counts: np.ndarray) -> float:
    """Return the entropy of class counts (K,) over log K."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(counts))) if len(counts) > 1 else 1.0


def intrinsic_dimension(points: np.ndarray, neighbours: int = NEIGHBOURS) -> float | None:
    """Return the maximum-likelihood dimension of points (N, D), by the distances to their nearest neighbours.

    Levina & Bickel 2004 (NIPS 17), eq. 8, for one number of neighbours; the inverses are averaged over points, as
    MacKay & Ghahramani 2005 correct it. Points that occur twice count once.
    """
    from sklearn.neighbors import NearestNeighbors

    # np.unique(axis=0) would make a field of every pixel, gigabytes for images of some hundred thousand.
    first: dict[bytes, int] = {}
    for i, row in enumerate(points):
        first.setdefault(row.tobytes(), i)
    points = points[list(first.values())]
    neighbours = min(neighbours, len(points) - 1)
    if neighbours < 3:
        return None
    distances, _ = NearestNeighbors(n_neighbors=neighbours + 1, algorithm="brute").fit(points).kneighbors(points)
    distances = np.maximum(distances[:, 1:].astype(np.float64), 1e-9)
    inverse = np.log(distances[:, -1:] / distances[:, :-1]).sum(axis=1) / (neighbours - 1)
    return float(1 / inverse.mean()) if inverse.mean() > 0 else None


def colourfulness(images: np.ndarray) -> float:
    """Return the mean of M3 of Hasler & Süsstrunk 2003 (SPIE 5007) over (N, C, H, W) images; 0 without three channels.

    M3 = √(σ²rg + σ²yb) + 0.3·√(μ²rg + μ²yb), with rg = R - G and yb = (R + G)/2 - B.
    """
    if images.shape[1] != 3:
        return 0.0
    red, green, blue = (images[:, channel].astype(np.float32) for channel in range(3))
    opponent = np.stack([red - green, (red + green) / 2 - blue])
    spread = np.sqrt(opponent.var(axis=(2, 3)).sum(axis=0))
    mean = np.sqrt((opponent.mean(axis=(2, 3)) ** 2).sum(axis=0))
    return float((spread + 0.3 * mean).mean())


def edge_density(images: np.ndarray) -> float:
    """Return the share of edge pixels in (N, C, H, W) images, by the Sobel gradient of their grey version."""
    from scipy.ndimage import correlate1d

    grey = np.einsum("nchw,c->nhw", images.astype(np.float32), LUMA) if images.shape[1] == 3 else images[:, 0]
    grey = grey.astype(np.float32)
    # scipy's own sobel would smooth across images, too.
    down, right = (correlate1d(correlate1d(grey, [-1, 0, 1], a), [1, 2, 1], b) for a, b in ((1, 2), (2, 1)))
    return float((np.hypot(down, right) / 8 >= EDGE).mean())


def neighbour_error(points: np.ndarray, labels: np.ndarray, asked: np.ndarray, truth: np.ndarray) -> float:
    """Return the error of the nearest neighbour, Euclidean, among `points` (N, D) for `asked` (M, D)."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(n_neighbors=1, algorithm="brute").fit(points, labels)
    return float((classifier.predict(asked) != truth).mean())
