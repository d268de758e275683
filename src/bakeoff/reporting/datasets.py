"""The data sets on the page: which test images to show, their pictures, and duplicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.data import Dataset, file_names
from bakeoff.data.describe import Duplicates, find_duplicates
from bakeoff.data.resplit import read_resplit
from bakeoff.data.skipped import count_reasons, format_reasons
from bakeoff.data.twins import TwinPair, Twins, find_twins
from bakeoff.reporting.embedded import embed_images
from bakeoff.reporting.figures.pictures import (
    PIXELS,
    SIDE,
    Sheet,
    draw_sheet,
    find_images,
    similarity_map,
    thumbnail_size,
)
from bakeoff.reporting.model import Table
from bakeoff.spec.records import DataRecord
from bakeoff.text.formats import count, counted

MOST_LABELS = 60_000
"""Test images whose classes are on a page besides those that it holds."""
PAIRS = 6
"""Nearly identical pairs that are listed and shown."""


@dataclass(frozen=True)
class DatasetSection:
    """One data set on the page."""

    key: str
    """A short name for styles and scripts: d1, d2, …"""
    title: str
    note: str | None
    """Why there are no pictures; None if there are."""
    sheet: Sheet | None
    duplicates: tuple[str, ...]
    """Sentences about identical and nearly identical images."""
    pairs: str
    """A data: URI with pictures of pairs that are nearly identical; empty if there are none."""
    left_out: str
    """What the folder holds that was not used."""
    payload: dict[str, Any]
    """Input of the scripts."""
    tables: dict[str, dict[str, Any]]
    """Table key → what the scripts show of its networks."""


def collect_datasets(
    tables: Sequence[Table], *, pictures: bool = True, images: int | None = None
) -> list[DatasetSection]:
    """Return the data sets of `tables`, each once.

    Args:
        tables: of the page.
        pictures: look the images up on this machine.
        images: test images to hold of each data set; by default as many as make a page of about a megabyte.
    """
    groups: dict[str, list[Table]] = {}
    for table in tables:
        if table.record:
            groups.setdefault(table.record.content_hash, []).append(table)
    found = []
    for number, group in enumerate(groups.values(), start=1):
        run = group[0].lines[0].cell.results[0].run
        dataset = find_images(run, group[0].record) if pictures else "This page was built without pictures."
        found.append(_describe_dataset(f"d{number}", group, dataset, images, len(groups)))
    return found


def _describe_dataset(
    key: str, group: Sequence[Table], dataset: Dataset | str, images: int | None, sets: int
) -> DatasetSection:
    record = group[0].record
    assert record is not None, "tables without a record are in no group"
    labels, classes = record.test_labels, group[0].classes
    here = None if isinstance(dataset, str) else dataset
    width, height = thumbnail_size(here.test.images) if here else (0, 0)
    space = 0 if not here else images or PIXELS // sets // (width * height)
    held = embed_images(group, labels, len(classes), space, images, sets)
    sheet = draw_sheet(here.test.images, held.images[:space]) if here else None
    places = similarity_map(here.test.images, held.mapped) if here else None
    names = file_names(here, "test") if here else ()
    payload = {
        "key": key,
        "note": None if here else dataset,
        "sheet": sheet and {name: getattr(sheet, name) for name in ("columns", "rows", "width", "height", "count")},
        "images": held.images,
        "labels": labels[held.images].tolist(),
        "allLabels": _pack_labels(labels, len(classes), sets),
        "files": [names[image] for image in held.images] if names else None,
        "counts": _count_by_class(here, record, len(classes)),
        "examples": held.examples,
        "map": None if places is None else {"images": held.mapped, "places": places.round(3).tolist()},
    }
    duplicates = _describe_copies(here, record) if here else ()
    pairs = _draw_twins(here) if here else ""
    left_out = format_reasons(record.facts.get("left_out") or count_reasons(record.facts.get("skipped", ())))
    return DatasetSection(
        key, group[0].data, None if here else str(dataset), sheet, duplicates, pairs, left_out, payload, held.tables
    )


def _pack_labels(labels: np.ndarray, classes: int, sets: int) -> str | None:
    """Return all labels as a text, a digit to base 36 for each; None where that would be long or digits run out."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    if classes > len(digits) or len(labels) * sets > MOST_LABELS:
        return None
    return "".join(np.array(list(digits))[labels])


