"""Image files listed in a table: `csv:FILE`, a CSV or Parquet file with paths and labels.

Files are only looked for below the folder of the table or the one given as `images`.
"""

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from bakeoff.data.columns import NAMES, Columns, choose_columns, split_of, usual_columns
from bakeoff.data.dataset import Progress
from bakeoff.data.file_index import FileIndex, Parts, paths_of, without_shared_folders
from bakeoff.data.file_names import display_path, natural_key
from bakeoff.data.named_folders import list_images
from bakeoff.data.source_name import CSV, HUB, NPZ, NPZ_OPTIONS, SourceName, parse_source
from bakeoff.data.table import TextColumns, read_table
from bakeoff.data.tree import File, Tree
from bakeoff.data.walk import Walk
from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.spec.values import digest
from bakeoff.text.formats import counted, listing

OTHER_TABLES = ("validation", "test")
"""Splits that may have a table of their own, beside the one for training."""
OPTIONS = (*NAMES, "images", *OTHER_TABLES)
MOST_MISSING = 0.5
"""Share of missing files from which the folder is taken to be the wrong one."""
MANY = 20
"""With at least this many images, …"""
MOST_CLASSES = 0.5
"""… more classes than this share of the images are taken for an error."""


@dataclass(frozen=True)
class ListedImage:
    """An image file in a row of a table."""

    value: str
    """The file as the table names it."""
    parts: Parts
    label: str
    split: str
    group: str


def parse_table_name(name: str) -> SourceName:
    """Parse "csv:FILE?options".

    Raises:
        BakeoffError: as `parse_source`.
    """
    return parse_source(name, OPTIONS)


def group_by_column(name: str, column: str) -> str | None:
    """Return the name of a data set with its images grouped by a column of its table; None if it has no such column.

    In archives and data sets from the hub, whose images have no file names, it always names a column or array.

    Raises:
        BakeoffError: a table has no such column, and `column` would find no groups in file names, either.
    """
    if name.startswith((HUB, NPZ)):
        from bakeoff.data.hub import parse_hub_name

        source = parse_hub_name(name) if name.startswith(HUB) else parse_source(name, NPZ_OPTIONS)
        return str(replace(source, options={**source.options, "group": column}))
    if not name.startswith(CSV):
        return None
    source = parse_table_name(name)
    columns = read_table(source.path).columns
    if column in columns:
        return str(replace(source, options={**source.options, "group": column}))
    if re.fullmatch(r"[\w -]*", column):  # as an expression, it would only match itself
        raise BakeoffError(f"{source.path.name} has no column {column!r} for --groups: {hint(column, columns)}")
    return None


def list_table(name: str, progress: Progress | None = None) -> Tree:
    """Return the images listed in the table `name`, "csv:FILE?options".

    Raises:
        BakeoffError: the table cannot be read or used, or most of its files are missing.
    """
    source = parse_table_name(name)
    table = read_table(source.path)
    root = _image_folder(source)
    others = _other_tables(source)
    walk, paths = list_images(root, [table, *others.values()], source.options.get("path"), progress)
    index = FileIndex(paths)
    _refuse_missing_header(table, index, source)
    columns = choose_columns(
        table, source, lambda values: sum(bool(index.find(parts)) for parts in paths_of(values)) / len(values)
    )
    rows = _rows(table, columns) + _other_rows(others, source, columns)
    if not any(index.find(row.parts) for row in rows):
        shorter = without_shared_folders([row.parts for row in rows])
        rows = [replace(row, parts=parts) for row, parts in zip(rows, shorter, strict=True)]
    matches = _match(rows, index, source, walk)
    files = _one_per_image(matches, source, walk)
    folders = {path.rpartition("/")[0] for path in files}
    if unlisted := sum(path.rpartition("/")[0] in folders for path in paths) - len(files):
        walk.skip(root, f"images that {_shown(source)} does not list: {unlisted}")
    classes = tuple(sorted({row.label for row in files.values() if row.split == "train"}, key=natural_key))
    numbers = {label: number for number, label in enumerate(classes)}
    return Tree(
        root=root,
        classes=classes,
        files=tuple(
            File(path, row.split, numbers[row.label], row.group)
            for path, row in sorted(files.items())
            if row.label in numbers
        ),
        skipped=tuple(walk.skipped),
        others=(),
        problems=tuple(_find_problems(files.values(), classes, columns, source)),
        has_splits=bool(columns.split or {*OTHER_TABLES} & source.options.keys()),
        nesting=None,
        fingerprint=digest(
            [
                name,
                [(row.value, row.label, row.split, row.group) for row in rows],
                walk.skipped,
                walk.states.hexdigest(),
            ]
        ),
        name=f"{source.kind}{_shown(source)}",
        shown=display_path(source.path),
        source=display_path(source.path.resolve()),
        reading=f"{columns}, images in {display_path(root / _shared_folder(list(files)))}",
    )


