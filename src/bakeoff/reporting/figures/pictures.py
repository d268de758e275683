"""Test images for the page: found on this machine, verified, and put on one sprite sheet per data set."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.data import DATASETS, Dataset, load_cached, load_dataset, source_of
from bakeoff.data.local_folders import data_folders
from bakeoff.data.pack import open_pack, pack_folder
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import DataRecord
from bakeoff.spec.run import Run

SIDE = 64
"""Longest side of a picture on the page in pixels; smaller images keep their size."""
PIXELS = 2_800_000
"""Total of all sheets of a page, by default. Bounds the size of the page: the worst images take 1.4 bytes per pixel."""


def find_images(run: Run, record: DataRecord | None) -> Dataset | str:
    """Return the images a run was tested on, or a sentence explaining why they cannot be shown.

    Nothing is downloaded.
    """
    if record is None:
        return f"The store has no record of the images of {run.data}, so none are shown."
    if not _is_here(run.data):
        return (
            f"The images of {run.data} are not on this machine. To show them, run “bakeoff data {run.data}” "
            "and build the page again."
        )

    def is_it(dataset: Dataset) -> bool:
        same = dataset.info.content_hash == run.data_hash
        return same and np.array_equal(dataset.test.labels, record.test_labels)

    before = load_cached(run.data, run.data_hash, run.recipe.image)
    if before and is_it(before):
        return before
    try:
        dataset = load_dataset(run.data, run.recipe.image)
    except BakeoffError as error:
        return f"The images of {run.data} cannot be shown: {error}."
    if not is_it(dataset):
        return (
            f"The images of {run.data} on this machine differ from those the runs were tested on "
            f"(content hash {dataset.info.content_hash[:16]} instead of {run.data_hash[:16]}), so none are shown."
        )
    return dataset


def _is_here(name: str) -> bool:
    """Whether a data set can be loaded without a download; for unknown names True, as `load_dataset` then raises."""
    name = source_of(name)
    if name not in DATASETS or open_pack(pack_folder(name)):
        return True
    entry = DATASETS[name]
    return all(any((folder / entry.folder / file.name).is_file() for folder in data_folders()) for file in entry.files)


@dataclass(frozen=True)
class Sheet:
    """Pictures in one image, a sprite sheet."""

    uri: str
    """A data: URI."""
    columns: int
    rows: int
    width: int
    """Of one picture, in pixels."""
    height: int
    count: int
    """Pictures on it, row by row."""


def thumbnail_size(images: np.ndarray, side: int = SIDE) -> tuple[int, int]:
    """Return the (width, height) in pixels of (N, C, H, W) images on the page."""
    height, width = images.shape[2:]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def make_thumbnail(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a (C, H, W) uint8 image as (height, width, 3) of `size`, averaging pixels when shrinking.

    Of one or two channels the first is shown in grey; of more than three, the first three.
    """
    from PIL import Image

    shown = image[:3] if len(image) >= 3 else image[:1].repeat(3, axis=0)
    picture = Image.fromarray(np.ascontiguousarray(shown.transpose(1, 2, 0)))
    return np.asarray(picture if picture.size == size else picture.resize(size, Image.Resampling.BOX))


def draw_sheet(images: np.ndarray, chosen: Iterable[int], *, side: int = SIDE) -> Sheet | None:
    """Return a sheet of the `chosen` among (N, C, H, W) images, in their order."""
    width, height = thumbnail_size(images, side)
    wanted = list(chosen)
    if not wanted:
        return None
    columns = max(1, min(len(wanted), round((len(wanted) * height / width) ** 0.5)))
    rows = -(-len(wanted) // columns)
    canvas = np.zeros((rows * height, columns * width, 3), np.uint8)
    for place, image in enumerate(wanted):
        top, left = place // columns * height, place % columns * width
        canvas[top : top + height, left : left + width] = make_thumbnail(images[image], (width, height))
    # The smallest images are enlarged pixel by pixel, so they are stored without loss.
    uri = _encode(canvas, exact=max(width, height) <= (28 if images.shape[1] < 3 else 16))
    return Sheet(uri, columns, rows, width, height, len(wanted))


def _encode(canvas: np.ndarray, *, exact: bool) -> str:
    """Return an image as a data: URI, WebP if Pillow supports it and no side exceeds its limit of 16,383 pixels."""
    from PIL import Image, features

    picture, file = Image.fromarray(canvas), io.BytesIO()
    form = "webp" if features.check("webp") and max(picture.size) < 16384 else "png"
    if form == "webp":
        picture.save(file, "WEBP", quality=80, lossless=exact, method=4)
    else:
        picture.save(file, "PNG", optimize=True)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


def similarity_map(images: np.ndarray, chosen: Sequence[int]) -> np.ndarray | None:
    """Return (len(chosen), 2) float64, the first two principal components of the images' pixels, each within ±1.

    Images are reduced to at most 16 pixels a side. None if fewer than three images differ.
    """
    if len(chosen) < 3:
        return None
    size = thumbnail_size(images, 16)
    pixels = np.stack([make_thumbnail(images[image], size).ravel() for image in chosen]).astype(np.float64)
    if len(np.unique(pixels, axis=0)) < 3:
        return None
    from sklearn.decomposition import PCA

    found = PCA(2, svd_solver="randomized", random_state=0).fit_transform(pixels)
    return found / np.abs(found).max(axis=0).clip(min=1e-12)