def _count_by_class(dataset: Dataset | None, record: DataRecord, classes: int) -> dict[str, list[int]]:
    """Return images per class by split; without the data, only those of the test split."""
    splits = {name: images.labels for name, images in dataset.splits().items()} if dataset else {}
    return {
        name: np.bincount(labels, minlength=classes).tolist()
        for name, labels in (splits or {"test": record.test_labels}).items()
    }


NAMES = {"train": "training", "validation": "validation", "test": "test"}


def _describe_copies(dataset: Dataset, record: DataRecord) -> tuple[str, ...]:
    """Describe identical and nearly identical images; of a cross-validation, how it divides the images."""
    _, splits = read_resplit(dataset.info.name)
    if splits.folds:
        conflicting = record.facts.get("twins", {}).get("conflicting", 0)
        return (
            f"All images are test images once, in one of {splits.folds} folds; in the others they are training images. "
            "Copies of an image are in one fold.",
            *_describe_conflicts(conflicting),
            *map(_describe_pair, _pairs_shown(dataset)),
        )
    return (*_describe_duplicates(find_duplicates(dataset)), *_describe_twins(find_twins(dataset)))


def _pairs_shown(dataset: Dataset) -> list[TwinPair]:
    """Return the worst pairs of nearly identical images; of a cross-validation, only those with different labels."""
    pairs = list(find_twins(dataset).examples)
    if read_resplit(dataset.info.name)[1].folds:  # all its images are in both splits
        pairs = [p for p in pairs if p.first.split == p.second.split == "train" and p.first.label != p.second.label]
    return pairs[:PAIRS]


def _draw_twins(dataset: Dataset) -> str:
    """Draw the pairs that are described, each side by side."""
    splits = dataset.splits()
    sides = [
        [splits[one.split].images[one.index] for one in (pair.first, pair.second)] for pair in _pairs_shown(dataset)
    ]
    if not sides:
        return ""
    sheet = draw_sheet(np.stack([np.concatenate(side, axis=2) for side in sides]), range(len(sides)), side=2 * SIDE)
    return sheet.uri if sheet else ""


def _describe_duplicates(found: Duplicates) -> Iterable[str]:
    """Describe identical images, worst first."""
    for pair, images in found.across.items():
        first, second = pair.split("-")
        if images:
            yield (
                f"{counted(images, f'{NAMES[second]} image')} "
                f"{'is' if images == 1 else 'are'} also among the {NAMES[first]} images, pixel for pixel: "
                "networks may have memorized them."
            )
    if found.conflicting:
        groups = "1 group of identical images has" if found.conflicting == 1 else ""
        yield f"{groups or f'{count(found.conflicting)} groups of identical images have'} different labels."
    for split, images in found.within.items():
        if images:
            yield f"{counted(images, f'{NAMES[split]} image')} repeat{'s' * (images == 1)} an earlier one."
    for group in found.examples[:5]:
        members = ", ".join(f"{p.file or f'image {p.index}'} ({p.label}, {NAMES[p.split]})" for p in group[:4])
        yield f"Identical: {members}{' and more' if len(group) > 4 else ''}."
    if not any((*found.within.values(), *found.across.values())):
        yield "No two images have exactly the same pixels, within a split or across splits."


def _describe_twins(found: Twins) -> Iterable[str]:
    """Describe images that are nearly the same in two splits or have two labels, those with two labels first."""
    for pair, images in found.across.items():
        first, second = pair.split("-")
        if images:
            yield (
                f"{counted(images, f'{NAMES[second]} image')} {'is' if images == 1 else 'are'} nearly the same as one "
                f"of the {NAMES[first]} images."
            )
    yield from _describe_conflicts(found.conflicting)
    yield from map(_describe_pair, found.examples[:PAIRS])


def _describe_conflicts(images: int) -> Iterable[str]:
    if images:
        yield (
            f"{counted(images, 'image is', 'images are')} nearly the same as one with another label: "
            "at most one of both labels is right."
        )


def _describe_pair(pair: TwinPair) -> str:
    return f"Nearly the same (correlation {pair.correlation:.3f}): {pair.first} and {pair.second}."
