"""The images behind the numbers: found on this machine, checked, and put small onto one sheet per data set."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.data import DATASETS, Dataset, find_content, load
from bakeoff.data.graded import split_name
from bakeoff.data.pack import open_pack, pack_folder
from bakeoff.data.places import data_folders
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import DataRecord
from bakeoff.spec.run import Run

SIDE = 64
"""Longest side of a picture on the page, pixels; smaller images keep their size."""
PIXELS = 2_800_000
"""Of all sheets of a page together. It bounds the size of the page: the worst images take 1.4 bytes of it a pixel."""


def find(run: Run, record: DataRecord | None) -> Dataset | str:
    """Return the images a run was tested on, or a sentence that says why they cannot be shown.

    Nothing is downloaded: a report shows what is here.
    """
    if record is None:
        return f"The store does not say which images {run.data} are, so none are shown."
    if not _is_here(run.data):
        return (
            f"The images of {run.data} are not on this machine, so there are numbers here without pictures: "
            f"“bakeoff data {run.data}” gets them, then build the page again."
        )

    def is_it(dataset: Dataset) -> bool:
        same = dataset.info.content_hash == run.data_hash
        return same and np.array_equal(dataset.test.labels, record.test_labels)

    before = find_content(run.data, run.data_hash, run.recipe.image)
    if before and is_it(before):
        return before
    try:
        dataset = load(run.data, run.recipe.image)
    except BakeoffError as error:
        return f"The images of {run.data} cannot be shown: {error}."
    if not is_it(dataset):
        return (
            f"The images called {run.data} on this machine are not those the runs were tested on "
            f"(content {dataset.info.content_hash[:16]} instead of {run.data_hash[:16]}), so none are shown."
        )
    return dataset


def _is_here(name: str) -> bool:
    """Tell whether a data set can be loaded without a download; what is unknown is left for `load` to complain of."""
    name, _ = split_name(name)
    if name not in DATASETS or open_pack(pack_folder(name)):
        return True
    entry = DATASETS[name]
    return all(any((folder / entry.folder / file.name).is_file() for folder in data_folders()) for file in entry.files)


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side in one image, a sprite."""

    uri: str
    """As a data: address."""
    columns: int
    rows: int
    width: int
    """Of one picture, pixels."""
    height: int
    tiles: dict[int, int]
    """Test image → its place, counted row by row."""


def size_of(images: np.ndarray, side: int = SIDE) -> tuple[int, int]:
    """Return (width, height) in pixels that (N, C, H, W) images have on the page."""
    height, width = images.shape[2:]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def thumbnail(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a (C, H, W) uint8 image as (height, width, 3) of `size`, averaged where it is made smaller.

    One or two channels are shown by the first, as grey; of more than three the first three are shown.
    """
    from PIL import Image

    shown = image[:3] if len(image) >= 3 else image[:1].repeat(3, axis=0)
    picture = Image.fromarray(np.ascontiguousarray(shown.transpose(1, 2, 0)))
    return np.asarray(picture if picture.size == size else picture.resize(size, Image.Resampling.BOX))


def draw_sheet(images: np.ndarray, chosen: Iterable[int], pixels: int = PIXELS) -> Sheet | None:
    """Return a sheet of the `chosen` ones of (N, C, H, W) images, as many of the first as fit into `pixels`."""
    width, height = size_of(images)
    wanted = list(dict.fromkeys(chosen))[: pixels // (width * height)]
    if not wanted:
        return None
    columns = max(1, min(len(wanted), round((len(wanted) * height / width) ** 0.5)))
    rows = -(-len(wanted) // columns)
    canvas = np.zeros((rows * height, columns * width, 3), np.uint8)
    for place, image in enumerate(wanted):
        top, left = place // columns * height, place % columns * width
        canvas[top : top + height, left : left + width] = thumbnail(images[image], (width, height))
    # Of the smallest images every pixel is seen: these are exact, where that does not take too many bytes.
    uri = _encode(canvas, exact=max(width, height) <= (28 if images.shape[1] < 3 else 16))
    return Sheet(uri, columns, rows, width, height, {image: place for place, image in enumerate(wanted)})


def _encode(canvas: np.ndarray, *, exact: bool) -> str:
    """Return an image as a data: address, WebP where Pillow and its limit of 16,383 pixels a side allow it."""
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

    The pixels are those of pictures of at most 16 a side. None where there are fewer than three different images.
    """
    if len(chosen) < 3:
        return None
    size = size_of(images, 16)
    pixels = np.stack([thumbnail(images[image], size).ravel() for image in chosen]).astype(np.float64)
    if len(np.unique(pixels, axis=0)) < 3:
        return None
    from sklearn.decomposition import PCA

    found = PCA(2, svd_solver="randomized", random_state=0).fit_transform(pixels)
    return found / np.abs(found).max(axis=0).clip(min=1e-12)
