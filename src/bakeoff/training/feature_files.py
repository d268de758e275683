"""Files of features in the cache: filled batch by batch by one process, while others wait, and mapped into memory.

What is complete so far is noted in `meta.json`: after an interruption the next process continues there.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import filelock
import msgspec
import numpy as np
from torch import Tensor

from bakeoff.data.local_folders import cache_folder, tag_cache_folder
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import write_whole
from bakeoff.spec.values import Value

LARGEST = 256.0
"""The features of the first batch are scaled by a power of two so that the largest is at most this: float16 holds
values up to 65,504 and loses digits below 6e-5."""
NOTED_SECONDS = 1.0
"""How often `meta.json` is written, at most."""

OnBatch = Callable[[int], None]
"""Called with the number of images that are done, by this process or by the one it waits for."""


class FeatureMeta(Value, frozen=True):
    """The content of `meta.json`."""

    rows: int
    """Images that are complete."""
    scale: float
    seconds: float
    """Seconds that computing them took."""


@dataclass(frozen=True, eq=False)
class Features:
    """The features of N images."""

    values: np.ndarray
    """(N, D) float16 or, if they are exact, float32, memory-mapped: the features times `scale`."""
    scale: float
    """A power of two."""
    seconds: float
    """Seconds that computing them took, in whichever run."""
    shared: bool
    """Whether another run or command has computed them."""


class FeatureSource(NamedTuple):
    """The source of features that are not in their file yet."""

    batches: Callable[[int], Iterable[Tensor]]
    """Yields the features of all images from a given one on, which must be the first of a batch, as (n, D) float32."""
    seconds: float = 0.0
    """Seconds already spent on them."""
    shared: bool = False
    """Whether another run or command has computed them."""


@dataclass(frozen=True)
class FeatureFile:
    """The features of some images in the cache."""

    key: str
    """The key that identifies them: the name of their folder."""
    images: int
    features: int
    dtype: np.dtype
    batch_size: int
    network: str
    """Name of the network, for messages."""

    @property
    def folder(self) -> Path:
        """The folder with the features and `meta.json`."""
        return cache_folder() / "features" / self.key

    @property
    def path(self) -> Path:
        """The file of the features."""
        return self.folder / f"values.f{8 * self.dtype.itemsize}"

    def rows(self) -> int:
        """Return how many images have features in the file, complete or not."""
        try:
            return min(self.images, self.path.stat().st_size // (self.features * self.dtype.itemsize))
        except OSError:
            return 0

    def meta(self) -> FeatureMeta:
        """Return what is complete."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((self.folder / "meta.json").read_bytes(), type=FeatureMeta)
        return FeatureMeta(0, 0.0, 0.0)

    def open(self, find_source: Callable[[], FeatureSource], on_batch: OnBatch) -> Features:
        """Return the features, filling in what is missing; waits while another process does.

        Raises:
            BakeoffError: the cache folder cannot be written, or the features are not finite numbers.
        """
        shared = True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tag_cache_folder()
            with locked(self.folder / "lock", lambda: on_batch(self.rows())):
                before = self.meta()
                if min(before.rows, self.rows()) < self.images:
                    source = find_source()
                    fill_file(self, before, source, on_batch)
                    shared = source.shared
                meta = self.meta()
        except OSError as error:
            raise BakeoffError(
                f"cannot write features to {self.folder} ({error.strerror or error}): free space there, or set "
                "$BAKEOFF_CACHE to another folder"
            ) from error
        values = np.memmap(self.path, self.dtype, "c", shape=(self.images, self.features)).view(np.ndarray)
        return Features(values, meta.scale, meta.seconds, shared)


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock between processes; `on_wait` is called twice a second while another holds it."""
    lock = filelock.FileLock(path)
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except filelock.Timeout:
            on_wait()
    try:
        yield
    finally:
        lock.release()


def fill_file(file: FeatureFile, before: FeatureMeta, source: FeatureSource, on_batch: OnBatch) -> None:
    """Write the features that are missing, batch by batch."""
    row_bytes = file.features * file.dtype.itemsize
    done, scale = before.rows, before.scale
    if file.rows() < done or done % file.batch_size:
        done = 0
    start = noted = time.perf_counter()
    earlier = before.seconds if done else source.seconds
    with file.path.open("r+b" if done else "wb") as opened:
        opened.truncate(done * row_bytes)
        opened.seek(done * row_bytes)
        for part in source.batches(done):
            if not done:
                scale = scale_for(part) if file.dtype == np.float16 else 1.0
            opened.write(to_array(part, scale, file.dtype, file.network).data)
            done += len(part)
            on_batch(done)
            now = time.perf_counter()
            if done == file.images or now - noted > NOTED_SECONDS:
                opened.flush()
                noted = now
                meta = FeatureMeta(done, scale, earlier + now - start)
                write_whole(file.folder / "meta.json", msgspec.json.encode(meta))


def scale_for(part: Tensor) -> float:
    """Return the power of two that brings the largest feature of a batch to at most `LARGEST`, and over half of it."""
    largest = float(part.abs().max())
    return 2.0 ** math.floor(math.log2(LARGEST / largest)) if 0 < largest < math.inf else 1.0


def to_array(part: Tensor, scale: float, dtype: np.dtype, name: str) -> np.ndarray:
    """Return features times `scale` as an array of this type.

    Raises:
        BakeoffError: some are not finite.
    """
    values = (part * scale).half() if dtype == np.float16 else part
    if not bool(values.isfinite().all()):
        raise BakeoffError(f"the features of {name} are not finite or differ by too much in size: --set normalize=unit")
    return values.cpu().contiguous().numpy()
