"""Pictures to decode."""

import numpy as np
from PIL import Image


def picture(height: int = 6, width: int = 4) -> np.ndarray:
    """Smooth, so that JPEG keeps it, and without any symmetry."""
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([rows * 255, columns * 255, rows * columns * 200], axis=2).astype(np.uint8)


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path
