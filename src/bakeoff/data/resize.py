"""Resizes a batch of uint8 images to the recipe's size."""

import torch
import torch.nn.functional as F
from torch import Tensor

from bakeoff.spec.recipe import Image, Interpolation


def resize(images: Tensor, image: Image) -> Tensor:
    """Resize images to `image.size`, antialiased, then repeat each pixel `image.scale` times per axis.

    Images that already have the size are returned unchanged. `image.fit` is "stretch" (ignores the aspect ratio),
    "crop" (fills the size and crops the centre) or "pad" (fits inside with black borders).

    Args:
        images: (N, C, H, W) uint8.
        image: size, fit and interpolation.

    Returns:
        (N, C, H', W') uint8, rounded as image libraries do.
    """
    if image.size is not None and images.shape[2:] != image.size:
        images = fit_images(images, image.size, image.fit, image.interpolation)
    if image.scale > 1:
        images = repeat_pixels(images, image.scale)
    return images


def fit_images(images: Tensor, size: tuple[int, int], how: str, interpolation: Interpolation = "bilinear") -> Tensor:
    """Return (N, C, H, W) uint8 images at `size` (height, width); `how` is stretch, crop or pad."""
    if how == "stretch":
        return interpolate(images, size, interpolation)
    ratios = [wanted / own for wanted, own in zip(size, images.shape[2:], strict=True)]
    ratio = max(ratios) if how == "crop" else min(ratios)
    height, width = (max(1, round(own * ratio)) for own in images.shape[2:])
    images = interpolate(images, (height, width), interpolation)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    # Negative padding crops. The odd pixel goes to the bottom and the right.
    return F.pad(images, (left, size[1] - width - left, top, size[0] - height - top))


def interpolate(images: Tensor, size: tuple[int, int], interpolation: Interpolation = "bilinear") -> Tensor:
    """Return (N, C, H, W) uint8 images at `size` by antialiased interpolation, rounded."""
    if images.device.type == "cpu":  # its uint8 kernel is several times faster than the one for floats
        return F.interpolate(images, size=size, mode=interpolation, antialias=True)
    resized = F.interpolate(images.float(), size=size, mode=interpolation, antialias=True)
    return resized.round_().clamp_(0, 255).to(torch.uint8)


def repeat_pixels(images: Tensor, times: int) -> Tensor:
    """Return (N, C, H·times, W·times) images with every pixel repeated `times` along each axis."""
    return images.repeat_interleave(times, 3).repeat_interleave(times, 2)
