"""Reading single image files: what their header says, and their pixels as RGB in one size. Runs in workers.

A file is never trusted: whatever a decoder raises becomes the reason for which the file is skipped.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError, features

from bakeoff.data.depth import FULL, Depth
from bakeoff.data.kinds import format_of
from bakeoff.data.pixels import check_size, extremes, is_deep, mode_of, picture_of
from bakeoff.data.tree import shown

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM")
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what turns the picture upright; from 5 on, width and height change places."""
LARGEST_TEXT = 64 * 2**20
"""Bytes that a text or a colour profile in a PNG may take unpacked; Pillow stops at one million."""
Fit: TypeAlias = Literal["stretch", "crop", "pad"]
Size: TypeAlias = tuple[int, int]
"""Height and width, pixels."""
Result = TypeVar("Result")


class Header(NamedTuple):
    """What is known of an image without decoding it."""

    sha256: str
    """Of the file's bytes."""
    height: int
    """Of the upright picture, pixels; likewise the width."""
    width: int
    mode: str = "RGB"
    """See `pixels.mode_of`."""
    scalable: bool = False
    """JPEG that is decoded at a fraction of its size in a fraction of the memory (not the progressive kind)."""

    @property
    def is_deep(self) -> bool:
        """Whether it holds whole numbers of more than 8 bits."""
        return is_deep(self.mode)

    @property
    def is_grey(self) -> bool:
        """Whether it can hold no colours."""
        return self.mode[:1] in ("1", "L", "I")

    def pixels_at(self, size: Size, fit: Fit) -> int:
        """Return of how many pixels the picture is decoded to bring it to `size`."""
        if not self.scalable:
            return self.height * self.width
        height, width = _scaled((self.height, self.width), size, fit)
        times = min(self.height // (2 * height), self.width // (2 * width))
        return self.height * self.width // max(n for n in (1, 2, 4, 8) if n <= max(1, times)) ** 2


def read_headers(root: Path, paths: Sequence[str]) -> list[Header | str]:
    """Return for every file its header, or the reason why it is no image."""
    with _quiet():
        return [_attempt(read_header, root / path) for path in paths]


def read_extremes(root: Path, paths: Sequence[str]) -> tuple[int, int] | None:
    """Return the lowest and the highest value in deep images, None if no file can be read."""
    with _quiet():
        found = [_attempt(extremes, lambda path=path: _open(root / path)) for path in paths]
    known = [one for one in found if not isinstance(one, str)]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def decode_into(
    output: Path, records: Sequence[int], root: Path, paths: Sequence[str], size: Size, fit: Fit, depth: Depth
) -> tuple[list[tuple[int, str]], bool]:
    """Write the pixels of `paths` as `records` (3, height, width) into the file `output`.

    Returns (record, reason) of the files that could not be decoded, and whether any image had colours.
    """
    failures, coloured = [], False
    record = 3 * size[0] * size[1]
    with output.open("r+b") as file, _quiet():
        for index, path in zip(records, paths, strict=True):
            pixels = _attempt(decode, root / path, size, fit, depth)
            if isinstance(pixels, str):
                failures.append((index, pixels))
                continue
            coloured = coloured or bool((pixels != pixels[0]).any())
            file.seek(index * record)
            file.write(pixels.tobytes())
    return failures, coloured


def read_header(path: Path) -> Header:
    """Return checksum and size of one image file."""
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    with _open(path) as image:
        width, height = image.size if _orientation(image) < 5 else image.size[::-1]
        mode = mode_of(image)
        scalable = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    if mode == "F":
        raise ValueError("its pixels are floating-point numbers: save them as whole numbers of 8 or 16 bits")
    if not scalable:
        check_size(width, height)
    return Header(checksum, height, width, mode, scalable)


def decode(path: Path, size: Size, fit: Fit, depth: Depth = FULL) -> np.ndarray:
    """Return the pixels of one image file, upright, on white, as (3, height, width) uint8."""
    with _open(path) as image:
        orientation = _orientation(image)
        # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size at a fraction of the cost; twice the size that is
        # wanted is kept, for the antialiasing to work on.
        height, width = _scaled(image.size[::-1], size if orientation < 5 else size[::-1], fit)
        image.draft(None, (2 * width, 2 * height))
        check_size(*image.size)
        picture = picture_of(lambda: _open(path), image, depth)
    if orientation in UPRIGHT:
        picture = picture.transpose(UPRIGHT[orientation])
    return np.asarray(_resized(picture, size, fit)).transpose(2, 0, 1)


def _open(path: Path) -> Image.Image:
    with path.open("rb") as file:
        beginning = file.read(64)
    if not beginning:
        raise ValueError("the file is empty")
    try:
        return Image.open(path, formats=_formats())
    except UnidentifiedImageError as error:
        name = format_of(beginning)
        lacking = {
            "HEIC": "pip install 'bakeoff[heic]'",
            "AVIF": "pip install 'pillow>=11.3'",
            "JPEG XL": "convert it",
        }
        if name in lacking and ("HEIF" if name == "HEIC" else name) not in readable():
            raise ValueError(f"{name}, which is not read here: {lacking[name]}") from error
        raise ValueError(f"{name}, but of a kind that Pillow does not read" if name else "no image") from error


@cache
def _formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that Pillow knows here; HEIC comes with the extra `heic`."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def readable() -> list[str]:
    """Return the formats that are read here: Pillow may know AVIF and not have been built with it."""
    return [name for name in _formats() if name != "AVIF" or features.check("avif")]


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":  # Pillow turns it upright itself
        return 1
    # Asking a PNG without EXIF in front of its pixels for it would decode the pixels.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken EXIF says nothing about the pixels
        return 1


def _scaled(own: Size, size: Size, fit: Fit) -> Size:
    """Return the size an image of size `own` has after scaling, before it is cropped or padded to `size`."""
    if fit == "stretch":
        return size
    ratios = (size[0] / own[0], size[1] / own[1])
    ratio = max(ratios) if fit == "crop" else min(ratios)
    return max(1, round(own[0] * ratio)), max(1, round(own[1] * ratio))


def _resized(picture: Image.Image, size: Size, fit: Fit) -> Image.Image:
    height, width = size
    if picture.size == (width, height):
        return picture
    scaled_height, scaled_width = _scaled(picture.size[::-1], size, fit)
    # Pillow's bilinear filter widens with the reduction, which is what keeps it from aliasing.
    picture = picture.resize((scaled_width, scaled_height), Image.Resampling.BILINEAR)
    left, top = (scaled_width - width) // 2, (scaled_height - height) // 2
    return picture.crop((left, top, left + width, top + height))  # what lies outside comes out black


def _attempt(read: Callable[..., Result], *arguments: Any) -> Result | str:
    """Return what `read` returns, or the reason why it could not."""
    try:
        return read(*arguments)
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        if "MAX_TEXT" in str(error):
            reason = f"a text or a colour profile in it has more than {LARGEST_TEXT // 2**20} MB: save it without"
        return shown(reason or str(error) or type(error).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings about odd files off the screen, and replace its limits by those said here.

    A file that cannot be read is reported anyway. How many pixels are too many is asked once it is known at which
    fraction of its size a JPEG is decoded.
    """
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = None
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = LARGEST_TEXT, 2 * LARGEST_TEXT
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before
