"""Graded versions of a data set: `mnist~contrast=0.25` is MNIST at a quarter of its contrast.

Versions are deterministic and computed on the fly; pixels are computed on first access.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.derived import DerivedImages
from bakeoff.data.grade import DIALS, IN_THE_RECIPE, Choice, Dial, Pixels, RecipeDial, kept_classes
from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.spec.data import DataInfo
from bakeoff.spec.values import Value, digest

VERSION = 1
"""Version of the dials, part of every graded version's hash. Raise it when a level would give different images."""
CHUNK = 2048
"""Images changed at once."""
TAIL = re.compile(r"~([a-z][a-z-]*)=([^~=/]*)$")
RESPLIT = ("groups", "fold", "folds")
"""Not grades, but other splits of the original (see `resplit`); they come first in a name."""


class Grade(Value, frozen=True):
    """A dial and its level."""

    dial: str
    level: float

    def __str__(self) -> str:
        return f"{self.dial}={format_level(self.level)}"


def format_level(level: float) -> str:
    """Return a level as it is written in names: the shortest text that parses to the same number."""
    short = f"{level:g}"
    return short if float(short) == level else repr(level)


def split_name(name: str) -> tuple[str, tuple[Grade, ...]]:
    """Split a name into the original data set, with the splits of its own, and its grades in order; () without grades.

    A folder whose own name looks like a grade needs a trailing slash.

    Raises:
        BakeoffError: there is no such dial, or its level is out of range.
    """
    grades: list[Grade] = []
    base = name
    while (match := TAIL.search(base)) and match[1] not in RESPLIT:
        grades.append(_grade(match[1], match[2], name))
        base = base[: match.start()]
    return base, tuple(reversed(grades))


def join_name(base: str, grades: Sequence[Grade]) -> str:
    """Return the name of a graded version; the inverse of `split_name`."""
    return "".join([base, *(f"~{grade}" for grade in grades)])


def is_graded(name: str) -> bool:
    """Return whether a name, or its short form in tables, is that of a graded version."""
    match = TAIL.search(name)
    return match is not None and match[1] not in RESPLIT


def _grade(dial: str, text: str, name: str) -> Grade:
    if dial in IN_THE_RECIPE:
        field = IN_THE_RECIPE[dial].field
        raise BakeoffError(f"{dial} is a setting of the recipe, not of the data: use --set {field}={text or 'N'}")
    if dial not in DIALS:
        folder = " (if the folder has this name, add a slash at the end)" if name.startswith("folder:") else ""
        raise BakeoffError(f"{unknown('dial', dial, DIALS)}{folder}")
    try:
        return check_grade(Grade(dial, float(text)), DIALS[dial])
    except ValueError as error:
        raise BakeoffError(
            f"{dial} expects a number, such as {name.partition('~')[0]}~{dial}=0.5, got {text!r}"
        ) from error


def check_grade(grade: Grade, dial: "Dial | RecipeDial") -> Grade:
    """Return the grade if its level is in the dial's range.

    Raises:
        BakeoffError: it is not.
    """
    low, high = dial.reach
    if not low <= grade.level <= high or (dial.whole and not grade.level.is_integer()):
        number = "a whole number" if dial.whole else "a number"
        raise BakeoffError(
            f"{grade.dial} expects {number} from {low:g} to {high:g} ({dial.about}), got {format_level(grade.level)}"
        )
    return grade


Change: TypeAlias = Callable[[np.ndarray, slice], np.ndarray]
"""(all images of the split, a slice of them) → the changed slice: a dial at a level."""


class GradedImages(DerivedImages):
    """Images of a split with one dial turned."""

    def __init__(self, source: Images, rows: np.ndarray | None, labels: np.ndarray, change: Change | None) -> None:
        groups = source.groups if rows is None else tuple(source.groups[i] for i in rows if source.groups)
        super().__init__(labels, groups, source=source, rows=rows, change=change)

    source: Images
    rows: np.ndarray | None
    """The rows of the source that are kept, None for all."""
    change: Change | None

    def compute(self) -> np.ndarray:
        """Return the kept images, changed."""
        images = self.source.images if self.rows is None else self.source.images[self.rows]
        if self.change is None:
            return images
        made = np.empty_like(images)
        for start in range(0, len(made), CHUNK):
            part = slice(start, start + CHUNK)
            made[part] = self.change(images, part)
        return made


def grade_dataset(dataset: Dataset, grades: Sequence[Grade]) -> Dataset:
    """Return a graded version of a data set; grades that change nothing are skipped.

    Raises:
        BakeoffError: the data set has no colours to remove, or fewer classes than requested.
    """
    for one in grades:
        if one.level != original_level(one.dial, dataset.info):
            dataset = _turn(dataset, one)
    return dataset


def original_level(dial: str, info: DataInfo) -> float | None:
    """Return the level at which a dial changes nothing about a data set."""
    level = DIALS[dial].original
    return len(info.classes) if level is None else level


def grade_facts(info: DataInfo, grades: Sequence[Grade]) -> DataInfo:
    """Return the facts about a graded version without its images; the image counts are those of the original.

    Raises:
        BakeoffError: as `grade_dataset`.
    """
    for one in grades:
        if one.level != original_level(one.dial, info):
            info = _info(info, one)
    return info


def _info(info: DataInfo, one: Grade) -> DataInfo:
    if one.dial == "colour" and info.shape and info.shape.channels != 3:
        raise BakeoffError(f"{info.name} has no colours to remove: its images are {info.shape}")
    names = info.classes
    if one.dial == "classes":
        if one.level > len(names):
            raise BakeoffError(f"{one} is too many: {info.name} has {len(names)} classes")
        names = tuple(names[i] for i in kept_classes(len(names), int(one.level)))
    known = info.content_hash and digest([info.content_hash, VERSION, one.dial, one.level])
    return msgspec.structs.replace(info, name=f"{info.name}~{one}", classes=names, content_hash=known)


def _at(pixels: Pixels, level: float) -> Change:
    return lambda images, part: pixels(images, part, level)


def _turn(dataset: Dataset, one: Grade) -> Dataset:
    info, dial, count = _info(dataset.info, one), DIALS[one.dial], len(dataset.info.classes)
    change = _at(dial.pixels, one.level) if dial.pixels else None

    def turn(own: Images, choice: Choice | None) -> Images:
        rows, labels = choice(own.labels, count, one.level) if choice else (None, own.labels)
        return GradedImages(own, rows, labels, change) if choice or change else own

    train = turn(dataset.train, dial.everywhere or dial.train)
    validation = dataset.validation and turn(dataset.validation, dial.everywhere)
    test = turn(dataset.test, dial.everywhere)
    counts = {"train_images": len(train), "validation_images": len(validation or ()), "test_images": len(test)}
    same_rows = len(train) == len(dataset.train) and len(test) == len(dataset.test)
    return replace(
        dataset,
        info=msgspec.structs.replace(info, **counts),
        train=train,
        validation=validation,
        test=test,
        pack=dataset.pack if same_rows else None,  # its list of files is by row
        files=dataset.files if same_rows else {},
    )
