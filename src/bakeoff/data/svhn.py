"""Reader of SVHN's cropped digits, MATLAB files with X (32, 32, 3, N) and y (N, 1), where label 10 means digit 0.

http://ufldl.stanford.edu/housenumbers/
"""

from pathlib import Path

import numpy as np

from bakeoff.errors import BakeoffError


def read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8, a view with the file's own strides, and labels (N,) int64 from 0 to 9.

    Raises:
        BakeoffError: the file is no MATLAB file or does not hold X and y as described above.
    """
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=("X", "y"))
    except Exception as error:  # scipy lets what went wrong inside the file surface as many different errors
        raise BakeoffError(f"{path} is no readable MATLAB file ({error}): delete it and fetch it again") from error
    if missing := [name for name in ("X", "y") if name not in content]:
        raise BakeoffError(f"{path}: expected the variables X and y, found no {' and no '.join(missing)}")
    images, labels = content["X"], content["y"].ravel()
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise BakeoffError(f"{path}: expected X as uint8 of 32×32×3×N, found {images.dtype} of {images.shape}")
    if len(labels) != images.shape[3]:
        raise BakeoffError(f"{path}: expected one label per image, found {len(labels)} for {images.shape[3]} images")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise BakeoffError(f"{path}: expected labels from 1 to 10, found {labels.min()} to {labels.max()}")
    return images.transpose(3, 2, 0, 1), labels.astype(np.int64) % 10
