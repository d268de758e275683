"""Versions of a data set with other splits: `folder:plants~groups=(\\d+)_` keeps each plant together.

`~fold=2of5` is the second of five folds of all images: its images are the test images, all others the training images.
`~folds=5` means all five: training uses each fold in turn; descriptions cover all images, fold by fold.
The splits depend only on the images and their groups, so everyone gets the same ones.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import numpy as np

from bakeoff.data.copies import first_occurrences
from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.derived import DerivedImages
from bakeoff.data.graded import join_name, split_name
from bakeoff.data.grouping import TEST_SHARES, divide, join_groups, number_groups, number_values, read_groups
from bakeoff.data.pack import file_names
from bakeoff.errors import BakeoffError
from bakeoff.spec.values import Value, digest

VERSION = 1
"""Version of the splits, part of the content hash of every version. Raise it when a split would change."""
MOST_FOLDS = 100
TAIL = re.compile(r"(?:~groups=(?P<groups>[^~=/,]+))?(?:~(?:fold=(?P<fold>[^~=/,]*)|folds=(?P<folds>[^~=/,]*)))?$")
PLAIN = "".join(chr(code) for code in range(33, 127) if chr(code) not in "~=/,%")
"""Characters that are not encoded in a name; all others are percent-encoded."""

Hashes = Callable[[], Mapping[str, str]]
"""Returns file → a hash of its content."""


class Resplit(Value, frozen=True):
    """How the splits of a data set are redrawn; by default they are not."""

    groups: str = ""
    """A column, or a regular expression for file names."""
    fold: int = 0
    """From 1; 0 for all folds one after the other."""
    folds: int = 0

    def __bool__(self) -> bool:
        return bool(self.groups or self.folds)

    def __str__(self) -> str:
        groups = f"~groups={_as_name(self.groups)}" if self.groups else ""
        if not self.folds:
            return groups
        return f"{groups}~fold={self.fold}of{self.folds}" if self.fold else f"{groups}~folds={self.folds}"


def _as_name(groups: str) -> str:
    return quote(groups, safe=PLAIN).replace("~", "%7E")  # which quote leaves as it is


def read_resplit(name: str) -> tuple[str, Resplit]:
    """Split a name without grades into the data set's own name and how its splits are redrawn.

    Raises:
        BakeoffError: there is no such fold.
    """
    match = TAIL.search(name)
    assert match, "the pattern matches the empty text"
    base, groups = name[: match.start()], unquote(match["groups"] or "")
    text = match["fold"] if match["folds"] is None else f"0of{match['folds']}"
    if text is None:
        return base, Resplit(groups)
    numbers = re.fullmatch(r"(\d{1,3})of(\d{1,3})", text)
    fold, folds = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if not (match["fold"] is None or fold) or not (fold <= folds and 2 <= folds <= MOST_FOLDS):
        raise BakeoffError(
            f"{name}: expected a fold such as {base}~fold=1of5, or {base}~folds=5 for all of them, with 2 to "
            f"{MOST_FOLDS} folds"
        )
    return base, Resplit(groups, fold, folds)


def name_folds(name: str) -> list[str]:
    """Return the names of the folds that `x~folds=5` stands for; [name] for anything else.

    Raises:
        BakeoffError: they would be folds of a graded version.
    """
    own, grades = split_name(name)
    base, splits = read_resplit(own)
    if not splits.folds or splits.fold:
        return [name]
    if grades:
        raise BakeoffError(f"{name}: folds are made of original images, not of graded versions: leave out --folds")
    return [f"{base}{msgspec.structs.replace(splits, fold=fold)}" for fold in range(1, splits.folds + 1)]


def hash_folds(content_hash: str, fold: int, folds: int) -> str:
    """Return the content hash of a fold: those of all folds of the same images begin with the same 56 digits."""
    return f"{digest([content_hash, VERSION, 'folds'])[:56]}{fold:04x}{folds:04x}"


def name_version(name: str, **changes: Any) -> str:
    """Return the name of a version with other splits; `changes` are fields of `Resplit`, empty ones change nothing.

    Groups by a column of a table are an option of the table: `csv:plants.csv?group=plant`.
    """
    changed = {field: value for field, value in changes.items() if value}
    if not changed:
        return name
    own, grades = split_name(name)
    base, splits = read_resplit(own)
    from bakeoff.data.listed import group_by_column

    if "groups" in changed and (by_column := group_by_column(base, changed["groups"])):
        base = by_column
        del changed["groups"]
    return join_name(f"{base}{msgspec.structs.replace(splits, **changed)}", grades)


class PooledImages(DerivedImages):
    """Some images of several splits, copied together."""

    def __init__(self, sources: Sequence[Images], rows: np.ndarray, groups: Sequence[str], fold_of: str = "") -> None:
        labels = np.concatenate([images.labels for images in sources])[rows]
        own = [groups[i] for i in rows] if groups else ()
        super().__init__(labels, own, sources=tuple(sources), rows=rows, fold_of=fold_of)

    sources: tuple[Images, ...]
    """The pool."""
    rows: np.ndarray
    """(N,) places in the pool: the images of all sources are numbered one after the other."""
    fold_of: str
    """Content hash of the data set whose folds have the same pool; empty if there are no folds."""

    def compute(self) -> np.ndarray:
        """Return the images at `rows`."""
        return self.gather(self.rows)

    def gather(self, places: np.ndarray) -> np.ndarray:
        """Return the images at these places in the pool, (n, C, H, W) uint8."""
        whole = [source.images for source in self.sources]
        made = np.empty((len(places), *whole[0].shape[1:]), np.uint8)
        start = 0
        for images in whole:
            own = (places >= start) & (places < start + len(images))
            made[own] = images[places[own] - start]
            start += len(images)
        return made

    def pool_size(self) -> int:
        """Return how many images the pool has."""
        return sum(map(len, self.sources))


def resplit(dataset: Dataset, wanted: Resplit, hashes: Hashes | None = None) -> Dataset:
    """Return a data set with its splits redrawn.

    With groups, test images that bakeoff set aside are chosen again: a fifth of the images, stratified, that share no
    group with the training images; the data set's own test split is not changed. Of `folds` folds, which together
    contain every image once, one becomes the test images. Copies of an image stay together like a group.

    Args:
        dataset: any data set.
        wanted: how its splits are redrawn.
        hashes: of the files' contents, to find copies; without it, pixels are compared.

    Raises:
        BakeoffError: groups cannot be determined, or are too few.
    """
    if wanted.groups:
        dataset = _with_groups(dataset, wanted.groups)
        if dataset.made_test:
            dataset = _divide(dataset, ("train", "test"), TEST_SHARES, 1, hashes)
    if wanted.folds:
        content_hash = hash_folds(dataset.info.content_hash, wanted.fold, wanted.folds)
        pooled, shares, fold_of = tuple(dataset.splits()), (1,) * wanted.folds, dataset.info.content_hash
        dataset = _divide(dataset, pooled, shares, wanted.fold - 1, hashes, fold_of)
        dataset = replace(dataset, info=msgspec.structs.replace(dataset.info, content_hash=content_hash))
    return replace(dataset, info=msgspec.structs.replace(dataset.info, name=f"{dataset.info.name}{wanted}"))


def _with_groups(dataset: Dataset, groups: str) -> Dataset:
    """Return a data set with the groups of its images, which are part of its content."""
    found = _find_groups(dataset, groups)
    content = [dataset.info.content_hash, VERSION, "groups", found]
    return replace(
        dataset,
        info=msgspec.structs.replace(dataset.info, content_hash=digest(content)),
        train=replace(dataset.train, groups=found["train"]),
        validation=dataset.validation and replace(dataset.validation, groups=found["validation"]),
        test=replace(dataset.test, groups=found["test"]),
    )


def _find_groups(dataset: Dataset, groups: str) -> dict[str, tuple[str, ...]]:
    """Return the group of every image, split by split.

    Raises:
        BakeoffError: the data set has no file names, or the groups cannot be read from them.
    """
    files = {name: file_names(dataset, name) for name in dataset.splits()}
    if not all(files.values()):
        raise BakeoffError(f"{dataset.info.name} has no file names, in which --groups {groups} could find groups")
    return read_groups(groups, files)


def _divide(
    dataset: Dataset,
    pooled: Sequence[str],
    shares: Sequence[int],
    test: int,
    hashes: Hashes | None,
    fold_of: str = "",
) -> Dataset:
    """Return a data set whose `pooled` splits are divided again; part `test` becomes the test split, or all for -1.

    Raises:
        BakeoffError: there are too few groups, or a class would have no training images.
    """
    splits = [dataset.splits()[name] for name in pooled]
    names = [name for split in pooled for name in file_names(dataset, split)]
    labels = np.concatenate([images.labels for images in splits])
    if hashes and names:
        known = hashes()
        together = number_values(known[name] for name in names)
    else:
        together = first_occurrences(*(images.images for images in splits))
    groups = tuple(chain.from_iterable(images.groups or ("",) * len(images) for images in splits))
    if (numbers := number_groups(groups)) is not None:
        together = join_groups(numbers, together)
    else:
        groups = ()
    parts_of = divide(labels, together, shares, 0, grouped=bool(groups))
    is_test = parts_of == test
    lacking = set(np.unique(labels).tolist()) - set(np.unique(labels[~is_test]).tolist())
    if lacking:
        name = dataset.info.classes[min(lacking)]
        raise BakeoffError(
            f"class {name!r} would have no training images: its images are all in one group, or copies of one image"
        )
    rows = {"train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)}
    if test < 0:  # all folds, one after the other
        rows = {"train": np.arange(len(labels)), "test": np.argsort(parts_of, kind="stable")}
    parts = {name: PooledImages(splits, own, groups, fold_of) for name, own in rows.items()}
    validation = None if "validation" in pooled else dataset.validation
    counts = {"train_images": len(rows["train"]), "test_images": len(rows["test"])}
    files = {name: tuple(names[i] for i in own) for name, own in rows.items()} if names else {}
    if validation is not None:
        files |= {"validation": file_names(dataset, "validation")}
    return replace(
        dataset,
        info=msgspec.structs.replace(dataset.info, **counts, validation_images=len(validation or ())),
        train=parts["train"],
        validation=validation,
        test=parts["test"],
        pack=None,  # its files are by split
        files=files,
        made_test=True,
    )
