"""From uint8 images to the batches a network trains on: gathered, resized, augmented, normalised on the device.

An epoch is an exact function of (seed, epoch), so that nothing has to be stored to resume at its beginning, and all
networks meet the same images in the same order at one seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from bakeoff.data.augment import augment, cutout, draw
from bakeoff.data.dataset import Images
from bakeoff.data.normalize import Normalizer
from bakeoff.data.resize import resize
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import derive_seed, steps_in_epoch

RESIDENT_SHARE = 0.25
"""A split moves to the GPU when it takes at most this share of the memory that is free there."""


@dataclass(frozen=True, eq=False)
class Source:
    """The images and labels of one split, to be read in batches on `device`."""

    images: Tensor
    """(N, C, H, W) uint8: on `device`, or on the CPU (the memory map itself, whose pages are read as needed)."""
    labels: Tensor
    """(N,) int64, on `device`."""
    device: torch.device

    @classmethod
    def on(cls, split: Images, device: str) -> Self:
        """Return `split` ready to be read on `device`; on the CPU nothing is copied.

        On a GPU the images move there once if they take at most a quarter of its free memory; else they stay in
        the memory map, and each batch is sent through pinned memory while the GPU still works on the one before.
        """
        images, place = torch.from_numpy(split.images), torch.device(device)
        if place.type == "cuda" and images.nbytes <= RESIDENT_SHARE * torch.cuda.mem_get_info(place)[0]:
            images = images.to(place)
        return cls(images, torch.from_numpy(split.labels).to(place), place)

    def __len__(self) -> int:
        return len(self.labels)

    def gather(self, rows: Tensor | slice) -> Tensor:
        """Return the images at `rows` as (n, C, H, W) uint8 on the device.

        Rows given as a tensor lie where the images lie, so that nothing waits for the GPU.
        """
        images = self.images[rows] if isinstance(rows, slice) else self.images.index_select(0, rows)
        if self.device.type == "cuda" and not images.is_cuda:
            images = images.pin_memory()
        return images.to(self.device, non_blocking=True)


def train_batches(
    source: Source, indices: Tensor, recipe: Recipe, normalizer: Normalizer, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch: every image of `indices` once, in an order drawn anew, augmented as the recipe says.

    Args:
        source: the training images.
        indices: (n,) int64 on the CPU, the training part of them.
        recipe: image, augment and batch_size are read.
        normalizer: on the source's device.
        seed: of the run.
        epoch: any whole number.

    Yields:
        (b, C, H, W) float32 channels-last images and (b,) int64 labels on the device; the last batch may be smaller, or
        larger by the one image that would be left over.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    order = indices[torch.randperm(len(indices), generator=generator)]
    changes = draw(recipe.augment, len(order), normalizer.size, seed, epoch)
    changes = {name: values.to(source.device, non_blocking=True) for name, values in changes.items()}
    labels = source.labels[order.to(source.device, non_blocking=True)]
    order = order.to(source.images.device, non_blocking=True)
    for part in batches(len(order), recipe.batch_size):
        own = {name: values[part] for name, values in changes.items()}
        images = resize(source.gather(order[part]), recipe.image)
        batch = normalizer(augment(images, own, recipe.augment))
        if "cutout" in own:
            batch = cutout(batch, own["cutout"], recipe.augment.cutout)
        yield batch, labels[part]


def eval_batches(
    source: Source, indices: Tensor | None, recipe: Recipe, normalizer: Normalizer
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the images at `indices` (all if None) in this order, resized and normalised, with their labels.

    Batches are as long as in training: a network that squeezes its maps may stumble over one image here too.
    """
    labels = source.labels if indices is None else source.labels[indices.to(source.device)]
    rows = None if indices is None else indices.to(source.images.device)
    for part in batches(len(labels), recipe.batch_size):
        images = source.gather(part if rows is None else rows[part])
        yield normalizer(resize(images, recipe.image)), labels[part]


def batches(images: int, batch_size: int) -> Iterator[slice]:
    """Yield the places of each batch of so many images: see `steps_in_epoch`."""
    steps = steps_in_epoch(images, batch_size)
    for step in range(steps):
        yield slice(step * batch_size, (step + 1) * batch_size if step < steps - 1 else images)
