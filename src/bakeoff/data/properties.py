"""Properties of a data set that may explain which family of networks does well on it. Computed once, then cached.

All but the image counts are computed on a seeded sample of the training images, so large data sets take no longer than
small ones, and measures that depend on the sample size are comparable between data sets of at least `SAMPLE` images.
The sample is processed in chunks; large images are reduced before they are compared.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.grade import LUMA
from bakeoff.data.local_folders import cache_folder
from bakeoff.spec.paths import write_whole
from bakeoff.spec.run import derive_seed
from bakeoff.spec.values import Value, digest
from bakeoff.text.formats import percent

VERSION = 2
"""Version of the computation. Raise it when the same images would give different numbers."""
SAMPLE = 1000
"""Training images in the sample, and test images whose nearest neighbour is looked up in it."""
NEIGHBOURS = 20
"""Neighbours of each image used for the intrinsic dimension."""
COMPARED = 64
"""Images with longer sides are averaged down to about this many pixels before comparison."""
CHUNK = 16 * 2**20
"""Bytes of pixels processed at once."""
EDGE = 32
"""Gradient, in grey levels per pixel, from which a pixel counts as an edge."""


class Properties(Value, frozen=True, kw_only=True):
    """The properties of one data set. The field names are JSON keys and must not change."""

    side: float
    """Square root of the number of pixels."""
    channels: int
    classes: int
    train_images: int
    balance: float
    """Entropy of the training labels over that of equally frequent classes: 1 for equal classes."""
    intrinsic_dimension: float | None
    """Of the images as points (Levina & Bickel 2004, averaged as in MacKay & Ghahramani 2005); None if there are too
    few distinct images."""
    colourfulness: float
    """Mean of the measure M3 of Hasler & Süsstrunk 2003 over images; 0 for grey."""
    edge_density: float
    """Fraction of pixels with a Sobel gradient of at least 32 grey levels per pixel."""
    neighbour_error: float
    """1-nearest-neighbour error: fraction of test images whose nearest training image has another label."""
    compression: float
    """Compression ratio of the pixels with zlib."""


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
"""Field → label in tables."""


def format_property(name: str, value: float | None) -> str:
    """Return the value of a property as text."""
    if value is None:
        return "–"
    if name in ("channels", "classes", "train_images", "side"):
        return f"{value:,.0f}"
    return percent(value, 1) if name in ("edge_density", "neighbour_error") else f"{value:.3g}"


def properties(dataset: Dataset) -> Properties:
    """Return the properties of a data set, from the cache if possible."""
    info = dataset.info
    key = digest([VERSION, info.content_hash, str(info.shape), SAMPLE])[:32]
    path = cache_folder() / "properties" / f"{key}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=Properties)
    found = compute_properties(dataset)
    with suppress(OSError):  # without the cache, it only takes longer
        write_whole(path, msgspec.json.encode(found))
    return found


def compute_properties(dataset: Dataset) -> Properties:
    """Compute the properties of a data set."""
    info = dataset.info
    train, test = _sample(dataset.train, "train"), _sample(dataset.test, "test")
    points, queries = _points(train), _points(test)
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
        neighbour_error=neighbour_error(points, train.labels, queries, test.labels),
        compression=compression(train),
    )


class Sample(NamedTuple):
    """Some images of a split; pixels are read on access."""

    images: np.ndarray
    """(N, C, H, W) uint8, the whole split."""
    rows: np.ndarray
    """(n,) sorted indices of the sample."""
    labels: np.ndarray
    """(n,)"""

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the sampled images in chunks."""
        step = max(1, CHUNK // max(1, self.images[0].size))
        for start in range(0, len(self.rows), step):
            yield np.ascontiguousarray(self.images[self.rows[start : start + step]])


def _sample(images: Images, split: str) -> Sample:
    random = np.random.default_rng(derive_seed(0, "properties", split))
    rows = np.sort(random.permutation(len(images))[:SAMPLE])
    return Sample(images.images, rows, images.labels[rows])


def _mean(measure: Callable[[np.ndarray], float], sample: Sample) -> float:
    """Return the mean of a measure over the sampled images."""
    return sum(measure(chunk) * len(chunk) for chunk in sample.chunks()) / len(sample.rows)


def _points(sample: Sample) -> np.ndarray:
    """Return the sampled images as points (n, D) float32, large ones reduced."""
    return np.concatenate([reduced(chunk).reshape(len(chunk), -1) for chunk in sample.chunks()])


def reduced(images: np.ndarray) -> np.ndarray:
    """Return (N, C, H, W) images as float32, averaged over blocks so that no side is much longer than `COMPARED`."""
    times = [max(1, round(side / COMPARED)) for side in images.shape[2:]]
    high, wide = (side // by for side, by in zip(images.shape[2:], times, strict=True))
    if times == [1, 1]:
        return images.astype(np.float32)
    images = images[:, :, : high * times[0], : wide * times[1]]
    return images.reshape(*images.shape[:2], high, times[0], wide, times[1]).mean(axis=(3, 5), dtype=np.float32)


def compression(sample: Sample) -> float:
    """Return the zlib compression ratio of the sampled images as one stream."""
    squeeze, before, after = zlib.compressobj(6), 0, 0
    for chunk in sample.chunks():
        before, after = before + chunk.nbytes, after + len(squeeze.compress(chunk.data))
    return before / (after + len(squeeze.flush()))


def balance(counts: np.ndarray) -> float:
    """Return the entropy of class counts (K,) divided by log K."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(counts))) if len(counts) > 1 else 1.0


def intrinsic_dimension(points: np.ndarray, neighbours: int = NEIGHBOURS) -> float | None:
    """Return the maximum-likelihood dimension of points (N, D) from the distances to their nearest neighbours.

    Levina & Bickel 2004 (NIPS 17), eq. 8, for one number of neighbours; inverses are averaged over points, the
    correction of MacKay & Ghahramani 2005. Duplicate points count once.
    """
    from sklearn.neighbors import NearestNeighbors

    # np.unique(axis=0) makes every pixel a field: gigabytes for images of some hundred thousand pixels.
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
    """Return the fraction of edge pixels in (N, C, H, W) images, by the Sobel gradient of their grey version."""
    from scipy.ndimage import correlate1d

    grey = np.einsum("nchw,c->nhw", images.astype(np.float32), LUMA) if images.shape[1] == 3 else images[:, 0]
    grey = grey.astype(np.float32)
    # scipy's sobel would also smooth across images.
    down, right = (correlate1d(correlate1d(grey, [-1, 0, 1], a), [1, 2, 1], b) for a, b in ((1, 2), (2, 1)))
    return float((np.hypot(down, right) / 8 >= EDGE).mean())


def neighbour_error(points: np.ndarray, labels: np.ndarray, queries: np.ndarray, truth: np.ndarray) -> float:
    """Return the error of a Euclidean 1-NN classifier on `points` (N, D) for `queries` (M, D)."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(n_neighbors=1, algorithm="brute").fit(points, labels)
    return float((classifier.predict(queries) != truth).mean())
