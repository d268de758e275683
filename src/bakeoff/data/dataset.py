"""A loaded data set: uint8 images, labels and their source. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from bakeoff.data.depth import Depth
from bakeoff.data.manifest import Manifest
from bakeoff.data.nesting import Nesting
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.text.formats import counted, listing

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as progress(what, done, total) during long operations; total is 0 while unknown."""


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """The images of one split with their labels, in a fixed order."""

    images: np.ndarray
    """(N, C, H, W) uint8, memory-mapped copy-on-write: processes share the pages, and no write reaches the file."""
    labels: np.ndarray
    """(N,) int64, indices into the data set's class names."""
    groups: tuple[str, ...] = ()
    """N strings: the patient, plant, video or track of each image, "" where unknown; () if no image has one."""

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'image')} of {ImageShape(*self.images.shape[1:])}>"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set with its fixed test split.

    In another process, call `load_dataset` again: it takes milliseconds, whereas pickling copies the pixels.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).integers(0, 256, (60, 3, 8, 8), dtype=np.uint8)
        >>> noise = bakeoff.Dataset.from_arrays((images, np.arange(60) % 3), name="noise")
        >>> {name: len(images) for name, images in noise.splits().items()}
        {'train': 48, 'test': 12}
        >>> noise
        <Dataset arrays:noise@...: 3 classes (0, 1 and 2); images of 3x8x8: train 48, test 12>
    """

    info: DataInfo
    train: Images
    validation: Images | None
    """The data set's own validation split; if it has none, the recipe takes one from `train`."""
    test: Images
    source: str
    licence: str
    citation: str
    skipped: tuple[tuple[str, str], ...] = ()
    """(path, reason) of files and folders of an image folder that were skipped."""
    sizes: tuple[tuple[int, int, int], ...] = ()
    """(height, width, images) of the files before resizing, the most frequent first."""
    manifest: Manifest = field(default_factory=dict)
    """The images of an image folder by checksum; empty for built-in data sets."""
    depth: Depth | None = None
    """How values with more than 8 bits per channel were scaled to bytes; None if there are none."""
    nesting: Nesting | None = None
    """What to give instead if the sub-folders of the class folders are the classes."""
    reading: str = ""
    """How a table or archive was read: its columns and the folder with the images, or its arrays."""
    pack: Path | None = None
    """The folder with the arrays."""
    made_test: bool = False
    """Whether the test images were set aside by bakeoff, because there was no test split."""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Split → the file of each image, of data sets without a pack; see `file_names`."""

    @classmethod
    def from_arrays(
        cls,
        train: tuple[Any, Any],
        validation: tuple[Any, Any] | None = None,
        test: tuple[Any, Any] | None = None,
        *,
        classes: Sequence[str] | None = None,
        name: str = "arrays",
        photographs: bool = False,
        groups: Any = None,
    ) -> "Dataset":
        """Return a data set made of arrays. They are packed into the cache, where workers and later calls open them.

        Args:
            train: images and labels. Images are (N, H, W), (N, C, H, W) or (N, H, W, C) with 1 or 3 channels, whole
                numbers from 0 to 255, of any type, or fractions from 0 to 1; labels are (N,), whole numbers or names of
                classes.
            validation: likewise; without it, the recipe sets aside some training images.
            test: likewise; without it, a fifth of each class of `train` is set aside, always the same.
            classes: names of the classes, in the order of their numbers; by default, the labels that occur.
            name: what tables call the data set.
            photographs: whether images keep their meaning when mirrored, so that recipes may flip them.
            groups: for each image of `train`, the patient, video or other unit that a split must keep together: whole
                numbers or strings. With validation or test images, a mapping: {"train": ..., "test": ...}.

        Raises:
            BakeoffError: shapes, labels or values are not as described, or the cache cannot be written.

        Example:
            >>> from sklearn.datasets import load_digits
            >>> X, y = load_digits(return_X_y=True)
            >>> X = X.reshape(-1, 8, 8) / 16  # from 0 to 1
            >>> digits = bakeoff.Dataset.from_arrays((X[:1500], y[:1500]), test=(X[1500:], y[1500:]), name="mine")
            >>> len(digits.train), len(digits.test)
            (1500, 297)
            >>> results = bakeoff.run(nets="linear", data=digits, changes={"epochs": 1}, seeds=1, store="mine.db")
        """
        from bakeoff.data.arrays import pack_arrays

        return pack_arrays(train, validation, test, classes=classes, name=name, photographs=photographs, groups=groups)

    def __repr__(self) -> str:
        classes = f"{counted(len(self.info.classes), 'class', 'classes')} ({listing(self.info.classes)})"
        images = ", ".join(f"{name} {len(own):,}" for name, own in self.splits().items())
        return f"<Dataset {self.info.name}: {classes}; images of {self.info.shape}: {images}>"

    def splits(self) -> dict[str, Images]:
        """Return the splits by name: train, validation (if there is one), test."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: images for name, images in splits.items() if images is not None}
