"""What a data set is like, in numbers that may go with one family of networks doing well: computed once, then kept.

All but the numbers of images are of a seeded sample of the training images, so that large sets take no longer than
small ones; what depends on the number of images is the same for all sets of at least `SAMPLE`.
"""

import os
import zlib
from contextlib import suppress

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset
from bakeoff.data.grade import LUMA
from bakeoff.data.places import cache_folder
from bakeoff.spec import derive_seed
from bakeoff.values import Value, digest

VERSION = 1
"""Of how properties are computed. It goes up when the same images would give other numbers."""
SAMPLE = 1000
"""Training images looked at, and test images asked for their nearest neighbour among them."""
NEIGHBOURS = 20
"""Of each image, for the intrinsic dimension."""
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
    return f"{100 * value:.1f} %" if name in ("edge_density", "neighbour_error") else f"{value:.3g}"


def properties(dataset: Dataset) -> Properties:
    """Return the properties of a data set, from the cache if they were computed before."""
    info = dataset.info
    key = digest([VERSION, info.content_hash, str(info.shape), SAMPLE])[:32]
    path = cache_folder() / "properties" / f"{key}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=Properties)
    found = compute(dataset)
    with suppress(OSError):  # a cache that cannot be written only costs time
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(msgspec.json.encode(found))
        part.replace(path)
    return found


def compute(dataset: Dataset) -> Properties:
    """Return the properties of a data set, computed."""
    info = dataset.info
    train, labels = _sample(dataset.train.images, dataset.train.labels, "train")
    test, truth = _sample(dataset.test.images, dataset.test.labels, "test")
    points, asked = (own.reshape(len(own), -1).astype(np.float32) for own in (train, test))
    counts = np.bincount(dataset.train.labels, minlength=len(info.classes))
    return Properties(
        side=float(np.sqrt(train.shape[2] * train.shape[3])),
        channels=train.shape[1],
        classes=len(info.classes),
        train_images=info.train_images,
        balance=balance(counts),
        intrinsic_dimension=intrinsic_dimension(points),
        colourfulness=colourfulness(train),
        edge_density=edge_density(train),
        neighbour_error=neighbour_error(points, labels, asked, truth),
        compression=train.nbytes / len(zlib.compress(train.tobytes(), 6)),
    )


def _sample(images: np.ndarray, labels: np.ndarray, split: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(derive_seed(0, "properties", split))
    rows = np.sort(random.permutation(len(labels))[:SAMPLE])
    return np.ascontiguousarray(images[rows]), labels[rows]


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

    points = np.unique(points, axis=0)
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
