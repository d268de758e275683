"""Checks of a function that returns a data set."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.execution.checking.report import Check, run_check
from bakeoff.text.formats import counted, listing

if TYPE_CHECKING:
    from bakeoff.data import Dataset


def check_dataset(make: "Callable[[], Dataset]") -> Iterator[Check]:
    """Make a data set twice, and look for problems."""
    from bakeoff.data import Dataset

    made: list[Dataset] = []

    def make_twice() -> Iterator[str]:
        for _ in range(2):
            given = make()
            if not isinstance(given, Dataset):
                raise BakeoffError(f"it must return a bakeoff.Dataset, but returns {type(given).__name__}")
            made.append(given)
        if made[0].info.content_hash != made[1].info.content_hash:
            yield "it returns different images on the second call: fix the random seed, and sort the files it reads"

    def facts() -> str:
        info = made[0].info
        return f"{info.train_images:,} training and {info.test_images:,} test images of {info.shape}"

    yield run_check("returns the same images on every call", make_twice, facts=facts)
    if not made:
        yield Check("everything else", "skipped", "there are no images")
        return
    yield run_check("every class has images", partial(find_empty_classes, made[0]))
    yield run_check("no image is in two splits", partial(find_copies, made[0]))


def find_empty_classes(dataset: "Dataset") -> Iterator[str]:
    """Yield for each split the classes that have no image in it."""
    names = dataset.info.classes
    for split, images in dataset.splits().items():
        counts = np.bincount(images.labels, minlength=len(names))
        if missing := [name for name, count in zip(names, counts, strict=True) if not count]:
            yield f"no {split} image is of {listing(missing)}"


def find_copies(dataset: "Dataset") -> Iterator[str]:
    """Yield how many images are in two splits, or have two labels."""
    from bakeoff.data.describe import find_duplicates

    found = find_duplicates(dataset)
    yield from (f"{counted(count, 'image')} in both of {pair}" for pair, count in found.across.items() if count)
    if found.conflicting:
        yield f"{counted(found.conflicting, 'group')} of identical images with different labels"
