"""From an image that Pillow has opened to its picture in red, green and blue: depth, transparency, memory."""

import sys
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageFile

from bakeoff.data.depth import FULL, Depth

MOST_PIXELS = 2 * 89_478_485
"""Of which a picture may be decoded: where Pillow itself suspects an attack."""
STRIP = 2**22
"""Pixels of a large picture that are changed at a time."""
OTHER_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
"""How Pillow reads 16-bit colours by their upper bytes → how it reads the lower ones."""
GREY_AND_OPACITY = "LA;16B"
"""How Pillow reads the upper bytes of these, as mode RGBA: four bytes a pixel in the file as in memory."""


def mode_of(image: Image.Image) -> str:
    """Return Pillow's mode, with ";16" added for colours of which Pillow reads the upper 8 of 16 bits."""
    rawmode = _rawmode(image)
    if rawmode == GREY_AND_OPACITY:
        return "LA;16"
    return f"{image.mode};16" if image.mode in ("RGB", "RGBA") and rawmode[-3:] in OTHER_BYTE else image.mode


def is_deep(mode: str) -> bool:
    """Say whether pictures of this mode hold whole numbers of more than 8 bits."""
    return mode.startswith("I") or mode.endswith(";16")


def check_size(width: int, height: int) -> None:
    """Refuse what would take gigabytes to decode.

    Raises:
        ValueError: it has more than `MOST_PIXELS`.
    """
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{height:,}×{width:,} are too many pixels to decode, more than {MOST_PIXELS:,}: "
            "make it smaller, e.g. mogrify -resize 2000x2000"
        )


def picture_of(opened: Callable[[], Image.Image], image: Image.Image, depth: Depth) -> Image.Image:
    """Return `image` in mode RGB, on white. `opened` opens it once more."""
    if image.mode.startswith("I") or (is_deep(mode_of(image)) and depth != FULL):
        pixels = _bytes(values_of(opened), depth)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.has_transparency_data:
        return _on_white(image)
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def values_of(opened: Callable[[], Image.Image]) -> np.ndarray:
    """Return the pixels of a deep image, (H, W, C) whole numbers."""
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
    """Return the lowest and the highest value of a deep image's colours."""
    colours = values_of(opened)[..., :3]
    return int(colours.min()), int(colours.max())


def _read_as(image: Image.Image, rawmode: str) -> None:
    """Let Pillow read the file's pixels in another way, once it does."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = [
        tile._replace(args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode)
        for tile in image.tile
    ]


def _rawmode(image: Image.Image) -> str:
    """Return how Pillow is going to read the file's pixels, such as "RGB;16B"."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def _bytes(values: np.ndarray, depth: Depth) -> np.ndarray:
    """Return (H, W, C) values as bytes; a fourth channel is opacity and has all 16 bits."""
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
    """Yield the first row and the row behind the last of pieces that take little memory."""
    step = max(1, STRIP // max(1, width))
    for top in range(0, height, step):
        yield top, min(top + step, height)
