"""What a data set is once it is loaded: uint8 images, labels and where they come from. No torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from bakeoff.data.depth import Depth
from bakeoff.data.manifest import Manifest
from bakeoff.data.nesting import Nesting
from bakeoff.spec.data import DataInfo

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as progress(what, done, total) while something long is under way; total is 0 while unknown."""


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one split with their labels, in a fixed order."""

    images: np.ndarray
    """(N, C, H, W) uint8, memory-mapped copy-on-write: processes share the pages, nobody can damage the file."""
    labels: np.ndarray
    """(N,) int64, indices into the data set's class names."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set with its fixed test split. To use it in another process, call `load` again there: it takes
    milliseconds, while pickling would copy the pixels."""

    info: DataInfo
    train: Images
    validation: Images | None
    """The data set's own validation split; most have none and the recipe cuts one from `train`."""
    test: Images
    source: str
    licence: str
    citation: str
    skipped: tuple[tuple[str, str], ...] = ()
    """(path, reason) of files and folders of an image folder that were left out."""
    sizes: tuple[tuple[int, int, int], ...] = ()
    """(height, width, images) of the files before they were brought to one size, most frequent first."""
    manifest: Manifest = field(default_factory=dict)
    """Which images an image folder has; empty for built-in data sets."""
    depth: Depth | None = None
    """How values of files with more than 8 bits a channel became bytes, None if there are no such files."""
    nesting: Nesting | None = None
    """What to give instead if the sub-folders of an image folder's class folders are the classes."""
    pack: Path | None = None
    """The folder that holds the arrays."""

    def splits(self) -> dict[str, Images]:
        """Return the splits there are, by name: train, perhaps validation, test."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: images for name, images in splits.items() if images is not None}
