"""Reads images from requests: in memory only, and without trusting them. No torch.

An image is the body of a request. Forms and file names are never parsed, so no library writes temporary files, and no
name can refer to another file.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from starlette.requests import Request

from bakeoff.data.decode import Fit, Size, decode, open_image, quiet, result_or_reason
from bakeoff.data.depth import Depth
from bakeoff.serving.limits import Limits
from bakeoff.spec.recipe import Interpolation

START_OF_SCAN = re.compile(rb"\xff\xda")
HOW = "send the image as the body of the request, e.g. curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg'"


class Refused(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class Bodies:
    """The request bodies in memory, within limits."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.held = 0

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Count `size` bytes in the block.

        Raises:
            Refused: the total would exceed the limit.
        """
        if self.held + size > self.limits.held_bytes:
            raise Refused(429, "too many images at a time: try again in a second")
        self.held += size
        try:
            yield
        finally:
            self.held -= size

    def expected_size(self, request: Request) -> int:
        """Return the maximum size of the body in bytes, according to the head.

        Raises:
            Refused: it is not an image, or too large.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind.startswith("image/") and kind != "application/octet-stream":
            raise Refused(415, f"expected an image, got {kind[:60] or 'no Content-Type'}: {HOW}")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refused(415, "expected an image without a Content-Encoding")
        length = request.headers.get("content-length", "")
        most = self.limits.image_bytes
        if length.isdigit() and int(length) > most:
            raise Refused(413, f"the image has more than {most:,} bytes: make it smaller")
        return int(length) if length.isdigit() else most

    async def read(self, request: Request, most: int) -> bytes:
        """Return the body.

        Raises:
            Refused: it is empty, too large or too slow.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for part in request.stream():
                    body += part
                    if len(body) > most:
                        raise Refused(413, f"the image has more than {self.limits.image_bytes:,} bytes")
        except TimeoutError:
            raise Refused(408, f"the image did not arrive within {self.limits.body_seconds:g} seconds") from None
        if not body:
            raise Refused(400, f"no image: {HOW}")
        return bytes(body)


def decode_upload(
    content: bytes, size: Size, fit: Fit, depth: Depth, limits: Limits, interpolation: Interpolation = "bilinear"
) -> np.ndarray:
    """Return the pixels of the content of an image file, (3, height, width) uint8, as in training.

    Not thread-safe: Pillow's limits are global.

    Raises:
        Refused: it is not an image, has too many pixels, or is damaged.
    """
    with quiet():
        opened = result_or_reason(open_image, content)
        if isinstance(opened, str):
            raise Refused(415, f"cannot read the image: {opened}")
        width, height = opened.size
        if width * height > limits.pixels:
            raise Refused(413, f"{width:,}×{height:,} pixels are more than {limits.pixels:,}: make the image smaller")
        if opened.format in ("JPEG", "MPO") and len(START_OF_SCAN.findall(content)) > limits.scans:
            raise Refused(413, f"the JPEG has more than {limits.scans} scans: save it again")
        pixels = result_or_reason(decode, content, size, fit, depth, interpolation)
    if isinstance(pixels, str):
        raise Refused(422, f"cannot read the image: {pixels}")
    return pixels
