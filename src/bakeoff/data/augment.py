"""Data augmentation as batched tensor operations.

The random parameters are drawn for a whole epoch (`draw_changes`) and applied batch by batch (`augment`, `cutout`,
`mix_batch`) in a fixed order: resized crop, flip, zoom, shear, rotation, shift (in one interpolation), crop,
brightness, contrast, saturation, the operations of TrivialAugment or RandAugment and, after normalisation, cutout,
mixup and CutMix.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from bakeoff.data.mixing import draw_mixing
from bakeoff.data.policies import Uniform, apply_operations, draw_operations
from bakeoff.spec.recipe import Augment
from bakeoff.spec.run import derive_seed

Changes: TypeAlias = dict[str, Tensor]
"""The parameters of each augmentation for n images, by name; missing ones are not applied. One row per image:

flip (n,) bool; zoom (n,) magnification; shear (n,) radians, x grows by tan(shear)·y; rotation (n,) radians, clockwise;
shift (n, 2) pixels down and right; crop (n, 2) first row and column of the window in the padded image;
brightness, contrast, saturation (n,) factors; cutout (n, 2) row and column of the square's centre;
resized_crop (n, 4) top, left, height and width of the window in pixels; operation and amount (n, operations), see
`draw_operations`; mixup and cutmix, see `draw_mixing`.
"""
ATTEMPTS = 10
"""How often a window is drawn until one fits into the image, as in torchvision."""
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image (ITU-R BT.601)."""


def draw_changes(settings: Augment, count: int, size: tuple[int, int], seed: int, epoch: int) -> Changes:
    """Draw the augmentation parameters of `count` images of `size` (height, width) for one epoch.

    Every augmentation has its own random stream on the CPU: at one seed, the n-th image of an epoch is changed in the
    same way on every device, at every batch size, and with any combination of augmentations.
    """

    def uniform(name: str, low: float, high: float, columns: int = 1) -> Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, "augment", epoch, name))
        values = torch.rand(count, columns, generator=generator) * (high - low) + low
        return values if columns > 1 else values[:, 0]

    changes: Changes = {}
    if settings.resized_crop != (1.0, 1.0):
        changes["resized_crop"] = draw_windows(settings, size, uniform)
    if settings.flip:
        changes["flip"] = uniform("flip", 0, 1) < 0.5
    if settings.zoom != (1.0, 1.0):
        changes["zoom"] = uniform("zoom", *settings.zoom)
    for name, degrees in (("shear", settings.shear), ("rotation", settings.rotation)):
        if degrees:
            changes[name] = uniform(name, -math.radians(degrees), math.radians(degrees))
    if settings.shift:
        changes["shift"] = uniform("shift", -settings.shift, settings.shift, 2) * torch.tensor(size)
    if settings.crop:
        changes["crop"] = uniform("crop", 0, 2 * settings.crop + 1, 2).long()
    for name in ("brightness", "contrast", "saturation"):
        if amount := getattr(settings, name):
            changes[name] = uniform(name, 1 - amount, 1 + amount)
    if settings.cutout:
        changes["cutout"] = (uniform("cutout", 0, 1, 2) * torch.tensor(size)).long()
    if settings.policy != "none":
        changes |= draw_operations(settings, size, uniform)
    return changes | draw_mixing(settings, count, size, seed, epoch)


def draw_windows(settings: Augment, size: tuple[int, int], uniform: Uniform) -> Tensor:
    """Draw top, left, height and width (n, 4) of a window of each image, as torchvision's RandomResizedCrop does.

    The area is uniform between its limits, the ratio uniform on a logarithmic scale. If none of ten such windows fits
    into the image, the largest one with an allowed ratio is taken. Departure: torchvision centres that one.
    """
    height, width = size
    low, high = settings.resized_crop_ratio
    area = uniform("resized_crop", *settings.resized_crop, ATTEMPTS).double() * height * width
    ratio = uniform("resized_crop_ratio", math.log(low), math.log(high), ATTEMPTS).double().exp()
    nearest = min(max(width / height, low), high)
    largest = torch.tensor([min(height, width / nearest), min(width, height * nearest)]).expand(len(area), 1, 2)
    sides = torch.stack([(area / ratio).sqrt(), (area * ratio).sqrt()], 2)
    sides = torch.cat([sides, largest], 1).round().clamp_(min=1)
    fits = (sides <= torch.tensor(size)).all(2)
    chosen = sides[torch.arange(len(sides)), fits.int().argmax(1)]  # the first one that fits
    corner = uniform("resized_crop_corner", 0, 1, 2) * (torch.tensor(size) - chosen + 1)
    return torch.cat([corner.floor(), chosen], 1).long()


