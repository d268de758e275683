"""Where an image is in a data set, for lists of images."""

from collections.abc import Callable
from typing import TypeAlias

from bakeoff.data.dataset import Dataset
from bakeoff.data.pack import file_names
from bakeoff.spec.values import Value


class ImagePlace(Value, frozen=True):
    """One image: its place and its label."""

    split: str
    index: int
    label: str
    file: str
    """Relative to the image folder; empty for built-in data sets."""

    def __str__(self) -> str:
        return f"{self.file or f'{self.split} {self.index}'} ({self.label})"


Places: TypeAlias = Callable[[str, int], ImagePlace]
"""(split, index) → the place of the image."""


def places_in(dataset: Dataset) -> Places:
    """Return the function that locates the images of a data set."""
    splits = dataset.splits()
    files = {name: file_names(dataset, name) for name in splits}

    def place(name: str, index: int) -> ImagePlace:
        label = dataset.info.classes[splits[name].labels[index]]
        return ImagePlace(name, index, label, files[name][index] if files[name] else "")

    return place
