"""Puts the folds of a data set together: the runs of one network and seed become one, tested on every image once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean
from typing import Any

import msgspec
import numpy as np

from bakeoff.data.graded import is_graded
from bakeoff.data.resplit import read_resplit
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import DataRecord, Epoch, Result
from bakeoff.spec.values import to_dict

JOIN = "+"
"""Between the ids of the runs that are put together."""


def split_ids(run_id: str) -> list[str]:
    """Return the ids of the runs behind the id of a result."""
    return run_id.split(JOIN)


def fold_of(name: str, content_hash: str) -> tuple[str, int, int] | None:
    """Return the content hash of all folds, the fold's number and how many there are; None for other data."""
    if is_graded(name) or len(content_hash) != 64:
        return None
    try:
        _, splits = read_resplit(name)
    except BakeoffError:
        return None
    if not splits.fold:
        return None
    return f"{content_hash[:56]}{0:04x}{splits.folds:04x}", splits.fold, splits.folds


def name_whole(name: str) -> str:
    """Return the name of all folds of the data set that a fold is of; other names stay."""
    try:
        base, splits = read_resplit(name)
    except BakeoffError:
        return name
    return f"{base}{msgspec.structs.replace(splits, fold=0)}" if splits.fold else name


def merge_results(results: Iterable[Result]) -> list[Result]:
    """Return results in which those of all folds are one, at the place of the first; others are unchanged."""
    places: dict[Any, int] = {}
    groups: list[list[Result]] = []
    for result in results:
        run = result.run
        found = None if result.parts else fold_of(run.data, run.data_hash)
        key = len(groups) if found is None else (found[0], run.net, run.weights, run.recipe.key, run.protocol, run.seed)
        if key not in places:
            places[key] = len(groups)
            groups.append([])
        groups[places[key]].append(result)
    return [_merge(group) for group in groups]


def _merge(group: list[Result]) -> Result:
    first = group[0]
    found = None if first.parts else fold_of(first.run.data, first.run.data_hash)
    if found is None:
        return first
    whole, _, folds = found
    parts = tuple(sorted(group, key=lambda result: result.run.data_hash))
    states = {result.state for result in parts}
    state = next((one for one in ("failed", "running", "waiting") if one in states), "done")
    done = state == "done" and len(parts) == folds
    return replace(
        parts[0],
        id=JOIN.join(result.id for result in parts),
        run=msgspec.structs.replace(first.run, data=name_whole(first.run.data), data_hash=whole),
        state="done" if done else "waiting" if state == "done" else state,
        epochs=_mean_epochs([result.epochs for result in parts]),
        measures=_mean_measures([result.measures for result in parts]) if done else {},
        failure=next((result.failure for result in parts if result.failure), None),
        data=first.data.replace(_fold_text(first.run.data), f"~folds={folds}"),
        parts=parts,
    )


def _fold_text(name: str) -> str:
    return f"~fold={name.rpartition('~fold=')[2]}"


def _mean_epochs(histories: list[tuple[Epoch, ...]]) -> tuple[Epoch, ...]:
    """Return the means of curves, as long as the shortest; None where a curve has None."""
    found = []
    for epochs in zip(*histories, strict=False):
        trees = [to_dict(epoch, full=True) for epoch in epochs]
        means = {name: _mean([tree[name] for tree in trees]) for name in trees[0]}
        means |= {"epoch": trees[0]["epoch"], "peak_memory_bytes": max(tree["peak_memory_bytes"] for tree in trees)}
        found.append(msgspec.convert(means, Epoch))
    return tuple(found)


def _mean(values: list[Any]) -> float | None:
    return None if None in values else fmean(values)


def _mean_measures(measures: list[dict[str, float]]) -> dict[str, float]:
    """Return means over folds: of test measures over the test images, of all others over the runs."""
    images = [own.get("test_images", 1.0) for own in measures]
    shared = [name for name in measures[0] if all(name in own for own in measures)]
    found = {
        name: fmean([own[name] for own in measures], images if name.startswith("test_") else None) for name in shared
    }
    if "test_images" in found:
        found["test_images"] = sum(images)
    return found | {name: measures[0][name] for name in ("epochs", "reported_epoch") if name in found}


def merge_records(records: Mapping[str, DataRecord]) -> dict[str, DataRecord]:
    """Return the records of all complete sets of folds: their test images are those of the folds, one after another."""
    families: dict[tuple[str, int], dict[int, DataRecord]] = defaultdict(dict)
    for content_hash, record in records.items():
        if found := fold_of(str(record.facts.get("name", "")), content_hash):
            families[found[0], found[2]][found[1]] = record
    return {
        whole: _merge_records(whole, [parts[fold] for fold in range(1, folds + 1)])
        for (whole, folds), parts in families.items()
        if len(parts) == folds
    }


def _merge_records(whole: str, parts: list[DataRecord]) -> DataRecord:
    labels = np.concatenate([part.test_labels for part in parts])
    starts = np.cumsum([0, *(len(part.test_labels) for part in parts)])
    name = str(parts[0].facts["name"])
    facts = parts[0].facts | {
        "name": name.replace(_fold_text(name), f"~folds={len(parts)}"),
        "content_hash": whole,
        "test_images": len(labels),
    }
    for fact in ("duplicates", "twins", "groups"):
        own = [part.facts.get(fact) for part in parts]
        if all(own):
            known = [at + start for one, start in zip(own, starts, strict=False) if one for at in one.get("known", ())]
            facts[fact] = parts[0].facts[fact] | {"known": list(map(int, known))}
    return DataRecord(whole, facts, labels)