def augment(images: Tensor, changes: Changes, settings: Augment) -> Tensor:
    """Apply all of `changes` except cutout to `images`, (n, C, H, W) uint8 or float32 in 0–255.

    The result is uint8 if pixels only move by whole steps, else float32. Pixels from outside the image repeat the edge
    (`settings.fill` "nearest") or are black ("zero"); the border that `crop` adds is black before normalisation.
    """
    if "resized_crop" in changes:
        images = resized_crop(images.float(), changes["resized_crop"])
    if changes.keys() & {"zoom", "shear", "rotation"}:
        images = warp(images.float(), changes, settings.fill)
    else:
        if "flip" in changes:
            images = flip(images, changes["flip"])
        if "shift" in changes:
            images = shift(images.float(), changes["shift"], settings)
    if "crop" in changes:
        images = crop(images, changes["crop"], settings.crop)
    if changes.keys() & {"brightness", "contrast", "saturation"}:
        images = jitter(images.float(), changes)
    if "operation" in changes:
        images = images if images.dtype == torch.uint8 else images.round().to(torch.uint8)
        images = apply_operations(images, changes["operation"], changes["amount"])
    return images


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Enlarge the window `boxes` (n, 4: top, left, height, width) of each float image to all of it, bilinearly."""
    n, _, *size = images.shape
    grid = images.new_empty(n, *size, 2)  # grid_sample's coordinates: -1 and 1 are the edges of the image
    for axis, side in enumerate(size):
        start, length = boxes[:, axis, None], boxes[:, axis + 2, None]
        within = (torch.arange(side, device=images.device) + 0.5) * length / side - 0.5
        place = (start + torch.minimum(within.clamp_(min=0), length - 1) + 0.5) * (2 / side) - 1
        grid[..., 1 - axis] = place[:, None, :] if axis else place[:, :, None]
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror the images where `mirrored` (n,) is true."""
    n = len(images)
    both = torch.cat([images, images.flip(3)])  # selecting whole images is five times faster than torch.where
    return both.index_select(0, torch.arange(n, device=images.device) + n * mirrored)


def warp(images: Tensor, changes: Changes, fill: str) -> Tensor:
    """Flip, zoom, shear, rotate about the centre and shift float images in one bilinear interpolation."""
    n, _, height, width = images.shape
    zero = images.new_zeros(())
    angle, tangent = changes.get("rotation", zero), changes.get("shear", zero).tan()
    shrink = 1 / changes.get("zoom", zero + 1)
    mirror = shrink * (1 - 2 * changes["flip"].float()) if "flip" in changes else shrink
    down, right = changes.get("shift", images.new_zeros(1, 2)).unbind(1)
    # Maps a point of the result to its source, both in pixels from the centre.
    sine, cosine = angle.sin(), angle.cos()
    x_x, x_y = (cosine + tangent * sine) * mirror, (sine - tangent * cosine) * mirror
    y_x, y_y = -sine * shrink, cosine * shrink
    y = torch.arange(height, device=images.device) - (height - 1) / 2 - down[:, None]
    x = torch.arange(width, device=images.device) - (width - 1) / 2 - right[:, None]
    grid = images.new_empty(n, height, width, 2)  # grid_sample's coordinates: -1 and 1 are the edges of the image
    for axis, (by_x, by_y, side) in enumerate(((x_x, x_y, width), (y_x, y_y, height))):
        from_x, from_y = (by.reshape(-1, 1) * (2 / side) * p for by, p in ((by_x, x), (by_y, y)))
        grid[..., axis] = from_x[:, None, :] + from_y[:, :, None]
    padding = "border" if fill == "nearest" else "zeros"
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def shift(images: Tensor, distance: Tensor, settings: Augment) -> Tensor:
    """Shift float images by `distance` (n, 2) pixels down and right. Equal to `warp` at half the time.

    A shift is separable: take the window at the whole pixel, one row and column larger, then interpolate between
    neighbouring rows and columns.
    """
    height, width = images.shape[2:]
    margin = int(settings.shift * max(height, width)) + 1
    whole = (-distance).floor()
    down, right = (-distance - whole)[:, :, None, None, None].unbind(1)
    padded = F.pad(images, [margin] * 4, mode="replicate" if settings.fill == "nearest" else "constant")
    part = windows(padded, whole.long() + margin, (height + 1, width + 1))
    part = torch.lerp(part[:, :, :-1], part[:, :, 1:], down)
    return torch.lerp(part[..., :-1], part[..., 1:], right)