def _shared_folder(paths: Sequence[str]) -> str:
    """Return the folder that all files are in, relative to the root."""
    return os.path.commonpath([path.rpartition("/")[0] for path in paths]) if paths else ""


def _shown(source: SourceName) -> str:
    return display_path(source.path.name)


def _refuse_missing_header(table: TextColumns, index: FileIndex, source: SourceName) -> None:
    """Refuse a table whose first line has an image instead of the names of the columns.

    Raises:
        BakeoffError: it has.
    """
    usual = usual_columns(table.columns, NAMES["path"])
    names = [name for name in table.columns if name not in usual]
    if images := [name for name, parts in zip(names, paths_of(names), strict=True) if index.find(parts)]:
        example = ",".join("path" if name == images[0] else "label" for name in table.columns)
        raise BakeoffError(
            f"the first line of {_shown(source)} lists an image, {images[0]}, instead of the names of the columns: put "
            f"a line such as {example if len(table.columns) == 2 else 'path,label,…'} above it"
        )


def _image_folder(source: SourceName) -> Path:
    folder = source.path.parent / Path(source.options.get("images", "")).expanduser()
    if not folder.is_dir():
        raise BakeoffError(f"{display_path(folder)} is not a folder: give the one with the images of {_shown(source)}")
    return folder


def _rows(table: TextColumns, columns: Columns) -> list[ListedImage]:
    values = table.columns[columns.path]
    splits = [split_of(value) or "" for value in table.columns[columns.split]] if columns.split else ["train"]
    groups = table.columns[columns.group] if columns.group else [""]
    labels = [unicodedata.normalize("NFC", value) for value in table.columns[columns.label]]
    each = zip(values, paths_of(values), labels, cycle(splits), cycle(groups), strict=False)
    return [ListedImage(*row) for row in each]


def _other_tables(source: SourceName) -> dict[str, TextColumns]:
    """Return the tables for other splits.

    Raises:
        BakeoffError: one cannot be read.
    """
    files = {split: file for split in OTHER_TABLES if (file := source.options.get(split))}
    return {split: read_table(source.path.parent / Path(file).expanduser()) for split, file in files.items()}


def _other_rows(others: Mapping[str, TextColumns], source: SourceName, columns: Columns) -> list[ListedImage]:
    """Return the rows of the tables for other splits.

    Raises:
        BakeoffError: one lacks a column.
    """
    rows = []
    for split, table in others.items():
        needed = [name for name in (columns.path, columns.label, columns.group) if name]
        if lacking := [name for name in needed if name not in table.columns]:
            raise BakeoffError(
                f"{display_path(source.options[split])} has no column {lacking[0]!r}, as {_shown(source)} has: "
                "give it the same columns"
            )
        rows += [replace(row, split=split) for row in _rows(table, replace(columns, split=None))]
    return rows


