"""Strict reader of IDX files, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import psutil

from bakeoff.errors import BakeoffError
from bakeoff.text.formats import byte_size

UNSIGNED_BYTE = 8
GZIP = b"\x1f\x8b"
MOST_PACKED = 1032
"""The most bytes that one byte of a gzipped file can unpack to."""
HEADER = 4
"""Two zero bytes, the type of the values, the number of dimensions; then each dimension as a big-endian uint32."""


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array of `dimensions` dimensions in the IDX file `path`, plain or gzipped.

    No more is unpacked than the header promises, and nothing that does not fit in memory.

    Raises:
        BakeoffError: the file is damaged, is not an IDX file, or does not match its header.
    """
    with path.open("rb") as plain:
        is_zipped = plain.read(2) == GZIP
    try:
        with gzip.open(path) if is_zipped else path.open("rb") as file:
            shape = _read_shape(file, path, dimensions)
            expected, what = math.prod(shape), "×".join(map(str, shape))
            _check_size(expected, what, path, path.stat().st_size * (MOST_PACKED if is_zipped else 1))
            content = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BakeoffError(f"{path} is damaged ({error}): delete it to download it again") from error
    if len(content) != expected:
        found = "more" if len(content) > expected else f"{len(content):,}"
        raise BakeoffError(f"{path}: expected {expected:,} bytes for {what}, found {found}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_shape(file: BufferedIOBase, path: Path, dimensions: int) -> tuple[int, ...]:
    """Read the header and return the shape."""
    start = HEADER + 4 * dimensions
    header = file.read(start)
    if len(header) < start:
        raise BakeoffError(f"{path} is not an IDX file: expected a header of {start} bytes, found {len(header)} bytes")
    if header[:2] != b"\0\0":
        raise BakeoffError(f"{path} is not an IDX file: expected two zero bytes at the start, found {header[:2].hex()}")
    if header[2] != UNSIGNED_BYTE:
        raise BakeoffError(f"{path}: expected unsigned bytes (type {UNSIGNED_BYTE}), found type {header[2]}")
    if header[3] != dimensions:
        raise BakeoffError(f"{path}: expected {dimensions} dimensions, found {header[3]}")
    return tuple(int(size) for size in np.frombuffer(header, ">u4", dimensions, HEADER))


def _check_size(expected: int, what: str, path: Path, most: int) -> None:
    """Refuse a header that promises more than the file can hold, or than there is memory for."""
    if expected > most:
        raise BakeoffError(f"{path}: expected {expected:,} bytes for {what}, found {most:,} at most")
    if expected > (free := psutil.virtual_memory().available):
        raise BakeoffError(
            f"{path}: {what} values need {byte_size(expected)} of memory, where {byte_size(free)} are free"
        )


def read_idx_pair(images: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 1, H, W) uint8 and labels (N,) int64 from a pair of IDX files.

    Raises:
        BakeoffError: as `read_idx`, or the numbers of images and labels differ.
    """
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise BakeoffError(f"{labels}: expected one label for each of {len(pixels)} images, found {len(classes)}")
    return pixels[:, None], classes.astype(np.int64)
