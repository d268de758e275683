"""Images as bad cameras, weather and networks make them: nine corruptions, five severities each, in batches.

After Hendrycks & Dietterich 2019, with the severities of their CIFAR-10-C; the width of the blur grows
with images larger than their 32 pixels.
Departures: brightness is added to every channel, not to the V of HSV; fog is noise of the same fall-off per octave,
made by a Fourier transform; rotation and shift are not among theirs.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from bakeoff.data.augment import GREY, warp

Corruption: TypeAlias = Callable[[Tensor, int, Generator], Tensor]
"""Takes (n, C, H, W) float32 images in 0–255, a severity of 1 to 5 and a generator on the CPU, and returns images of
that shape, not yet clipped. All randomness comes from the generator; equal draws serve all severities."""

SEVERITIES = (1, 2, 3, 4, 5)


def noise(images: Tensor, severity: int, generator: Generator) -> Tensor:
    """Gaussian, in every pixel and channel on its own."""
    deviation = 255 * (0.04, 0.06, 0.08, 0.09, 0.10)[severity - 1]
    return images + deviation * torch.randn(images.shape, generator=generator).to(images.device)


def blur(images: Tensor, severity: int, _: Generator) -> Tensor:
    """Gaussian; the border repeats the edge."""
    deviation = (0.4, 0.6, 0.7, 0.8, 1.0)[severity - 1] * max(1.0, min(images.shape[2:]) / 32)
    vertical, horizontal = (smoothing(side, deviation).to(images.device) for side in images.shape[2:])
    return vertical @ images @ horizontal.T


def smoothing(side: int, deviation: float) -> Tensor:
    """Return the (side, side) matrix that takes Gaussian means of neighbours, those outside being the edge's."""
    reach = math.ceil(4 * deviation)
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (steps / deviation) ** 2)
    neighbours = (torch.arange(side)[:, None] + steps).clamp(0, side - 1)
    return torch.zeros(side, side).scatter_add_(1, neighbours, (weights / weights.sum()).expand(side, -1))


def contrast(images: Tensor, severity: int, _: Generator) -> Tensor:
    """Towards the mean of each channel of each image."""
    mean = images.mean((2, 3), keepdim=True)
    return mean + (0.75, 0.5, 0.4, 0.3, 0.15)[severity - 1] * (images - mean)


def brightness(images: Tensor, severity: int, _: Generator) -> Tensor:
    """The same light added everywhere."""
    return images + 255 * (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1]


def fog(images: Tensor, severity: int, generator: Generator) -> Tensor:
    """White clouds of all sizes, whose strength falls by a factor per octave; the brightest value is kept."""
    strength, fall = ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))[severity - 1]
    n, _, height, width = images.shape
    white = torch.randn(n, height, width, generator=generator).to(images.device)
    rows, columns = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    frequency = (rows[:, None] ** 2 + columns**2).sqrt()
    frequency[0, 0] = torch.inf  # no mean
    clouds = torch.fft.irfft2(
        torch.fft.rfft2(white) * (frequency ** -(1 + math.log2(fall))).to(images.device), s=(height, width)
    )
    low, high = clouds.amin((1, 2), keepdim=True), clouds.amax((1, 2), keepdim=True)
    clouds = ((clouds - low) / (high - low).clamp(min=1e-12))[:, None]
    brightest = images.amax((1, 2, 3), keepdim=True)
    return (images + 255 * strength * clouds) * brightest / (brightest + 255 * strength)


def pixelation(images: Tensor, severity: int, _: Generator) -> Tensor:
    """Fewer pixels, each the mean of those it replaces, enlarged to the old size."""
    share = (0.95, 0.9, 0.85, 0.75, 0.65)[severity - 1]
    vertical, horizontal = (means(side, max(1, int(side * share))).to(images.device) for side in images.shape[2:])
    return F.interpolate(vertical @ images @ horizontal.T, images.shape[2:], mode="nearest-exact")


