"""The image operations of TrivialAugment and RandAugment, on whole batches.

Each takes (n, C, H, W) uint8 images and an amount per image, (n,) float32, and returns new uint8 images. They are those
of the papers' code, which uses Pillow; the tests compare each with Pillow.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Operation: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def identity(images: Tensor, amount: Tensor) -> Tensor:
    """Return the images."""
    return images


def shear_x(images: Tensor, amount: Tensor) -> Tensor:
    """Shift each row to the left by `amount` times its distance from the top."""
    return transform(images, (1, amount, 0), (0, 1, 0))


def shear_y(images: Tensor, amount: Tensor) -> Tensor:
    """Shift each column up by `amount` times its distance from the left."""
    return transform(images, (1, 0, 0), (amount, 1, 0))


def translate_x(images: Tensor, amount: Tensor) -> Tensor:
    """Shift by `amount` pixels, rounded towards zero, to the right."""
    return transform(images, (1, 0, -amount.trunc()), (0, 1, 0))


def translate_y(images: Tensor, amount: Tensor) -> Tensor:
    """Shift by `amount` pixels, rounded towards zero, down."""
    return transform(images, (1, 0, 0), (0, 1, -amount.trunc()))


def rotate(images: Tensor, amount: Tensor) -> Tensor:
    """Rotate by `amount` degrees, counter-clockwise, about the centre."""
    height, width = images.shape[2:]
    angle = amount.deg2rad()
    sine, cosine = angle.sin(), angle.cos()
    x, y = width / 2, height / 2
    return transform(images, (cosine, -sine, x - cosine * x + sine * y), (sine, cosine, y - sine * x - cosine * y))


Row: TypeAlias = tuple[Tensor | float, Tensor | float, Tensor | float]


def transform(images: Tensor, to_x: Row, to_y: Row) -> Tensor:
    """Take the pixel at (x, y) from (a·x + b·y + c, d·x + e·y + f), black outside the image, as Pillow does.

    x and y are those of the pixels' centres, from the left and from the top; `to_x` is a, b, c and `to_y` is d, e, f.
    """
    n, channels, height, width = images.shape
    x, y = (torch.arange(side, device=images.device) + 0.5 for side in (width, height))

    def source(factors: Row, side: int) -> Tensor:
        by_x, by_y, start = (torch.as_tensor(f, device=images.device).reshape(-1, 1) for f in factors)
        return ((by_x * x)[:, None, :] + (by_y * y + start)[:, :, None]).floor_().clamp_(-1, side).expand(n, -1, -1)

    column, row = source(to_x, width), source(to_y, height)
    # Row and column 0 of a black border stand for everything outside.
    wide = width + 2
    place = ((row + 1) * wide + column + 1).to(torch.int64).view(n, 1, -1).expand(-1, channels, -1)
    return F.pad(images, [1] * 4).view(n, channels, -1).gather(2, place).view_as(images)


def brightness(images: Tensor, amount: Tensor) -> Tensor:
    """Scale the brightness by 1 + `amount`."""
    return blend(images, images.new_zeros(()).float(), amount)


def color(images: Tensor, amount: Tensor) -> Tensor:
    """Scale the difference from the grey image by 1 + `amount`."""
    return blend(images, grey_levels(images), amount)


def contrast(images: Tensor, amount: Tensor) -> Tensor:
    """Scale the difference from the mean of the grey image by 1 + `amount`."""
    return blend(images, (grey_levels(images).mean((1, 2, 3), keepdim=True) + 0.5).floor_(), amount)


def sharpness(images: Tensor, amount: Tensor) -> Tensor:
    """Scale the difference from a smoothed image by 1 + `amount`; border pixels stay as they are.

    The smoothed image has the means of 3×3 pixels, of which the middle one counts five times, as in Pillow.
    """
    if min(images.shape[2:]) < 3:
        return images
    pixels = images.float()
    rows = pixels[:, :, :-2] + pixels[:, :, 1:-1] + pixels[:, :, 2:]
    middle = pixels[:, :, 1:-1, 1:-1]
    smooth = (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:]).add_(middle, alpha=4).div_(13).round_()
    changed = images.clone()
    changed[:, :, 1:-1, 1:-1] = blend(middle, smooth, amount)
    return changed


def blend(images: Tensor, other: Tensor, amount: Tensor) -> Tensor:
    """Return other + (1 + amount)·(images - other), clipped to 0–255 and truncated to whole grey levels."""
    factor = (1 + amount)[:, None, None, None]
    return (images.float() - other).mul_(factor).add_(other).clamp_(0, 255).to(torch.uint8)


def grey_levels(images: Tensor) -> Tensor:
    """Return the grey image (n, 1, H, W) in whole grey levels, as Pillow does; without 3 channels, their mean."""
    if images.shape[1] != 3:
        return images.float().mean(1, keepdim=True).floor_()
    red, green, blue = images.float().split(1, 1)
    return (red * 19595 + green * 38470 + blue * 7471 + 32768).div_(65536).floor_()


def posterize(images: Tensor, amount: Tensor) -> Tensor:
    """Keep the `amount` highest bits of each byte."""
    kept = 256 - (2 ** (8 - amount.round())).to(torch.int16)
    return images & kept.to(torch.uint8)[:, None, None, None]


def solarize(images: Tensor, amount: Tensor) -> Tensor:
    """Invert the pixels of at least `amount`."""
    return torch.where(images >= amount[:, None, None, None], 255 - images, images)


def autocontrast(images: Tensor, amount: Tensor) -> Tensor:
    """Stretch each channel to 0–255."""
    lowest, highest = images.amin((2, 3), keepdim=True).float(), images.amax((2, 3), keepdim=True).float()
    flat = highest <= lowest
    scale = torch.where(flat, 1.0, 255 / (highest - lowest).clamp_(min=1))
    return (images.float() - torch.where(flat, 0.0, lowest)).mul_(scale).round_().to(torch.uint8)


def equalize(images: Tensor, amount: Tensor) -> Tensor:
    """Equalise the histogram of each channel."""
    planes = images.flatten(2).flatten(0, 1).long()
    count, pixels = planes.shape
    offset = torch.arange(count, device=images.device)[:, None] * 256
    counts = torch.bincount((planes + offset).view(-1), minlength=256 * count).view(count, 256)
    brightest = counts.gather(1, planes.amax(1, keepdim=True))
    step = (pixels - brightest) // 255
    even = ((counts.cumsum(1) - counts + step // 2) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step == 0, torch.arange(256, device=images.device), even)
    return table.to(torch.uint8).gather(1, planes).view_as(images)


OPERATIONS: Mapping[str, Operation] = {
    "identity": identity,
    "shear_x": shear_x,
    "shear_y": shear_y,
    "translate_x": translate_x,
    "translate_y": translate_y,
    "rotate": rotate,
    "brightness": brightness,
    "color": color,
    "contrast": contrast,
    "sharpness": sharpness,
    "posterize": posterize,
    "solarize": solarize,
    "autocontrast": autocontrast,
    "equalize": equalize,
}
"""The order is part of the protocol: operations are drawn by number."""
