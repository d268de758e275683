"""Reads SVHN's cropped digits: MATLAB files with X (32, 32, 3, N) and y (N, 1), where label 10 is the digit 0.

http://ufldl.stanford.edu/housenumbers/
"""

import multiprocessing
from contextlib import suppress
from pathlib import Path

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.machine.processes import isolated_start


def read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8, a view with the file's own strides, and labels (N,) int64 from 0 to 9.

    SciPy crashes on some damaged files, so that another process reads the file first.

    Raises:
        BakeoffError: the file is not a MATLAB file with X and y as described above.
    """
    trial = multiprocessing.get_context("spawn").Process(target=_try_to_read, args=(path,), daemon=True)
    with isolated_start():
        trial.start()
    trial.join()
    if trial.exitcode != 0:
        raise BakeoffError(f"{path} is damaged (SciPy crashes on it): delete it to download it again")
    return read_matlab(path)


def _try_to_read(path: Path) -> None:
    with suppress(Exception):
        read_matlab(path)


def read_matlab(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what `read_svhn` does; SciPy may end this process."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=("X", "y"))
    except Exception as error:  # a damaged file makes scipy raise all kinds of errors
        raise BakeoffError(f"{path} is not a readable MATLAB file ({error}): delete it to download it again") from error
    if missing := [name for name in ("X", "y") if name not in content]:
        raise BakeoffError(f"{path}: expected the variables X and y, found no {' or '.join(missing)}")
    images, labels = content["X"], content["y"].ravel()
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise BakeoffError(f"{path}: expected X as 32×32×3×N uint8, found {images.dtype} of shape {images.shape}")
    if labels.dtype.kind not in "uif":
        raise BakeoffError(f"{path}: expected numbers as y, found {labels.dtype}")
    if len(labels) != images.shape[3]:
        raise BakeoffError(f"{path}: expected one label per image, found {len(labels)} for {images.shape[3]} images")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise BakeoffError(f"{path}: expected labels from 1 to 10, found {labels.min()} to {labels.max()}")
    return images.transpose(3, 2, 0, 1), labels.astype(np.int64) % 10
