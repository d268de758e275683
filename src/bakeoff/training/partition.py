"""A run's training, validation and test images: the same for all networks at one seed."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bakeoff.data.batches import ImageSource
from bakeoff.data.copies import training_copies
from bakeoff.data.dataset import Dataset
from bakeoff.data.grouping import number_groups
from bakeoff.data.normalize import Normalizer, fit_normalizer
from bakeoff.data.split import balanced_sample, cut_validation
from bakeoff.errors import BakeoffError
from bakeoff.nets.pretrained import statistics_of
from bakeoff.spec.data import ImageShape
from bakeoff.spec.run import Run, derive_seed


@dataclass(frozen=True)
class Partition:
    """Training, validation and test images of one run, on the device."""

    train: ImageSource
    train_indices: Tensor
    validation: ImageSource | None
    validation_indices: Tensor | None
    test: ImageSource
    normalizer: Normalizer
    classes: int


def input_shape(run: Run, data: Dataset) -> ImageShape:
    """Return the shape of the network's input."""
    return run.recipe.image.shape(ImageShape(*data.train.images.shape[1:]))


def partition_data(run: Run, data: Dataset, device: str) -> Partition:
    """Split off the validation images as the recipe says and move all images to the device.

    The split depends on the seed, not on the network.

    Raises:
        BakeoffError: the recipe asks for the data set's own validation split and there is none, for more
            images of a class than there are, or for the normalisation of weights that the network does not have.
    """
    recipe = run.recipe
    indices, groups = np.arange(len(data.train.labels)), number_groups(data.train.groups)
    if recipe.images_per_class is not None:
        seed = derive_seed(run.seed, "sample")
        indices = balanced_sample(data.train.labels, recipe.images_per_class, seed, groups)
    train, test = ImageSource.on(data.train, device), ImageSource.on(data.test, device)
    validation: ImageSource | None = None
    validation_indices: Tensor | None = None
    if recipe.validation == "own":
        if data.validation is None:
            raise BakeoffError(f"{run.data} has no validation split of its own: add --set validation=0.1")
        validation = ImageSource.on(data.validation, device)
    elif recipe.validation == "test":
        validation = test
    elif recipe.validation != "none":
        kept, cut = cut_validation(
            data.train.labels[indices],
            recipe.validation,
            derive_seed(run.seed, "split"),
            training_copies(data)[indices],
            None if groups is None else groups[indices],
        )
        validation, validation_indices = train, torch.from_numpy(indices[cut])
        indices = indices[kept]
    train_indices = torch.from_numpy(indices)
    given = statistics_of(run.net) if recipe.normalize == "weights" else ((), ())
    normalizer = fit_normalizer(train.images, train_indices, recipe.image, recipe.normalize, given)
    return Partition(
        train, train_indices, validation, validation_indices, test, normalizer.to(device), len(data.info.classes)
    )
