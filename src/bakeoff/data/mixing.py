"""Mixup and CutMix: training images that are made of two, with the labels of both."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from bakeoff.spec.recipe import Augment
from bakeoff.spec.run import derive_seed


@dataclass(frozen=True, eq=False)
class Mixed:
    """The labels of n images that are each made of two."""

    first: Tensor
    """(n,) int64."""
    second: Tensor
    """Likewise."""
    share: Tensor
    """(n,) float32: the share of each image that has its first label."""

    def probabilities(self, classes: int) -> Tensor:
        """Return the probability of each class, (n, classes) float32."""
        first, second = (F.one_hot(labels, classes).float() for labels in (self.first, self.second))
        return torch.lerp(second, first, self.share[:, None])


def draw_mixing(settings: Augment, count: int, size: tuple[int, int], seed: int, epoch: int) -> dict[str, Tensor]:
    """Draw how `count` images of `size` (height, width) are mixed.

    mixup (n,) is the share of the image itself; cutmix (n, 4) is top, left, bottom and right of the rectangle that is
    pasted, in pixels. With both, each image gets one of them, with equal probability.
    """

    def stream(name: str) -> np.random.Generator:
        return np.random.default_rng(derive_seed(seed, "augment", epoch, name))

    changes: dict[str, Tensor] = {}
    is_cut = np.full(count, settings.mixup == 0)
    if settings.mixup and settings.cutmix:
        is_cut = stream("mixing").random(count) < 0.5
    if settings.mixup:
        share = stream("mixup").beta(settings.mixup, settings.mixup, count)
        changes["mixup"] = torch.from_numpy(np.where(is_cut, 1.0, share)).float()
    if settings.cutmix:
        random = stream("cutmix")
        side = np.sqrt(1 - random.beta(settings.cutmix, settings.cutmix, count)) * is_cut
        centre = random.random((count, 2)) * size
        half = side[:, None] * size / 2
        corners = np.concatenate([centre - half, centre + half], axis=1).round()
        changes["cutmix"] = torch.from_numpy(corners.clip(0, [*size, *size])).long()
    return changes


def mix_batch(images: Tensor, labels: Tensor, changes: dict[str, Tensor]) -> tuple[Tensor, Mixed]:
    """Mix each of the (n, C, H, W) normalised images with the one before it in the batch, the first with the last."""
    others = images.roll(1, 0)
    share = torch.ones(len(images), device=images.device)
    if "mixup" in changes:
        share = changes["mixup"]
        images = images * share[:, None, None, None] + others * (1 - share)[:, None, None, None]
    if "cutmix" in changes:
        height, width = images.shape[2:]
        top, left, bottom, right = changes["cutmix"].unbind(1)
        y, x = (torch.arange(side, device=images.device) for side in (height, width))
        rows = (y >= top[:, None]) & (y < bottom[:, None])
        columns = (x >= left[:, None]) & (x < right[:, None])
        images = torch.where((rows[:, :, None] & columns[:, None, :])[:, None], others, images)
        share = share * (1 - (bottom - top) * (right - left) / math.prod((height, width)))
    return images, Mixed(labels, labels.roll(1, 0), share)
