"""Graded versions of a data set: `mnist~contrast=0.25` is MNIST with a quarter of its contrast.

A version is made on the fly and is the same every time. Nothing is stored, and pixels are made only when somebody asks
for them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias
from weakref import WeakValueDictionary

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.grade import DIALS, IN_THE_RECIPE, Choice, Dial, Pixels, RecipeDial, kept_classes
from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.spec.data import DataInfo
from bakeoff.spec.values import Value, digest

VERSION = 1
"""Of what the dials do: part of every graded version's hash. It goes up when a level would give other images."""
CHUNK = 2048
"""Images changed at a time."""
TAIL = re.compile(r"~([a-z][a-z-]*)=([^~=/]*)$")


class Grade(Value, frozen=True):
    """One dial and where it stands."""

    dial: str
    level: float

    def __str__(self) -> str:
        return f"{self.dial}={tell_level(self.level)}"


def tell_level(level: float) -> str:
    """Return a level as it is written in names: the shortest text that reads back to it."""
    short = f"{level:g}"
    return short if float(short) == level else repr(level)


def split_name(name: str) -> tuple[str, tuple[Grade, ...]]:
    """Return the data set that `name` is a version of, and its grades in order; () for a data set as it is.

    A folder whose own name looks like a grade is written with a slash at its end.

    Raises:
        BakeoffError: there is no such dial, or it cannot stand there.
    """
    grades: list[Grade] = []
    base = name
    while match := TAIL.search(base):
        grades.append(_grade(match[1], match[2], name))
        base = base[: match.start()]
    return base, tuple(reversed(grades))


def join_name(base: str, grades: Sequence[Grade]) -> str:
    """Return the name of a graded version, as `split_name` reads it."""
    return "".join([base, *(f"~{grade}" for grade in grades)])


def is_graded(name: str) -> bool:
    """Tell whether a name, or its short form in tables, is that of a graded version."""
    return TAIL.search(name) is not None


def _grade(dial: str, text: str, name: str) -> Grade:
    if dial in IN_THE_RECIPE:
        field = IN_THE_RECIPE[dial].field
        raise BakeoffError(f"{dial} is a setting of the recipe, no version of the data: --set {field}={text or 'N'}")
    if dial not in DIALS:
        folder = " (for a folder that is called so put a slash at the end)" if name.startswith("folder:") else ""
        raise BakeoffError(f"{unknown('dial', dial, DIALS)}{folder}")
    try:
        return checked(Grade(dial, float(text)), DIALS[dial])
    except ValueError as error:
        raise BakeoffError(
            f"{dial} takes a number, such as {name.partition('~')[0]}~{dial}=0.5: got {text!r}"
        ) from error


def checked(grade: Grade, dial: "Dial | RecipeDial") -> Grade:
    """Return the grade if its dial can stand there.

    Raises:
        BakeoffError: it cannot.
    """
    low, high = dial.reach
    if not low <= grade.level <= high or (dial.whole and not grade.level.is_integer()):
        number = "a whole number" if dial.whole else "a number"
        raise BakeoffError(
            f"{grade.dial} takes {number} from {low:g} to {high:g} ({dial.about}): got {tell_level(grade.level)}"
        )
    return grade


Change: TypeAlias = Callable[[np.ndarray, slice], np.ndarray]
"""A dial that changes pixels, at its level."""


class GradedImages(Images):
    """Images of a split with one dial turned: pixels are made when asked for, and kept while somebody holds them."""

    def __init__(self, source: Images, rows: np.ndarray | None, labels: np.ndarray, change: Change | None) -> None:
        values = {"labels": labels, "source": source, "rows": rows, "change": change, "made": WeakValueDictionary()}
        for name, value in values.items():
            object.__setattr__(self, name, value)  # it is frozen, as what it is made of

    source: Images
    rows: np.ndarray | None
    """Those of the source that stay, None for all."""
    change: Change | None
    made: WeakValueDictionary[str, np.ndarray]

    @property
    def images(self) -> np.ndarray:
        """(N, C, H, W) uint8."""
        made = self.made.get("images")
        if made is None:
            made = self.made["images"] = self._make()
        return made

    def _make(self) -> np.ndarray:
        images = self.source.images if self.rows is None else self.source.images[self.rows]
        if self.change is None:
            return images
        made = np.empty_like(images)
        for start in range(0, len(made), CHUNK):
            part = slice(start, start + CHUNK)
            made[part] = self.change(images, part)
        return made


def grade_dataset(dataset: Dataset, grades: Sequence[Grade]) -> Dataset:
    """Return a graded version of a data set; grades that change nothing leave the data set as it is.

    Raises:
        BakeoffError: the data set has no colours to take away, or fewer classes than are to stay.
    """
    for one in grades:
        if one.level != original(one.dial, dataset.info):
            dataset = _turn(dataset, one)
    return dataset


def original(dial: str, info: DataInfo) -> float | None:
    """Return the level at which a dial changes nothing of a data set."""
    level = DIALS[dial].original
    return len(info.classes) if level is None else level


def grade_facts(info: DataInfo, grades: Sequence[Grade]) -> DataInfo:
    """Return what is known of a graded version without its images, the numbers of images being those of the whole.

    Raises:
        BakeoffError: as `grade_dataset`.
    """
    for one in grades:
        if one.level != original(one.dial, info):
            info = _info(info, one)
    return info


def _info(info: DataInfo, one: Grade) -> DataInfo:
    if one.dial == "colour" and info.shape and info.shape.channels != 3:
        raise BakeoffError(f"{info.name} has no colours to take away: its images are {info.shape}")
    names = info.classes
    if one.dial == "classes":
        if one.level > len(names):
            raise BakeoffError(f"{info.name} has {len(names)} classes: {one} cannot be")
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
    )
