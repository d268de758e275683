"""Labelled images of any data set, decoded as in a model's training."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from bakeoff import data as datasets
from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.pack import file_names
from bakeoff.data.source_name import IMAGE_FILES, local_path
from bakeoff.errors import BakeoffError
from bakeoff.inference.evaluation import Split, left_out, match_classes
from bakeoff.text.formats import counted, listing

if TYPE_CHECKING:
    from bakeoff.inference.model import Model


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images in the form that a model takes, with labels in its order of classes."""

    pixels: np.ndarray
    """(N, C, H, W) uint8."""
    labels: np.ndarray
    """(N,) int64."""
    split: Split
    notes: list[str]
    """Notes about the images."""


def read_labelled(model: "Model", name: str, split: Split | None = None) -> Labelled:
    """Read the images of a data set for a model; those of classes that the model does not know are left out.

    Args:
        model: says how images are decoded, and which classes there are.
        name: of the data set.
        split: by default "test", or "all" where the data set has no test images of its own.

    Raises:
        BakeoffError: there is no such data set or split, no class in common, or an image cannot be read.
    """
    bundle = model.bundle
    images = bundle.images
    dataset = datasets.load_dataset(name, replace(bundle.run.recipe.image.packed, size=(images.height, images.width)))
    splits = dataset.splits()
    own_data = dataset.info.content_hash == bundle.run.data_hash
    chosen: Split = split or ("all" if dataset.made_test and not own_data else "test")
    if chosen != "all" and chosen not in splits:
        raise BakeoffError(f"{name} has no {chosen} images: it has {listing(list(splits))}")
    names = dataset.info.classes
    numbers = match_classes(model.classes, names)
    table = np.array([numbers.get(number, -1) for number in range(len(names))])
    notes, pixels, labels, unknown = [], [], [], 0
    for part, own in splits.items():
        if chosen in ("all", part):
            known = table[own.labels]
            kept = np.flatnonzero(known >= 0)
            unknown += len(known) - len(kept)
            pixels.append(_as_in_training(model, dataset, name, part, own, kept))
            labels.append(known[kept])
    if unknown:
        notes.append(left_out(names, [number for number in range(len(names)) if number not in numbers], unknown))
    together = np.concatenate(labels)
    if not len(together):
        raise BakeoffError(f"{name} has no {chosen} images of a class that the model knows")
    lacking = sorted(set(range(len(model.classes))) - set(together.tolist()))
    if lacking:
        notes.append(f"no image of {listing([model.classes[number] for number in lacking])}")
    if dataset.skipped:
        notes.append(f"{counted(len(dataset.skipped), 'file')} could not be read")
    if own_data and chosen != "test":
        notes.append("these are images of the model's own training: the numbers say nothing about new ones")
    return Labelled(np.concatenate(pixels), together, chosen, notes)


def _as_in_training(
    model: "Model", dataset: Dataset, name: str, split: str, own: Images, rows: np.ndarray
) -> np.ndarray:
    """Return the images at `rows` as (n, C, H, W) uint8 of the shape and depth of the model's training."""
    bundle = model.bundle
    shape = (bundle.images.channels, bundle.images.height, bundle.images.width)
    files = file_names(dataset, split)
    if dataset.depth != bundle.depth and files and name.startswith(IMAGE_FILES):
        folder = local_path(datasets.source_of(name))
        return np.stack([model.decode(folder / files[row]) for row in rows])
    if own.images.shape[1:] == shape:
        return own.images[rows]
    if not len(rows):
        return np.empty((0, *shape), np.uint8)
    return np.stack([model.decode(own.images[row]) for row in rows])
