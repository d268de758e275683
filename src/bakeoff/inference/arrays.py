"""Images as arrays of pixels. No torch."""

import numpy as np
import PIL.Image

from bakeoff.errors import BakeoffError


def in_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Return (3, H, W) pixels in as many channels: one is the luminance (ITU-R 601-2, as Pillow computes it)."""
    if channels == 3:
        return pixels
    red, green, blue = pixels.astype(np.uint32)
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)[None]


def to_picture(array: np.ndarray) -> PIL.Image.Image:
    """Return an array of pixels as a Pillow image.

    Raises:
        BakeoffError: it is not (H, W), (H, W, C) or (C, H, W) uint8 with 1 or 3 channels.
    """
    if array.dtype != np.uint8 or array.ndim not in (2, 3):
        raise BakeoffError(f"expected an image as an array of uint8 with 2 or 3 axes, got {array.dtype} {array.shape}")
    if array.ndim == 3 and array.shape[2] not in (1, 3) and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 3 and array.shape[2] != 3:
        raise BakeoffError(f"expected an image with 1 or 3 channels, got an array of shape {array.shape}")
    return PIL.Image.fromarray(array).convert("RGB")
