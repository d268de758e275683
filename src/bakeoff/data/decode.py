"""Reads single image files: the header, or the pixels as RGB at a given size. Runs in worker processes.

Files are not trusted: whatever a decoder raises becomes the reason for skipping the file.
"""

import hashlib
import io
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError, features

from bakeoff.data.depth import FULL, Depth
from bakeoff.data.file_names import display_path
from bakeoff.data.kinds import image_format
from bakeoff.data.pixels import check_mode, check_size, extremes, is_deep, mode_of, picture_of
from bakeoff.spec.recipe import Interpolation

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
"""EXIF orientation → the transformation to upright; from 5 on, width and height swap."""
LARGEST_TEXT = 64 * 2**20
"""Maximum size of a text or colour profile in a PNG, in bytes decompressed; Pillow's limit is one million."""
FILTERS: dict[Interpolation, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
Fit: TypeAlias = Literal["stretch", "crop", "pad"]
Size: TypeAlias = tuple[int, int]
"""Height and width, pixels."""
Result = TypeVar("Result")


class Header(NamedTuple):
    """Properties of an image that are known without decoding it."""

    sha256: str
    """Of the file's bytes."""
    height: int
    """Of the upright image, in pixels; likewise the width."""
    width: int
    mode: str = "RGB"
    """See `pixels.mode_of`."""
    scalable: bool = False
    """Whether it can be decoded at a fraction of its size and memory (non-progressive JPEG)."""

    @property
    def is_deep(self) -> bool:
        """Whether its values are integers of more than 8 bits."""
        return is_deep(self.mode)

    @property
    def is_grey(self) -> bool:
        """Whether its mode has no colour."""
        return self.mode[:1] in ("1", "L", "I")

    def pixels_at(self, size: Size, fit: Fit) -> int:
        """Return the number of pixels that are decoded to resize it to `size`."""
        if not self.scalable:
            return self.height * self.width
        height, width = _scaled((self.height, self.width), size, fit)
        times = min(self.height // (2 * height), self.width // (2 * width))
        return self.height * self.width // max(n for n in (1, 2, 4, 8) if n <= max(1, times)) ** 2


def read_headers(root: Path, paths: Sequence[str]) -> list[Header | str]:
    """Return the header of every file, or the reason why it cannot be read."""
    with quiet():
        return [result_or_reason(read_header, root / path) for path in paths]


def read_extremes(root: Path, paths: Sequence[str]) -> tuple[int, int] | None:
    """Return the lowest and highest values of deep images, None if no file can be read."""
    with quiet():
        found = [result_or_reason(extremes, lambda path=path: open_image(root / path)) for path in paths]
    known = [one for one in found if not isinstance(one, str)]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def decode_into(
    output: Path,
    records: Sequence[int],
    root: Path,
    paths: Sequence[str],
    size: Size,
    fit: Fit,
    depth: Depth,
    interpolation: Interpolation = "bilinear",
) -> tuple[list[tuple[int, str]], bool]:
    """Write the pixels of `paths` as `records` (3, height, width) to the file `output`.

    Returns (record, reason) of the files that could not be decoded, and whether any image has colour.
    """
    failures, coloured = [], False
    record = 3 * size[0] * size[1]
    with output.open("r+b") as file, quiet():
        for index, path in zip(records, paths, strict=True):
            pixels = result_or_reason(decode, root / path, size, fit, depth, interpolation)
            if isinstance(pixels, str):
                failures.append((index, pixels))
                continue
            coloured = coloured or bool((pixels != pixels[0]).any())
            file.seek(index * record)
            file.write(pixels.tobytes())
    return failures, coloured


def read_header(path: Path) -> Header:
    """Return the header of one image file.

    Raises:
        Exception: it cannot be read; Pillow raises many types.
    """
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    with open_image(path) as image:
        width, height = image.size if _orientation(image) < 5 else image.size[::-1]
        mode = mode_of(image)
        scalable = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    check_mode(mode)
    if not scalable:
        check_size(width, height)
    return Header(checksum, height, width, mode, scalable)


def decode(
    path: Path | bytes, size: Size, fit: Fit, depth: Depth = FULL, interpolation: Interpolation = "bilinear"
) -> np.ndarray:
    """Return the pixels of an image file, or of the content of one, upright and on white: (3, height, width) uint8."""
    with open_image(path) as image:
        orientation = _orientation(image)
        # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size at a fraction of the cost. At least twice the target
        # size is kept for antialiasing.
        height, width = _scaled(image.size[::-1], size if orientation < 5 else size[::-1], fit)
        check_mode(image.mode)
        image.draft(None, (2 * width, 2 * height))
        check_size(*image.size)
        picture = picture_of(lambda: open_image(path), image, depth)
    if orientation in UPRIGHT:
        picture = picture.transpose(UPRIGHT[orientation])
    return np.asarray(_resized(picture, size, fit, interpolation)).transpose(2, 0, 1)


def decode_safely(
    path: Path, size: Size, fit: Fit, depth: Depth = FULL, interpolation: Interpolation = "bilinear"
) -> np.ndarray | str:
    """Return the result of `decode`, or the reason why the file cannot be read."""
    with quiet():
        return result_or_reason(decode, path, size, fit, depth, interpolation)


def decode_picture(
    picture: Image.Image, size: Size, fit: Fit, depth: Depth = FULL, interpolation: Interpolation = "bilinear"
) -> np.ndarray:
    """Return the pixels of an opened image, upright and on white, as (3, height, width) uint8."""
    check_mode(picture.mode)
    upright = ImageOps.exif_transpose(picture)
    check_size(*upright.size)
    return np.asarray(_resized(picture_of(lambda: upright, upright, depth), size, fit, interpolation)).transpose(
        2, 0, 1
    )


def open_image(path: Path | bytes) -> Image.Image:
    """Open an image file, or the content of one, without decoding its pixels.

    Raises:
        Exception: it is not an image of a known format; Pillow raises many types.
    """
    if isinstance(path, bytes):
        start = path[:64]
    elif not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
        raise ValueError("not a regular file")  # a pipe would block
    else:
        with path.open("rb") as file:
            start = file.read(64)
    if not start:
        raise ValueError("empty file")
    try:
        return Image.open(io.BytesIO(path) if isinstance(path, bytes) else path, formats=_formats())
    except UnidentifiedImageError as error:
        name = image_format(start)
        lacking = {
            "HEIC": "pip install 'bakeoff[heic]'",
            "AVIF": "pip install 'pillow>=11.3'",
            "JPEG XL": "convert it",
        }
        if name in lacking and ("HEIF" if name == "HEIC" else name) not in readable():
            raise ValueError(f"{name} is not supported here: {lacking[name]}") from error
        raise ValueError(f"a variant of {name} that Pillow does not support" if name else "not an image") from error


@cache
def _formats() -> tuple[str, ...]:
    """Return the formats of `FORMATS` that Pillow supports here; HEIC needs the extra `heic`."""
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def readable() -> list[str]:
    """Return the formats that can be read here: Pillow may list AVIF without being built with it."""
    return [name for name in _formats() if name != "AVIF" or features.check("avif")]


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":  # Pillow applies it
        return 1
    # getexif() of a PNG without EXIF before its pixels would decode the pixels.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # the pixels may be fine although the EXIF data are broken
        return 1


def _scaled(own: Size, size: Size, fit: Fit) -> Size:
    """Return the size an image of size `own` has after scaling, before it is cropped or padded to `size`."""
    if fit == "stretch":
        return size
    ratios = (size[0] / own[0], size[1] / own[1])
    ratio = max(ratios) if fit == "crop" else min(ratios)
    return max(1, round(own[0] * ratio)), max(1, round(own[1] * ratio))


def _resized(picture: Image.Image, size: Size, fit: Fit, interpolation: Interpolation) -> Image.Image:
    height, width = size
    if picture.size == (width, height):
        return picture
    scaled_height, scaled_width = _scaled(picture.size[::-1], size, fit)
    # Pillow's filters grow with the reduction, so they do not alias.
    picture = picture.resize((scaled_width, scaled_height), FILTERS[interpolation])
    left, top = (scaled_width - width) // 2, (scaled_height - height) // 2
    return picture.crop((left, top, left + width, top + height))  # pads with black


def result_or_reason(read: Callable[..., Result], *arguments: Any) -> Result | str:
    """Return the result of `read`, or the reason why it failed."""
    try:
        return read(*arguments)
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        if "MAX_TEXT" in str(error):
            reason = f"a text or colour profile of more than {LARGEST_TEXT // 2**20} MB: save the image without it"
        return display_path(reason or str(error) or type(error).__name__)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings about odd files, and replace its limits with the ones above.

    Unreadable files are reported anyway. The number of pixels is checked later, once the size at which a JPEG is
    decoded is known.
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
