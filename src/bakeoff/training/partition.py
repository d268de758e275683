"""The images of one run by what they are for: the same for all networks at one seed."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bakeoff.data.batches import Source
from bakeoff.data.copies import copies_in
from bakeoff.data.dataset import Dataset
from bakeoff.data.normalize import Normalizer, fit_normalizer
from bakeoff.data.split import balanced_sample, cut_validation
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import ImageShape
from bakeoff.spec.run import Run, derive_seed


@dataclass(frozen=True)
class Parts:
    """The images of one run by what they are for, on the device."""

    train: Source
    train_indices: Tensor
    validation: Source | None
    validation_indices: Tensor | None
    test: Source
    normalizer: Normalizer
    classes: int


def seen_shape(run: Run, data: Dataset) -> ImageShape:
    """Return the shape of the images as the network sees them."""
    return run.recipe.image.shape(ImageShape(*data.train.images.shape[1:]))


def divide(run: Run, data: Dataset, device: str) -> Parts:
    """Cut training and validation images as the recipe says; the same for all networks at one seed.

    Raises:
        BakeoffError: the recipe asks for the data set's own validation split and there is none, or for more
            images of a class than there are.
    """
    recipe = run.recipe
    indices = np.arange(len(data.train.labels))
    if recipe.images_per_class is not None:
        indices = balanced_sample(data.train.labels, recipe.images_per_class, derive_seed(run.seed, "sample"))
    train, test = Source.on(data.train, device), Source.on(data.test, device)
    validation: Source | None = None
    validation_indices: Tensor | None = None
    if recipe.validation == "own":
        if data.validation is None:
            raise BakeoffError(f"{run.data} has no validation split of its own: add --set validation=0.1")
        validation = Source.on(data.validation, device)
    elif recipe.validation == "test":
        validation = test
    elif recipe.validation != "none":
        kept, cut = cut_validation(
            data.train.labels[indices], recipe.validation, derive_seed(run.seed, "split"), copies_in(data)[indices]
        )
        validation, validation_indices = train, torch.from_numpy(indices[cut])
        indices = indices[kept]
    train_indices = torch.from_numpy(indices)
    normalizer = fit_normalizer(train.images, train_indices, recipe.image, recipe.normalize)
    return Parts(
        train, train_indices, validation, validation_indices, test, normalizer.to(device), len(data.info.classes)
    )
