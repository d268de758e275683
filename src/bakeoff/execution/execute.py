"""From runs to results: a plan is carried out, and what happens is told; others draw it."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec.structs import replace

from bakeoff.errors import BakeoffError
from bakeoff.execution.executors.local import Pool
from bakeoff.execution.plan import Plan, record_of
from bakeoff.execution.worker import Message, Placement, Step, train
from bakeoff.spec.paths import checkpoint_path, delete_drafts, part_beside, weights_path
from bakeoff.spec.recipe import Constant, Plateau, Recipe, Steps
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome
from bakeoff.spec.run import Run
from bakeoff.store.claims import ClaimLost, draft_of, working
from bakeoff.store.store import Store

BEAT_SECONDS = 20.0

Kind: TypeAlias = Literal[
    "kept", "resumed", "failed-before", "unreadable", "elsewhere",
    "extended", "started", "step", "epoch", "done", "failed", "lost", "measured",
]  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happened to a run."""

    kind: Kind
    """resumed: it will go on from the epoch in `content`; unreadable: it is damaged, or was written by a newer version;
    elsewhere: another command is at it; extended: it goes on from a finished run of fewer epochs; lost: another command
    took it over, as this one had not been heard of for long."""
    run: Run
    content: Step | Epoch | Outcome | Measured | Failure | None = None


BEFORE: dict[str, Kind] = {"done": "kept", "failed": "failed-before", "damaged": "unreadable", "newer": "unreadable"}
"""State of a run for which there is nothing to train → the event that tells of it."""

Keep: TypeAlias = Callable[[Message, Run, Store, str], Event]
"""Puts what a worker said of a run into the store, in the name of the run's owner."""


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
    ids = [run.id for run in plan.runs]
    with working() as owner:
        again = ids if restart else [run.id for run in store.unreadable(ids)] if retry_failed else []
        delete_files(store.files, store.forget(again, owner) if again else [])
        searched = {c for c, r in store.datasets().items() if {"duplicates", "properties"} <= r.facts.keys()}
        store.add(plan.runs, [record_of(d, search=content not in searched) for content, d in plan.data.items()])
        if retry_failed:
            store.retry(ids)
        states = store.states(ids)
        yield from _told_before(plan.runs, states)
        for run in plan.runs:
            if states[run.id] == "done":
                _tidy(run, store)
        waiting = [run for run in plan.runs if states[run.id] not in BEFORE]
        if not waiting:
            return
        known = {result.id: result.epochs for result in store.results(ids) if result.state == "waiting"}
        yield from (Event("resumed", run, known[run.id][-1]) for run in waiting if known.get(run.id))
        shorter = {} if restart else _shorter(waiting, store)
        with Pool(placement, store.files, partial(train, draft=draft_of(owner))) as pool:
            yield from work_off(waiting, store, pool, owner, keep, shorter=shorter, fail_fast=fail_fast)


def _told_before(runs: Iterable[Run], states: dict[str, str]) -> Iterator[Event]:
    return (Event(BEFORE[states[run.id]], run) for run in runs if states[run.id] in BEFORE)


def work_off(
    waiting: Sequence[Run],
    store: Store,
    pool: Pool,
    owner: str,
    keep: Keep,
    *,
    finished: bool = False,
    shorter: dict[str, str] | None = None,
    fail_fast: bool = False,
) -> Iterator[Event]:
    """Claim runs one after the other, give them to the workers, and yield what happens to them.

    Args:
        waiting: the runs, in their order.
        store: where they are claimed.
        pool: the workers.
        owner: in whose name.
        keep: what is done with what is said of them.
        finished: they are not to be trained, but have been.
        shorter: a finished run that one may go on from, by id.
        fail_fast: stop at the first failure.
    """
    by_id, queue, others = {run.id: run for run in waiting}, iter(waiting), list[Run]()
    beat = time.monotonic()
    try:
        while True:
            while pool.idle and (run := next(queue, None)):
                if not store.claim(run.id, owner, finished=finished):
                    others.append(run)
                    continue
                if shorter and run.id in shorter and _share_checkpoint(store.files, shorter[run.id], run.id):
                    yield Event("extended", run)
                pool.submit(run)
                yield Event("started", run)
            if not pool.at_work:
                break
            for message in pool.messages(timeout=1.0):
                run = by_id[message.run_id]
                try:
                    event = keep(message, run, store, owner)
                except ClaimLost:
                    pool.dismiss(run.id)
                    delete_drafts(store.files, run.id, draft_of(owner))
                    event = Event("lost", run)
                yield event
                if event.kind == "failed" and fail_fast:
                    return
            if time.monotonic() - beat > BEAT_SECONDS:
                own = store.beat(owner)
                beat = time.monotonic()
                for run in pool.at_work:
                    if run.id not in own:
                        pool.dismiss(run.id)
                        delete_drafts(store.files, run.id, draft_of(owner))
                        yield Event("lost", run)
    finally:
        with suppress(BakeoffError):  # what cannot be given back is free once this process is gone
            store.release(owner)
    states = dict.fromkeys(by_id, "running") | ({} if finished else store.states([run.id for run in others]))
    yield from _told_before(others, states)
    yield from (Event("elsewhere", run) for run in others if states[run.id] not in BEFORE)


def keep(message: Message, run: Run, store: Store, owner: str) -> Event:
    """Put what a worker said into the store, then into an event.

    Raises:
        ClaimLost: another command has taken the run over.
        BakeoffError: the disk is full.
    """
    match message.content:
        case Step():
            return Event("step", run, message.content)
        case Epoch():
            store.record_epoch(run.id, message.content, owner, partial(_place, checkpoint_path, run, store, owner))
            return Event("epoch", run, message.content)
        case Outcome():
            place = partial(_place, weights_path, run, store, owner)
            store.finish(run.id, message.content, message.environment, owner, place)
            _tidy(run, store)
            return Event("done", run, message.content)
        case Measured():
            store.add_measures(run.id, message.content.measures, owner)
            return Event("measured", run, message.content)
        case Failure(kind="disk-full"):
            raise BakeoffError(f"{message.content.message}: make room at {store.files.parent.absolute()} and go on")
        case Failure():
            store.fail(run.id, message.content, message.environment, owner)
            return Event("failed", run, message.content)


def _place(path_of: Callable[..., Path], run: Run, store: Store, owner: str) -> None:
    """Let a file that a worker of `owner` has written count. Weights that it could not write are not those of others.

    Raises:
        BakeoffError: it cannot be moved.
    """
    draft, target = path_of(store.files, run.id, draft_of(owner)), path_of(store.files, run.id)
    try:
        draft.replace(target)
    except FileNotFoundError:  # of checkpoints, a later epoch's was there already when an earlier one was told
        if path_of is weights_path:
            target.unlink(missing_ok=True)
    except OSError as error:
        raise BakeoffError(f"cannot write {target}: {error.strerror or error}") from error


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
    beside = part_beside(target)
    try:
        os.link(source, beside)  # checkpoints are never changed in place: the two go their own ways
    except (OSError, AttributeError):  # not every disk and system has links
        shutil.copyfile(source, beside)
    beside.replace(target)
    return True


def delete_files(folder: Path, ids: Iterable[str]) -> None:
    """Remove the checkpoints and weights of runs."""
    for run_id in ids:
        delete_drafts(folder, run_id)
        checkpoint_path(folder, run_id).unlink(missing_ok=True)
        weights_path(folder, run_id).unlink(missing_ok=True)
