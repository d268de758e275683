"""The data sets of a page: which test images are worth showing, their pictures, and facts about the images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from bakeoff.data import Dataset, file_names
from bakeoff.data.describe import Duplicates, find_duplicates
from bakeoff.data.tree import count_reasons, tell_reasons
from bakeoff.reporting.figures.pictures import PIXELS, Sheet, draw_sheet, find, similarity_map
from bakeoff.reporting.model import Line, Table
from bakeoff.reporting.vote import KINDS, Shared, examples, gallery, shared
from bakeoff.spec.records import DataRecord
from bakeoff.text.formats import count, counted

EACH = 16
"""Images in a gallery, where there is room for that many."""
LISTED = 1500
"""Images in all galleries of a data set together: with many networks each has fewer."""
EXAMPLES = 200
"""Example images of a data set, shared out among its classes."""
MAPPED = 600
"""Test images on the map; fewer with very many networks, each of which brings a prediction for every one."""


@dataclass(frozen=True)
class Collection:
    """One data set on the page."""

    key: str
    """A short name for styles and scripts: d1, d2, …"""
    title: str
    note: str | None
    """Why there are no pictures."""
    sheet: Sheet | None
    leaks: tuple[str, ...]
    """What was found on identical images, in sentences."""
    left_out: str
    """What is in the folder and was not used, in words."""
    payload: dict[str, Any]
    """What the scripts draw from."""
    tables: dict[str, dict[str, Any]]
    """Table key → what is shown of its networks."""


def collect(tables: Sequence[Table], *, pictures: bool = True) -> list[Collection]:
    """Return the data sets of `tables`, each once; with `pictures` false nothing is looked for on this machine."""
    groups: dict[str, list[Table]] = {}
    for table in tables:
        if table.record:
            groups.setdefault(table.record.content_hash, []).append(table)
    found = []
    for number_, group in enumerate(groups.values(), start=1):
        run = group[0].lines[0].cell.results[0].run
        dataset = find(run, group[0].record) if pictures else "This page was made without pictures."
        found.append(_collection(f"d{number_}", group, dataset, PIXELS // len(groups)))
    return found


def _collection(key: str, group: Sequence[Table], dataset: Dataset | str, pixels: int) -> Collection:
    record = group[0].record
    assert record is not None, "tables without a record are in no group"
    labels, classes = record.test_labels, group[0].classes
    lines = sum(len(table.lines) for table in group)
    each = max(3, min(EACH, LISTED // (len(KINDS) * lines)))
    shown = {table.key: _table(table, labels, each) for table in group}
    samples = examples(labels, len(classes), EXAMPLES)
    mapped = _spread(len(labels), max(50, min(MAPPED, 60_000 // lines)))
    # The first in this order are the last to go without a picture.
    wanted = [*chain.from_iterable(samples), *chain.from_iterable(_images(table) for table in shown.values())]
    here = None if isinstance(dataset, str) else dataset
    sheet = draw_sheet(here.test.images, chain(wanted, mapped), pixels) if here else None
    places = similarity_map(here.test.images, mapped) if here else None
    listed = sorted({*wanted, *(mapped if places is not None else ())})
    names = file_names(here, "test") if here else ()
    payload = {
        "key": key,
        "note": None if here else dataset,
        "sheet": sheet
        and {
            "columns": sheet.columns,
            "rows": sheet.rows,
            "width": sheet.width,
            "height": sheet.height,
            "tiles": sheet.tiles,
        },
        "labels": {image: int(labels[image]) for image in listed},
        "files": {image: names[image] for image in listed} if names else {},
        "counts": _counts(here, record, len(classes)),
        "examples": samples,
        "map": None if places is None else {"images": mapped, "places": places.round(3).tolist()},
    }
    if places is not None:
        for table in group:
            for line in table.lines:
                if line.pooled:
                    shown[table.key]["lines"][line.label]["map"] = line.pooled.verdicts.predicted[mapped].tolist()
    leaks = tuple(_leaks(find_duplicates(here))) if here else ()
    left_out = tell_reasons(record.facts.get("left_out") or count_reasons(record.facts.get("skipped", ())))
    return Collection(key, group[0].data, None if here else str(dataset), sheet, leaks, left_out, payload, shown)


def _table(table: Table, labels: np.ndarray, each: int) -> dict[str, Any]:
    lines = [line for line in table.lines if line.pooled]
    verdicts = [line.pooled.verdicts for line in lines if line.pooled]
    both = shared(verdicts, labels, 2 * EACH)
    return {"shared": _shared(both), "lines": {line.label: _line(line, labels, each, both) for line in lines}}


def _shared(both: Shared) -> dict[str, Any]:
    return {
        "wrong": both.wrong,
        "allWrong": both.all_wrong,
        "disputed": both.disputed,
        "allDisputed": both.all_disputed,
    }


def _line(line: Line, labels: np.ndarray, each: int, both: Shared) -> dict[str, Any]:
    assert line.pooled is not None
    verdicts = line.pooled.verdicts

    def told(image: int) -> list[float]:
        return [
            image,
            int(verdicts.predicted[image]),
            round(float(verdicts.confidence[image]), 3),
            int(verdicts.right[image]),
        ]

    return {
        "seeds": verdicts.seeds,
        "right": int((verdicts.predicted == labels).sum()),
        **{kind: [told(image) for image in images] for kind, images in gallery(verdicts, labels, each).items()},
        "shared": {image: told(image)[1:] for image in dict.fromkeys([*both.wrong, *both.disputed])},
    }


def _images(table: dict[str, Any]) -> Iterable[int]:
    """Return the images of a table in the order of their claim to a picture."""
    yield from table["shared"]["wrong"]
    yield from table["shared"]["disputed"]
    for line in table["lines"].values():
        for kind in KINDS:
            yield from (image for image, *_ in line[kind])


def _spread(images: int, most: int) -> list[int]:
    return np.unique(np.linspace(0, images - 1, min(images, most)).astype(int)).tolist() if images else []


def _counts(dataset: Dataset | None, record: DataRecord, classes: int) -> dict[str, list[int]]:
    """Return images per class by split; without the data only the test split is known."""
    splits = {name: images.labels for name, images in dataset.splits().items()} if dataset else {}
    return {
        name: np.bincount(labels, minlength=classes).tolist()
        for name, labels in (splits or {"test": record.test_labels}).items()
    }


NAMES = {"train": "training", "validation": "validation", "test": "test"}


def _leaks(found: Duplicates) -> Iterable[str]:
    """Say what was found on identical images, worst first; near-duplicates are not looked for."""
    for pair, images in found.across.items():
        first, second = pair.split("-")
        if images:
            yield (
                f"{counted(images, f'{NAMES[second]} image')} "
                f"{'is' if images == 1 else 'are'} also among the {NAMES[first]} images, pixel for pixel: "
                "networks may have learned the answer by heart."
            )
    if found.conflicting:
        groups = "One group of identical images carries" if found.conflicting == 1 else ""
        yield f"{groups or f'{count(found.conflicting)} groups of identical images carry'} different labels."
    for split, images in found.within.items():
        if images:
            yield f"{counted(images, f'{NAMES[split]} image')} repeat{'s' * (images == 1)} an earlier one."
    for group in found.examples[:5]:
        told = ", ".join(f"{p.file or f'image {p.index}'} ({p.label}, {NAMES[p.split]})" for p in group[:4])
        yield f"Identical: {told}{' and more' if len(group) > 4 else ''}."
    if not any((*found.within.values(), *found.across.values())):
        yield "No two images have exactly the same pixels, within a split or across splits."
