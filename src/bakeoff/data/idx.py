"""Strict reader of IDX files, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from bakeoff.errors import BakeoffError

UNSIGNED_BYTE = 8
HEADER = 4
"""Two zero bytes, the type of the values, the number of dimensions; then each dimension as a big-endian uint32."""


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array of `dimensions` dimensions in the IDX file `path`, plain or gzipped.

    Raises:
        BakeoffError: the file is damaged, is no IDX file, or does not hold exactly what its header promises.
    """
    content = _read(path)
    start = HEADER + 4 * dimensions
    if len(content) < start:
        raise BakeoffError(f"{path} is no IDX file: expected a header of {start} bytes, found {len(content)} bytes")
    if content[:2] != b"\0\0":
        raise BakeoffError(
            f"{path} is no IDX file: expected it to start with two zero bytes, found {content[:2].hex()}"
        )
    if content[2] != UNSIGNED_BYTE:
        raise BakeoffError(f"{path}: expected unsigned bytes (type {UNSIGNED_BYTE}), found type {content[2]}")
    if content[3] != dimensions:
        raise BakeoffError(f"{path}: expected {dimensions} dimensions, found {content[3]}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, HEADER))
    if len(content) - start != math.prod(shape):
        raise BakeoffError(
            f"{path}: expected {math.prod(shape)} bytes for {'×'.join(map(str, shape))}, found {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_labelled(images: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 1, H, W) uint8 and labels (N,) int64 from a pair of IDX files.

    Raises:
        BakeoffError: as `read_idx`, or the files do not hold the same number of images and labels.
    """
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise BakeoffError(f"{labels}: expected one label for each of {len(pixels)} images, found {len(classes)}")
    return pixels[:, None], classes.astype(np.int64)


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise BakeoffError(f"{path} is a damaged gzip file ({error}): delete it and fetch it again") from error
