"""From uint8 images to training batches: gathered, resized, augmented and normalised on the device.

An epoch is a function of (seed, epoch) alone. Resuming at its start needs no stored state, and at one seed all networks
see the same images in the same order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from bakeoff.data.augment import augment, cutout, draw_changes
from bakeoff.data.dataset import Images
from bakeoff.data.mixing import Mixed, mix_batch
from bakeoff.data.normalize import Normalizer
from bakeoff.data.resize import resize
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import derive_seed, steps_in_epoch

RESIDENT_SHARE = 0.25
"""A split moves to the GPU if it takes at most this share of the free memory there."""


@dataclass(frozen=True, eq=False)
class ImageSource:
    """The images and labels of one split, read in batches on `device`."""

    images: Tensor
    """(N, C, H, W) uint8: on `device`, or on the CPU (the memory map itself, whose pages are read as needed)."""
    labels: Tensor
    """(N,) int64, on `device`."""
    device: torch.device
    split: Images | None = None
    """The split that the images come from, if they are all of it."""

    @classmethod
    def on(cls, split: Images, device: str) -> Self:
        """Return `split` for reading on `device`; on the CPU nothing is copied.

        Images that take at most a quarter of the GPU's free memory move there once. Otherwise they stay in the memory
        map, and each batch is transferred through pinned memory while the GPU works on the previous one.
        """
        images, place = torch.from_numpy(split.images), torch.device(device)
        if place.type == "cuda" and images.nbytes <= RESIDENT_SHARE * torch.cuda.mem_get_info(place)[0]:
            images = images.to(place)
        return cls(images, torch.from_numpy(split.labels).to(place), place, split)

    def __len__(self) -> int:
        return len(self.labels)

    def gather(self, rows: Tensor | slice) -> Tensor:
        """Return the images at `rows` as (n, C, H, W) uint8 on the device.

        A tensor of rows must be on the device of the images, so that nothing waits for the GPU.
        """
        images = self.images[rows] if isinstance(rows, slice) else self.images.index_select(0, rows)
        if self.device.type == "cuda" and not images.is_cuda:
            images = images.pin_memory()
        return images.to(self.device, non_blocking=True)


def train_batches(
    source: ImageSource, indices: Tensor, recipe: Recipe, normalizer: Normalizer, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor | Mixed]]:
    """Yield one epoch: every image of `indices` once, in a new random order, augmented as the recipe says.

    Args:
        source: the training images.
        indices: (n,) int64 on the CPU, the training part of them.
        recipe: image, augment and batch_size are read.
        normalizer: on the source's device.
        seed: of the run.
        epoch: any whole number.

    Yields:
        (b, C, H, W) float32 channels-last images and (b,) int64 labels, or both labels of each mixed image, on the
        device; the last batch may be smaller, or larger by the one image that would be left over.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    order = indices[torch.randperm(len(indices), generator=generator)]
    changes = draw_changes(recipe.augment, len(order), normalizer.size, seed, epoch)
    changes = {name: values.to(source.device, non_blocking=True) for name, values in changes.items()}
    labels = source.labels[order.to(source.device, non_blocking=True)]
    order = order.to(source.images.device, non_blocking=True)
    for part in batches(len(order), recipe.batch_size):
        own = {name: values[part] for name, values in changes.items()}
        images = resize(source.gather(order[part]), recipe.image)
        batch = normalizer(augment(images, own, recipe.augment))
        if "cutout" in own:
            batch = cutout(batch, own["cutout"], recipe.augment.cutout)
        if own.keys() & {"mixup", "cutmix"}:
            yield mix_batch(batch, labels[part], own)
        else:
            yield batch, labels[part]


def eval_batches(
    source: ImageSource, indices: Tensor | None, recipe: Recipe, normalizer: Normalizer
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the images at `indices` (all if None) in this order, resized and normalised, with their labels.

    Batches are as large as in training: some networks cannot process a single image.
    """
    labels = source.labels if indices is None else source.labels[indices.to(source.device)]
    rows = None if indices is None else indices.to(source.images.device)
    for part in batches(len(labels), recipe.batch_size):
        images = source.gather(part if rows is None else rows[part])
        yield normalizer(resize(images, recipe.image)), labels[part]


def batches(images: int, batch_size: int) -> Iterator[slice]:
    """Yield the slice of each batch of `images` images; see `steps_in_epoch`."""
    steps = steps_in_epoch(images, batch_size)
    for step in range(steps):
        yield slice(step * batch_size, (step + 1) * batch_size if step < steps - 1 else images)