def _match(
    rows: Sequence[ListedImage], index: FileIndex, source: SourceName, walk: Walk
) -> list[tuple[str, ListedImage]]:
    """Return the rows with their files; rows without a file or a label are skipped.

    Raises:
        BakeoffError: a name fits several files, or most files are missing.
    """
    kinds = {path.rpartition("/")[2]: reason for path, reason in walk.others}
    own_split = split_of(source.path.stem) or "train"
    missing = f"listed in {_shown(source)}, but missing"
    found, lost = [], []
    for row in rows:
        files = index.find(row.parts, own_split if row.split == "train" else row.split)
        if len(files) > 1:
            one, other = (display_path(path) for path in files[:2])
            raise BakeoffError(
                f"{row.value} in {_shown(source)} may be {one} or {other}: name the folder with the images, "
                f"e.g. {source.example(images=one.rpartition('/')[0])}"
            )
        if not files:
            lost.append(row.value)
            outside = bool(row.value) and not row.parts
            reason = "a path outside the folder of the images" if outside else kinds.get(row.value, missing)
            walk.skipped.append((row.value, reason if row.value else f"no file name in {_shown(source)}"))
        elif not row.label or not row.split:
            walk.skipped.append((row.value, f"no {'split' if row.label else 'label'} in {_shown(source)}"))
        else:
            found.append((files[0], row))
    if lost and all("://" in value for value in lost) and not found:
        raise BakeoffError(
            f"{_shown(source)} has addresses such as {lost[0]!r}: download the images, and list the files"
        )
    if len(lost) > MOST_MISSING * len(rows):
        raise BakeoffError(
            f"{len(lost):,} of {counted(len(rows), 'file')} listed in {_shown(source)} are not in "
            f"{display_path(walk.root)}, such as {lost[0]!r}: name the folder with the images and the column with "
            f"their names, e.g. {source.example(path='COLUMN', images='FOLDER')}"
        )
    return found


def _one_per_image(
    matches: Sequence[tuple[str, ListedImage]], source: SourceName, walk: Walk
) -> dict[str, ListedImage]:
    """Return the row of each file; rows that repeat another are skipped.

    Raises:
        BakeoffError: rows about the same file contradict each other.
    """
    rows: dict[str, ListedImage] = {}
    clashes: list[str] = []
    for path, row in matches:
        first = rows.setdefault(path, row)
        if first is row:
            continue
        for what in ("label", "split", "group"):
            one, other = getattr(first, what), getattr(row, what)
            if one != other:
                clashes.append(f"{row.value} with {what} {one!r} and with {other!r}")
        walk.skipped.append((row.value, f"listed more than once in {_shown(source)}"))
    if clashes:
        others = f" (and {len(clashes) - 1:,} more)" if len(clashes) > 1 else ""
        raise BakeoffError(
            f"{_shown(source)} lists {clashes[0]}{others}: keep one row per image, as networks here learn one class "
            "per image"
        )
    return rows


def _find_problems(
    files: Collection[ListedImage], classes: tuple[str, ...], columns: Columns, source: SourceName
) -> Iterator[str]:
    """Yield the reasons why the table cannot be used."""
    labels = {row.label for row in files}
    if len(files) >= MANY and len(labels) > MOST_CLASSES * len(files):
        yield (
            f"column {columns.label!r} has {len(labels):,} different values for {len(files):,} images, so it does not "
            f"look like classes: name another, e.g. {source.example(label='COLUMN')}"
        )
    splits = {row.split for row in files}
    if files and "train" not in splits:
        yield f"column {columns.split!r} has no image for train: found only {listing(sorted(splits))}"
    elif len(classes) < 2:
        yield f"all images have the same label, {''.join(classes)!r}: expected at least two classes"
    elif unknown := sorted(labels - set(classes), key=natural_key):
        yield (
            f"label{'s' if len(unknown) > 1 else ''} {listing(list(map(repr, unknown)))} "
            f"{'do' if len(unknown) > 1 else 'does'} not occur among the training images: remove these rows"
        )
