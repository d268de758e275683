"""Unpacks what zlib packed, up to a size that is known: a small file can unpack to any size."""

import zlib

import numpy as np

LARGEST = 10**8
"""Upper limit on the number of values of an array, whatever damaged data say."""


def unpack(packed: bytes, most: int) -> bytes:
    """Return the content of a zlib stream of at most `most` bytes.

    Raises:
        zlib.error: it is damaged, incomplete or larger.
    """
    stream = zlib.decompressobj()
    content = stream.decompress(packed, most + 1)
    if len(content) > most:
        raise zlib.error(f"it unpacks to more than {most:,} bytes")
    if not stream.eof:
        raise zlib.error("it is incomplete")
    return content


def unpack_array(packed: bytes, kind: type, most: int = LARGEST) -> np.ndarray:
    """Return a packed array of at most `most` values, flattened.

    Raises:
        zlib.error: it is damaged, incomplete or larger.
        ValueError: it has no whole number of values.
    """
    return np.frombuffer(unpack(packed, min(most, LARGEST) * np.dtype(kind).itemsize), kind)
