"""Normalisation of pixels: one multiply-add per pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bakeoff.data.resize import repeat_pixels, resize
from bakeoff.spec.recipe import Image, Normalize

CHUNK = 256
"""Images summed at once. 256 · 255² < 2²⁴, so the sums of squares of a chunk are exact in float32."""


@dataclass(frozen=True, eq=False)
class Normalizer:
    """Turns pixels x of 0–255 into scale·x + bias."""

    scale: Tensor
    """(C, H, W) float32, channels-last; H and W as the network sees them."""
    bias: Tensor
    """Likewise."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images, in pixels."""
        return self.scale.shape[1], self.scale.shape[2]

    def to(self, device: str) -> "Normalizer":
        """Return the same on `device`."""
        return Normalizer(self.scale.to(device), self.bias.to(device))

    def __call__(self, images: Tensor) -> Tensor:
        """Return (N, C, H, W) uint8 or float32 images, normalised, as float32, channels-last."""
        batch = torch.empty(images.shape, device=images.device, memory_format=torch.channels_last)
        # Channel by channel is twice as fast on a CPU as .to(memory_format=torch.channels_last).
        for channel in range(images.shape[1]):
            batch[:, channel].copy_(images[:, channel])
        return torch.addcmul(self.bias, batch, self.scale, out=batch)


def fit_normalizer(
    images: np.ndarray | Tensor,
    indices: np.ndarray | Tensor,
    image: Image,
    how: Normalize,
    given: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> Normalizer:
    """Fit the normaliser `how` to `images` (N, C, H, W) uint8 at `indices`, resized by `image`.

    raw keeps 0–255, unit divides by 255. The others work on 0–1: channel and pixel subtract the mean and divide by the
    population standard deviation per channel or pixel position; channel-mean and pixel-mean only subtract. A standard
    deviation below one grey level (1/255) counts as one grey level, so that a pixel that is nearly constant in training
    does not explode in a test image. weights takes `given`: mean and standard deviation per channel, of pixels in 0–1;
    grey images, which pretrained networks repeat over the channels, are normalised by their averages.

    The sums are exact integers. Only `indices` are read, in chunks. Arrays and tensors both work; the result is on the
    device of the images.
    """
    pixels, rows = torch.as_tensor(images), torch.as_tensor(indices)
    rows = rows.to(pixels.device)
    small = image.packed  # repeating pixels does not change the statistics
    shape = resize(pixels[:1], small).shape[1:]
    mean, divisor = torch.zeros(1), torch.tensor(1.0 if how == "raw" else 255.0)
    if how == "weights":
        mean, divisor = (255 * _per_channel(values, shape[0]) for values in given)
    elif how not in ("raw", "unit"):
        mean, deviation = moments(pixels, rows, small, per_channel=how.startswith("channel"))
        if not how.endswith("-mean"):
            divisor = deviation.clamp(min=1.0)
    parts = ((1 / divisor).expand(shape), (-mean / divisor).expand(shape))
    enlarged = (repeat_pixels(part.float()[None].to(pixels.device), image.scale) for part in parts)
    return Normalizer(*(part.contiguous(memory_format=torch.channels_last)[0] for part in enlarged))


def _per_channel(values: Sequence[float], channels: int) -> Tensor:
    """Return one value per channel, (C, 1, 1) float64; the average of all for grey images."""
    given = torch.tensor(values, dtype=torch.float64)
    return (given.mean()[None] if channels == 1 else given)[:, None, None]


def moments(images: Tensor, rows: Tensor, image: Image, per_channel: bool) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the pixels in grey levels, float64: (C, H, W), or (C, 1, 1)."""
    shape = resize(images[:1], image).shape[1:]
    total, total_square = torch.zeros(2, *shape, dtype=torch.float64, device=images.device)
    for part in rows.split(CHUNK):
        chunk = resize(images.index_select(0, part), image).float()
        total += chunk.sum(0)
        total_square += chunk.square_().sum(0)
    mean, mean_square = total / len(rows), total_square / len(rows)
    if per_channel:
        mean, mean_square = (part.mean((1, 2), keepdim=True) for part in (mean, mean_square))
    return mean, (mean_square - mean.square()).clamp(min=0).sqrt()
