"""A folder of photographs that tiny networks can tell apart, and a store with networks trained on it."""

from pathlib import Path

import numpy as np
import PIL.Image

import bakeoff


def photographs(root: Path) -> Path:
    """Write photographs of two kinds in sizes of their own, as JPEG, and return the folder."""
    random = np.random.default_rng(0)
    for label, tint in (("cold", (20, 40, 200)), ("warm", (200, 60, 20))):
        (root / label).mkdir()
        for number in range(40):
            height, width = random.integers(20, 60, 2)
            pixels = random.integers(0, 80, (height, width, 3)) + np.array(tint) * 0.6
            PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / label / f"{number}.jpg")
    return root


def trained_store(path: Path, photos: Path) -> Path:
    """Train two networks with two seeds each for one epoch, and return the store."""
    changes = {"image.size": [16, 16], "epochs": 1}
    bakeoff.run(nets="linear,lenet-afif", data=photos, seeds=2, changes=changes, store=path, workers=1, quiet=True)
    return path
