"""Converts an image opened by Pillow to RGB: depth, transparency, memory limits."""

import sys
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageFile

from bakeoff.data.depth import FULL, Depth

MOST_PIXELS = 2 * 89_478_485
"""Maximum number of pixels that are decoded; Pillow's limit for a decompression bomb."""
STRIP = 2**22
"""Pixels of a large image that are converted at once."""
OTHER_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
"""Raw mode with which Pillow reads the upper bytes of 16-bit colours → raw mode for the lower bytes."""
GREY_AND_OPACITY = "LA;16B"
"""Raw mode of 16-bit grey with alpha. Read as RGBA, it gives all four bytes per pixel."""


def mode_of(image: Image.Image) -> str:
    """Return Pillow's mode, with ";16" added if Pillow reads only the upper 8 of 16 bits."""
    rawmode = _rawmode(image)
    if rawmode == GREY_AND_OPACITY:
        return "LA;16"
    return f"{image.mode};16" if image.mode in ("RGB", "RGBA") and rawmode[-3:] in OTHER_BYTE else image.mode


def is_deep(mode: str) -> bool:
    """Return whether images of this mode have integers of more than 8 bits."""
    return mode.startswith("I") or mode.endswith(";16")


def check_mode(mode: str) -> None:
    """Refuse floating-point pixels, whose black and white are not known.

    Raises:
        ValueError: the image has such pixels.
    """
    if mode == "F":
        raise ValueError("floating-point pixels: save them as integers of 8 or 16 bits")


def check_size(width: int, height: int) -> None:
    """Refuse images that would take gigabytes to decode.

    Raises:
        ValueError: the image has more than `MOST_PIXELS`.
    """
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{height:,}×{width:,} is more than {MOST_PIXELS:,} pixels, the limit: "
            "resize it, e.g. mogrify -resize 2000x2000"
        )


def picture_of(opened: Callable[[], Image.Image], image: Image.Image, depth: Depth) -> Image.Image:
    """Return `image` in mode RGB, on white. `opened` opens it again."""
    if image.mode.startswith("I") or (is_deep(mode_of(image)) and depth != FULL):
        pixels = _bytes(values_of(opened), depth)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.has_transparency_data:
        return _on_white(image)
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def values_of(opened: Callable[[], Image.Image]) -> np.ndarray:
    """Return the pixels of a deep image as (H, W, C) integers."""
    with opened() as image:
        if _rawmode(image) == GREY_AND_OPACITY:
            _read_as(image, "RGBA")
            pairs = np.ascontiguousarray(image).view(">u2").astype(np.uint16)
            return pairs[..., [0, 0, 0, 1]]
        high = np.asarray(image)
        if image.mode.startswith("I"):
            return high[..., None]
        channels = len(image.getbands())
    with opened() as image:
        rawmode = _rawmode(image)
        _read_as(image, rawmode[:-3] + OTHER_BYTE[rawmode[-3:]])
        low = np.asarray(image)
    values = high.astype(np.uint16)
    values <<= 8
    values |= low
    return values.reshape(*values.shape[:2], channels)


def extremes(opened: Callable[[], Image.Image]) -> tuple[int, int]:
    """Return the lowest and highest colour values of a deep image."""
    colours = values_of(opened)[..., :3]
    return int(colours.min()), int(colours.max())


def _read_as(image: Image.Image, rawmode: str) -> None:
    """Set the raw mode with which Pillow will read the pixels."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [
        tile._replace(args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode)
        for tile in image.tile
    ]


def _rawmode(image: Image.Image) -> str:
    """Return the raw mode with which Pillow will read the pixels, such as "RGB;16B"."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def _bytes(values: np.ndarray, depth: Depth) -> np.ndarray:
    """Return (H, W, C) values scaled to bytes; a fourth channel is alpha and uses all 16 bits."""
    pixels = np.empty(values.shape, np.uint8)
    for top, bottom in _strips(values.shape[1], len(values)):
        part: np.ndarray = values[top:bottom].astype(np.float64)
        pixels[top:bottom] = np.rint((part - depth.black) / ((depth.white - depth.black) / 255)).clip(0, 255)
        if values.shape[2] == 4:
            pixels[top:bottom, :, 3] = values[top:bottom, :, 3] >> 8
    return pixels


def _on_white(image: Image.Image) -> Image.Image:
    flat = Image.new("RGB", image.size)
    for top, bottom in _strips(*image.size):
        strip = image.crop((0, top, image.width, bottom)).convert("RGBA")
        flat.paste(Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB"), (0, top))
    return flat


def _strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the row after the last of strips that fit in little memory."""
    step = max(1, STRIP // max(1, width))
    for top in range(0, height, step):
        yield top, min(top + step, height)
