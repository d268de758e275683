"""Bring a batch of uint8 images to the size the recipe asks for."""

import torch
import torch.nn.functional as F
from torch import Tensor

from bakeoff.spec.recipe import Image


def resize(images: Tensor, image: Image) -> Tensor:
    """Bring images to `image.size` (antialiased bilinear), then repeat every pixel `image.scale` times each way.

    Images that have the size already are returned as they are. What `image.fit` means: "stretch" ignores the
    aspect ratio, "crop" fills the size and cuts the middle out, "pad" fits inside it with black borders.

    Args:
        images: (N, C, H, W) uint8.
        image: size and fit.

    Returns:
        (N, C, H', W') uint8, values rounded, as image libraries do.
    """
    if image.size is not None and images.shape[2:] != image.size:
        images = fit(images, image.size, image.fit)
    if image.scale > 1:
        images = repeat_pixels(images, image.scale)
    return images


def fit(images: Tensor, size: tuple[int, int], how: str) -> Tensor:
    """Return (N, C, H, W) uint8 images at `size` (height, width); `how` is stretch, crop or pad."""
    if how == "stretch":
        return interpolate(images, size)
    ratios = [wanted / own for wanted, own in zip(size, images.shape[2:], strict=True)]
    ratio = max(ratios) if how == "crop" else min(ratios)
    height, width = (max(1, round(own * ratio)) for own in images.shape[2:])
    images = interpolate(images, (height, width))
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    # Negative padding cuts, so that crop and pad are one line; the odd pixel goes to the bottom and the right.
    return F.pad(images, (left, size[1] - width - left, top, size[0] - height - top))


def interpolate(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return (N, C, H, W) uint8 images at `size` by antialiased bilinear interpolation, rounded."""
    if images.device.type == "cpu":  # has a kernel for bytes, several times faster than for floats
        return F.interpolate(images, size=size, mode="bilinear", antialias=True)
    resized = F.interpolate(images.float(), size=size, mode="bilinear", antialias=True)
    return resized.round_().clamp_(0, 255).to(torch.uint8)


def repeat_pixels(images: Tensor, times: int) -> Tensor:
    """Return (N, C, H·times, W·times) images in which every pixel has become a square of its own colour."""
    return images.repeat_interleave(times, 3).repeat_interleave(times, 2)