def crop(images: Tensor, corners: Tensor, margin: int) -> Tensor:
    """Add a black border of `margin` pixels and crop to the old size at `corners` (n, 2).

    He et al. (2015) pad after subtracting the mean, so their border has the mean colour; most CIFAR-10 code since then
    pads with black before normalisation.
    """
    return windows(F.pad(images, [margin] * 4), corners, images.shape[2:])


def windows(images: Tensor, corners: Tensor, size: Sequence[int]) -> Tensor:
    """Return the window of `size` at `corners` (n, 2), first row and column, of every image."""
    n, channels, height, width = images.shape
    top, left = corners.unbind(1)
    planes = torch.arange(n * channels, device=images.device).view(n, channels, 1) * height
    rows = planes + top[:, None, None] + torch.arange(size[0], device=images.device)
    starts = rows * width + left[:, None, None]
    # A view with all runs of size[1] neighbouring pixels as rows: selecting rows copies whole runs.
    return images.reshape(-1).unfold(0, size[1], 1).index_select(0, starts.view(-1)).view(n, channels, *size)


def jitter(images: Tensor, changes: Changes) -> Tensor:
    """Scale brightness, contrast and saturation of float images in 0–255, in this order, by factors (n,).

    Like torchvision's ColorJitter in fixed order: mix each image with black, the mean of its grey image, and its grey
    image (three channels only), clipping after each step.
    """
    if "brightness" in changes:
        images = mix(images, torch.zeros_like(images[:, :1, :1, :1]), changes["brightness"])
    if "contrast" in changes:
        images = mix(images, grey(images.mean((2, 3), keepdim=True)), changes["contrast"])
    if "saturation" in changes and images.shape[1] == 3:
        images = mix(images, grey(images), changes["saturation"])
    return images


def mix(images: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Return share·images + (1 - share)·other, clipped to 0–255; `share` is (n,) and may be above 1."""
    share = share[:, None, None, None]
    return (images * share).add_(other * (1 - share)).clamp_(0, 255)  # torch.lerp is slow when it broadcasts


def grey(images: Tensor) -> Tensor:
    """Return the grey image (n, 1, H, W): a weighted sum for three channels, else the mean of the channels."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue


def cutout(images: Tensor, centres: Tensor, side: int) -> Tensor:
    """Set one square of `side` pixels to zero, in place, in each of (n, C, H, W) normalised images.

    `centres` (n, 2) are row and column; parts of a square outside the image are cut off (DeVries & Taylor).
    """
    steps = torch.arange(side, device=images.device) - side // 2
    # The centre is inside the image, so clamped positions are pixels that the square covers anyway.
    y, x = ((centres[:, axis, None] + steps).clamp_(0, images.shape[2 + axis] - 1) for axis in (0, 1))
    image = torch.arange(len(images), device=images.device)
    images.permute(0, 2, 3, 1)[image[:, None, None], y[:, :, None], x[:, None, :]] = 0.0
    return images
