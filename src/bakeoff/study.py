"""A study: from a grid to runs, and from runs to results. It yields what happens; others draw it."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from bakeoff import data as datasets
from bakeoff.data import Dataset, Progress
from bakeoff.data.describe import find_duplicates
from bakeoff.data.graded import split_name
from bakeoff.data.properties import properties
from bakeoff.data.tree import count_reasons
from bakeoff.errors import BakeoffError
from bakeoff.files import checkpoint_path, weights_path
from bakeoff.grid import Cell, Study
from bakeoff.lookup import unknown
from bakeoff.owners import this_process
from bakeoff.pool import Pool
from bakeoff.recipes import named_alike, recipe_for
from bakeoff.records import DataRecord, Epoch, Failure, Measured, Outcome
from bakeoff.rehearsal import try_out
from bakeoff.spec import Constant, DataInfo, Image, Plateau, Recipe, Run, Steps
from bakeoff.store import Store
from bakeoff.values import to_dict
from bakeoff.workers import Message, Placement, Step

BEAT_SECONDS = 20.0
SKIPPED = 100
"""Files left out of an image folder that a store names; it counts them all."""


@dataclass(frozen=True)
class Plan:
    """All runs of a study, checked: networks exist and fit the images, recipes make sense, data are there."""

    study: Study
    runs: tuple[Run, ...]
    data: dict[str, Dataset]
    """By content hash."""

    def records(self) -> list[DataRecord]:
        """Return what the store keeps of the data sets."""
        return [record_of(dataset) for dataset in self.data.values()]


@dataclass(frozen=True)
class Event:
    """Something that happened to a run."""

    kind: Literal[
        "kept", "failed-before", "elsewhere", "extended", "started", "step", "epoch", "done", "failed", "measured"
    ]
    """extended: it goes on from a finished run of fewer epochs."""
    run: Run
    content: Step | Epoch | Outcome | Measured | Failure | None = None


def plan(study: Study, progress: Progress | None = None) -> Plan:
    """Return the runs of a study, seeds outermost, so that an interrupted study is balanced.

    Raises:
        BakeoffError: whatever is wrong with the study that can be known before training.
    """
    from bakeoff import nets  # loads torch

    grid = _checked_grid(study)
    for cell in grid:
        nets.find_net(cell.net)
    loaded: dict[tuple[str, Image], Dataset] = {}
    facts: dict[str, DataInfo] = {}
    cells: list[tuple[Cell, DataInfo, Recipe]] = []
    places: list[tuple[str, str]] = []
    for cell in grid:
        used = study.used(cell.data)
        base, _ = split_name(used)
        for name in (base, used):
            if name not in facts:
                facts[name] = datasets.info(name, progress=progress)
        data = datasets.usual_name(used, facts[base])
        known = datasets.stand_in(facts[used], cell.data)
        recipe = recipe_for(cell, known)
        images = Image(recipe.image.size, recipe.image.fit)  # enlarging happens later: share what is loaded
        if (data, images) not in loaded:
            loaded[data, images] = datasets.load(data, images, progress)
        dataset = loaded[data, images]
        _check_recipe(recipe, dataset)
        assert dataset.info.shape is not None
        try_out(cell.net, recipe.image.shape(dataset.info.shape), len(dataset.info.classes), recipe)
        cells.append((cell, known, recipe))
        places.append((data, dataset.info.content_hash))
    seeds = range(study.first_seed, study.first_seed + study.seeds)
    runs: dict[str, Run] = {}
    recipes = named_alike(cells)
    for seed in seeds:
        for (cell, _, _), (data, data_hash), recipe in zip(cells, places, recipes, strict=True):
            run = Run(cell.net, data, data_hash, recipe, seed)
            runs.setdefault(run.id, run)  # a changed study may have made a variant the same as its cell
    return Plan(study, tuple(runs.values()), {dataset.info.content_hash: dataset for dataset in loaded.values()})


def _checked_grid(study: Study) -> list[Cell]:
    """Return the cells of a study that names networks and data, each once."""
    for name, values in {"nets": study.nets, "data": study.data}.items():
        if not values:
            raise BakeoffError(f"the study {study.name!r} names no {name}: add --{name}")
        if len(set(values)) < len(values):
            raise BakeoffError(f"the study {study.name!r} names the same {name} twice: {', '.join(values)}")
    for name in study.data_as:
        if name not in study.data:
            raise BakeoffError(unknown(f"data set of the study {study.name!r}", name, study.data))
    for dial in study.dials:
        dial.check()
    grid = study.grid()
    if not grid:
        raise BakeoffError(f"the study {study.name!r} leaves out these networks on {', '.join(study.data)}")
    return grid


def _check_recipe(recipe: Recipe, dataset: Dataset) -> None:
    """Say before training what the recipe asks for and the data set lacks."""
    from bakeoff.data.split import balanced_sample, cut_validation

    labels = dataset.train.labels
    if recipe.validation == "own" and dataset.validation is None:
        raise BakeoffError(f"{dataset.info.name} has no validation split of its own: add --set validation=0.1")
    if recipe.images_per_class is not None:
        labels = labels[balanced_sample(labels, recipe.images_per_class, 0)]
    if not isinstance(recipe.validation, str):
        cut_validation(labels, recipe.validation, 0)


def record_of(dataset: Dataset, *, search: bool = False) -> DataRecord:
    """Return what the store keeps of a data set: facts and test labels, so that results read without it.

    With `search`, all its images are compared, the facts say which are there twice and what the images are like.
    """
    facts = to_dict(dataset.info) | {
        "source": dataset.source,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "skipped": [list(item) for item in dataset.skipped[:SKIPPED]],
        "left_out": count_reasons(dataset.skipped),
    }
    if dataset.manifest:
        facts["manifest"] = dataset.manifest
    if search:
        found = to_dict(find_duplicates(dataset), full=True)
        facts["duplicates"] = {name: value for name, value in found.items() if name != "examples"}
        facts["properties"] = to_dict(properties(dataset), full=True)
    return DataRecord(dataset.info.content_hash, facts, dataset.test.labels)


def execute(
    plan: Plan,
    store: Store,
    placement: Placement,
    *,
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
) -> Iterator[Event]:
    """Run what the store does not have yet and yield what happens to each run.

    Every epoch and result is in the store before its event is yielded. Close the iterator (or interrupt it) to
    stop: unfinished runs are given back and go on from their last epoch when the plan is executed again.

    Raises:
        BakeoffError: the store cannot be written, the disk is full, workers cannot start.
    """
    owner = this_process()
    ids = [run.id for run in plan.runs]
    searched = {c for c, record in store.datasets().items() if {"duplicates", "properties"} <= record.facts.keys()}
    store.add(plan.runs, [record_of(d, search=content not in searched) for content, d in plan.data.items()])
    if restart:
        _delete_files(store, store.forget(ids, owner))
    if retry_failed:
        store.retry(ids)
    states = store.states(ids)
    for run in plan.runs:
        if states[run.id] in ("done", "failed"):
            yield Event("kept" if states[run.id] == "done" else "failed-before", run)
        if states[run.id] == "done":
            _tidy(run, store)
    waiting = [run for run in plan.runs if states[run.id] not in ("done", "failed")]
    if not waiting:
        return
    shorter = {} if restart else _shorter(waiting, store)
    with Pool(placement, store.files) as pool:
        try:
            yield from _work_off(waiting, shorter, store, pool, owner, fail_fast)
        finally:
            for run in pool.at_work:
                store.release(run.id, owner)


def _work_off(
    waiting: list[Run], shorter: dict[str, str], store: Store, pool: Pool, owner: str, fail_fast: bool
) -> Iterator[Event]:
    by_id = {run.id: run for run in waiting}
    queue = iter(waiting)
    beat = time.monotonic()
    while True:
        while pool.idle and (run := next(queue, None)):
            if store.claim(run.id, owner):
                if run.id in shorter and _share_checkpoint(store.files, shorter[run.id], run.id):
                    yield Event("extended", run)
                pool.submit(run)
                yield Event("started", run)
            else:
                yield Event("elsewhere", run)
        if not pool.at_work:
            return
        for message in pool.messages(timeout=1.0):
            event = keep(message, by_id[message.run_id], store)
            yield event
            if event.kind == "failed" and fail_fast:
                return
        if time.monotonic() - beat > BEAT_SECONDS:
            store.beat(owner)
            beat = time.monotonic()


def keep(message: Message, run: Run, store: Store) -> Event:
    """Put what a worker said into the store, then into an event."""
    match message.content:
        case Step():
            return Event("step", run, message.content)
        case Epoch():
            store.record_epoch(run.id, message.content)
            return Event("epoch", run, message.content)
        case Outcome():
            store.finish(run.id, message.content, message.environment)
            _tidy(run, store)
            return Event("done", run, message.content)
        case Measured():
            store.add_measures(run.id, message.content.measures)
            return Event("measured", run, message.content)
        case Failure(kind="disk-full"):
            raise BakeoffError(f"{message.content.message}: make room at {store.files.parent.absolute()} and go on")
        case Failure():
            store.fail(run.id, message.content, message.environment)
            return Event("failed", run, message.content)


def _tidy(run: Run, store: Store) -> None:
    """Remove the checkpoint of a finished run, unless more epochs could go on from it."""
    if not can_be_extended(run.recipe):
        checkpoint_path(store.files, run.id).unlink(missing_ok=True)


def can_be_extended(recipe: Recipe) -> bool:
    """Tell whether more epochs only add to a finished run: its schedule does not look at how many there will be."""
    return isinstance(recipe.schedule, Constant | Steps | Plateau)


def _shorter(waiting: Sequence[Run], store: Store) -> dict[str, str]:
    """Return, by the id of a waiting run, the finished run that needs the fewest epochs more to be it, if any."""
    longer = [run for run in waiting if can_be_extended(run.recipe)]
    finished: dict[tuple[str, str, int, int, str], list[Run]] = {}
    for run in store.finished() if longer else ():
        finished.setdefault(_without_epochs(run), []).append(run)
    found: dict[str, str] = {}
    for run in longer:
        donors = [d for d in finished.get(_without_epochs(run), ()) if d.recipe.epochs < run.recipe.epochs]
        if donors:
            found[run.id] = max(donors, key=lambda donor: donor.recipe.epochs).id
    return found


def _without_epochs(run: Run) -> tuple[str, str, int, int, str]:
    return run.net, run.data_hash, run.seed, run.protocol, replace(run.recipe, epochs=1).key


def _share_checkpoint(folder: Path, donor: str, run_id: str) -> bool:
    """Give a run the checkpoint of another, if that one has its still and the run has none."""
    source, target = checkpoint_path(folder, donor), checkpoint_path(folder, run_id)
    if not source.exists() or target.exists():
        return False
    beside = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        os.link(source, beside)  # checkpoints are never changed in place: the two go their own ways
    except OSError:
        shutil.copyfile(source, beside)
    beside.replace(target)
    return True


def _delete_files(store: Store, ids: Iterable[str]) -> None:
    for run_id in ids:
        checkpoint_path(store.files, run_id).unlink(missing_ok=True)
        weights_path(store.files, run_id).unlink(missing_ok=True)