def means(old: int, new: int) -> Tensor:
    """Return the (new, old) matrix that takes the mean of what each new pixel covers, parts of pixels by their part."""
    start = torch.arange(new)[:, None] * old / new
    pixel = torch.arange(old)
    covered = torch.minimum(start + old / new, pixel + 1) - torch.maximum(start, pixel)
    return covered.clamp(min=0) * new / old


LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMINANCE = (
    (17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99),
)  # fmt: skip
"""Steps of the coefficients at quality 50 (JPEG standard, annex K); all others of the chrominance are 99."""


def jpeg(images: Tensor, severity: int, _: Generator) -> Tensor:
    """What JPEG loses: colour at half the resolution, and rounding of the coefficients of 8×8 blocks."""
    quality = (80, 65, 58, 50, 40)[severity - 1]
    height, width = images.shape[2:]
    images = F.pad(images, (0, -width % 16, 0, -height % 16), mode="replicate")
    if images.shape[1] != 3:
        return quantise(images, LUMINANCE, quality)[:, :, :height, :width]
    red, green, blue = images.split(1, 1)
    light = GREY[0] * red + GREY[1] * green + GREY[2] * blue
    colour = torch.cat([(blue - light) / (2 - 2 * GREY[2]), (red - light) / (2 - 2 * GREY[0])], 1) + 128
    colour = quantise(F.avg_pool2d(colour, 2), CHROMINANCE, quality)
    colour = F.interpolate(colour, scale_factor=2, mode="bilinear", align_corners=False) - 128
    light = quantise(light, LUMINANCE, quality)
    blue, red = (light + colour.split(1, 1)[i] * (2 - 2 * GREY[k]) for i, k in ((0, 2), (1, 0)))
    green = (light - GREY[0] * red - GREY[2] * blue) / GREY[1]
    return torch.cat([red, green, blue], 1)[:, :, :height, :width]


def quantise(planes: Tensor, steps: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    """Round the cosine transform of each 8×8 block to `steps`, scaled for `quality` as libjpeg does."""
    table = torch.full((8, 8), 99.0)
    table[: len(steps), : len(steps)] = torch.tensor(steps, dtype=torch.float32)
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = ((table * scale + 50) / 100).floor().clamp(1, 255).to(planes.device)
    place = torch.arange(8, dtype=torch.float32)
    cosine = torch.cos((2 * place + 1) * place[:, None] * math.pi / 16) / 2
    cosine[0] /= math.sqrt(2)
    cosine = cosine.to(planes.device)
    n, channels, height, width = planes.shape
    blocks = planes.reshape(n, channels, height // 8, 8, width // 8, 8).transpose(3, 4) - 128
    blocks = ((cosine @ blocks @ cosine.T) / table).round() * table
    blocks = (cosine.T @ blocks @ cosine + 128).round().clamp(0, 255)
    return blocks.transpose(3, 4).reshape(planes.shape)


def rotation(images: Tensor, severity: int, generator: Generator) -> Tensor:
    """By 6 degrees a severity, either way; the edge is repeated."""
    either = 2.0 * torch.randint(2, (len(images),), generator=generator) - 1
    return warp(images, {"rotation": (either * math.radians(6 * severity)).to(images.device)}, "nearest")


def shift(images: Tensor, severity: int, generator: Generator) -> Tensor:
    """By 4 % of the side a severity, in any direction; the edge is repeated."""
    angle = 2 * math.pi * torch.rand(len(images), generator=generator)
    distance = 0.04 * severity * torch.tensor(images.shape[2:])
    down_right = torch.stack([angle.sin(), angle.cos()], 1) * distance
    return warp(images, {"shift": down_right.to(images.device)}, "nearest")


CORRUPTIONS: dict[str, Corruption] = {
    "noise": noise,
    "blur": blur,
    "contrast": contrast,
    "brightness": brightness,
    "fog": fog,
    "pixelation": pixelation,
    "jpeg": jpeg,
    "rotation": rotation,
    "shift": shift,
}
