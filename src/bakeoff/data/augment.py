"""Random changes of a batch of images, by batched tensor code.

What is done to each image is drawn for a whole epoch (`draw`) and applied batch by batch (`augment`, `cutout`),
always in this order: flip, zoom, shear, rotation, shift (one interpolation for all of them), crop, brightness,
contrast, saturation, and, after normalisation, cutout.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from bakeoff.spec.recipe import Augment
from bakeoff.spec.run import derive_seed

Changes: TypeAlias = dict[str, Tensor]
"""What is done to each of n images, by name; what is absent is not done. One row per image:

flip (n,) bool; zoom (n,) magnification; shear (n,) radians, x grows by tan(shear)·y; rotation (n,) radians, clockwise;
shift (n, 2) pixels down and right; crop (n, 2) first row and column of the window in the padded image;
brightness, contrast, saturation (n,) factors; cutout (n, 2) row and column of the square's middle.
"""
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image (ITU-R BT.601)."""


def draw(settings: Augment, count: int, size: tuple[int, int], seed: int, epoch: int) -> Changes:
    """Draw what is done to `count` images of `size` (height, width) in one epoch.

    Every kind of change has its own stream of random numbers, drawn on the CPU: at one seed the n-th image of an
    epoch is changed alike on every device, at every batch size, and whatever other changes are on.
    """

    def uniform(name: str, low: float, high: float, columns: int = 1) -> Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, "augment", epoch, name))
        values = torch.rand(count, columns, generator=generator) * (high - low) + low
        return values if columns > 1 else values[:, 0]

    changes: Changes = {}
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
    return changes


def augment(images: Tensor, changes: Changes, settings: Augment) -> Tensor:
    """Return `images`, (n, C, H, W) of uint8 or float32 in 0–255, changed as `changes` says, all but cutout.

    The result is uint8 while pixels only move by whole steps, else float32. What moves in from outside repeats the
    edge (`settings.fill` "nearest") or is black ("zero"); the border that `crop` adds is black before normalisation.
    """
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
    return images


def flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror the images left-right whose row of `mirrored` (n,) is true."""
    n = len(images)
    both = torch.cat([images, images.flip(3)])  # a choice of whole images is five times faster than torch.where
    return both.index_select(0, torch.arange(n, device=images.device) + n * mirrored)


def warp(images: Tensor, changes: Changes, fill: str) -> Tensor:
    """Flip, zoom, shear, rotate about the centre and shift float images by one bilinear interpolation."""
    n, _, height, width = images.shape
    zero = images.new_zeros(())
    angle, tangent = changes.get("rotation", zero), changes.get("shear", zero).tan()
    shrink = 1 / changes.get("zoom", zero + 1)
    mirror = shrink * (1 - 2 * changes["flip"].float()) if "flip" in changes else shrink
    down, right = changes.get("shift", images.new_zeros(1, 2)).unbind(1)
    # From a point of the result back to the point it came from, both in pixels from the centre.
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
    """Move float images by `distance` (n, 2) pixels down and right; equal to `warp`, in half its time.

    A shift is separable: cut the window at the whole pixel, one row and column larger, then mix neighbouring rows
    and neighbouring columns.
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
    """Add a black border of `margin` pixels and cut the window of the old size at `corners` (n, 2).

    He et al. (2015) pad after the mean is subtracted, so that their border has the mean's colour; black before
    normalisation is what most CIFAR-10 programs have used since.
    """
    return windows(F.pad(images, [margin] * 4), corners, images.shape[2:])


def windows(images: Tensor, corners: Tensor, size: Sequence[int]) -> Tensor:
    """Return of every image the window of `size` whose first row and column are its row of `corners` (n, 2)."""
    n, channels, height, width = images.shape
    top, left = corners.unbind(1)
    planes = torch.arange(n * channels, device=images.device).view(n, channels, 1) * height
    rows = planes + top[:, None, None] + torch.arange(size[0], device=images.device)
    starts = rows * width + left[:, None, None]
    # All stretches of size[1] neighbouring pixels, overlapping, as rows of a view: choosing rows copies them whole.
    return images.reshape(-1).unfold(0, size[1], 1).index_select(0, starts.view(-1)).view(n, channels, *size)


def jitter(images: Tensor, changes: Changes) -> Tensor:
    """Scale brightness, contrast and saturation of float images in 0–255, in this order, by factors (n,) each.

    As torchvision's ColorJitter, with a fixed order: mix each image with black, with the mean of its grey image,
    with its grey image (three channels only), and clip to the range after each.
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
    return (images * share).add_(other * (1 - share)).clamp_(0, 255)  # torch.lerp is slow where it broadcasts


def grey(images: Tensor) -> Tensor:
    """Return the grey image (n, 1, H, W): weighted for three channels, else the mean of the channels."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, 1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue


def cutout(images: Tensor, centres: Tensor, side: int) -> Tensor:
    """Set one square of `side` pixels to zero, in place, in each of (n, C, H, W) normalised images.

    Its middle is the row of `centres` (n, 2), row and column; what lies outside the image is lost (DeVries & Taylor).
    """
    steps = torch.arange(side, device=images.device) - side // 2
    # The middle is inside the image, so what is clamped to the edge falls on pixels that the square covers anyway.
    y, x = ((centres[:, axis, None] + steps).clamp_(0, images.shape[2 + axis] - 1) for axis in (0, 1))
    image = torch.arange(len(images), device=images.device)
    images.permute(0, 2, 3, 1)[image[:, None, None], y[:, :, None], x[:, None, :]] = 0.0
    return images
