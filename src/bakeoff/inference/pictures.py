"""Pictures to check and calibrate an exported model with: from its data set if that is here, otherwise random ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import PIL.Image
import PIL.ImageOps

from bakeoff import data as datasets
from bakeoff.data.pack import file_names
from bakeoff.data.source_name import IMAGE_FILES, local_path
from bakeoff.errors import BakeoffError
from bakeoff.inference.arrays import in_channels
from bakeoff.inference.trained_on import load_training_data, name_of_training_data

if TYPE_CHECKING:
    from bakeoff.inference.model import Model

RANDOM = 16
"""Random pictures, where there are no others."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures in their own sizes."""

    arrays: Sequence[np.ndarray]
    """Each (H, W, C) uint8, in as many channels as the model takes."""
    are_real: bool
    """Whether they are from the data set that the model was trained on."""


def find_pictures(model: "Model", split: Literal["train", "test"], most: int) -> Pictures:
    """Return up to `most` pictures of a split, evenly spread over it; random ones if the data are not here."""
    try:
        dataset = load_training_data(model.paths[0], model.bundle)
    except (BakeoffError, OSError):
        return Pictures(list(_random(model)), False)
    total = len(dataset.splits()[split])
    rows = np.unique(np.linspace(0, total - 1, min(most, total)).astype(int))
    channels = model.bundle.images.channels
    files = file_names(dataset, split)
    source = datasets.source_of(name_of_training_data(model.paths[0], model.bundle))
    if files and dataset.depth is None and source.startswith(IMAGE_FILES):
        folder = local_path(source)
        found = [_read(folder / files[row], channels) for row in rows]
    else:
        found = [np.ascontiguousarray(dataset.splits()[split].images[row].transpose(1, 2, 0)) for row in rows]
    return Pictures([one for one in found if one is not None], True)


def _read(file: Path, channels: int) -> np.ndarray | None:
    """Return an upright picture on white in one or three channels; None if it cannot be read."""
    try:
        with PIL.Image.open(file) as opened:
            upright = PIL.ImageOps.exif_transpose(opened)
            if "A" in upright.getbands() or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                white = PIL.Image.new("RGBA", upright.size, "white")
                upright = PIL.Image.alpha_composite(white, upright)
            pixels = np.asarray(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError):
        return None
    return in_channels(pixels.transpose(2, 0, 1), channels).transpose(1, 2, 0)


def _random(model: "Model") -> Iterator[np.ndarray]:
    """Yield pictures of random pixels in several sizes."""
    images, random = model.bundle.images, np.random.default_rng(0)
    for _ in range(RANDOM):
        height, width = (max(2, round(side * random.uniform(0.5, 2.5))) for side in (images.height, images.width))
        yield random.integers(0, 256, (height, width, images.channels), dtype=np.uint8)
