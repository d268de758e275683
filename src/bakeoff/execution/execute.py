"""Executes a plan: claims runs, hands them to workers, records results in the store and yields events."""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from bakeoff.errors import BakeoffError
from bakeoff.execution.executors import Executor, open_executor
from bakeoff.execution.extend import Donors, share_checkpoint
from bakeoff.execution.order import Order
from bakeoff.execution.plan import Plan, make_record
from bakeoff.execution.publishing import (
    delete_files,
    delete_unneeded_checkpoint,
    publish_checkpoint,
    publish_weights,
)
from bakeoff.execution.worker import Message, Placement, Step, train_run
from bakeoff.spec.paths import delete_drafts
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome, Trained
from bakeoff.spec.run import Run
from bakeoff.store.claims import Claim, ClaimLost, draft_of, working
from bakeoff.store.store import Store

HEARTBEAT_SECONDS = 20.0

Kind: TypeAlias = Literal[
    "kept", "resumed", "failed-before", "unreadable", "elsewhere",
    "extended", "started", "step", "epoch", "trained", "done", "failed", "lost", "measured",
]  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happened to a run."""

    kind: Kind
    """kept: already done; resumed: will resume from the epoch in `content`; unreadable: damaged, or written by a newer
    version; elsewhere: claimed by another command; extended: resumes from a run of fewer epochs; trained: all epochs
    are done, the test images are not evaluated (`Placement.hold_test`); lost: another command took the run over because
    this one's heartbeat was too old. The other kinds say what they mean."""
    run: Run
    content: Step | Epoch | Trained | Outcome | Measured | Failure | None = None


EVENT_OF_STATE: dict[str, Kind] = {
    "done": "kept",
    "failed": "failed-before",
    "damaged": "unreadable",
    "newer": "unreadable",
}
"""Store state of a run that is not trained → the kind of its event."""

Recorder: TypeAlias = Callable[[Message, Run, Store, Claim], Event]
"""Records a worker's message about a run in the store, by the claim on the run."""


def execute(
    plan: Plan,
    store: Store,
    placement: Placement,
    *,
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
) -> Iterator[Event]:
    """Train the runs that the store does not have yet, and yield what happens to each run.

    Every epoch and result is in the store before its event is yielded. Close the iterator (or interrupt it) to stop:
    unfinished runs are released, and resume from their last epoch when the plan is executed again.

    Raises:
        BakeoffError: the store cannot be written, the disk is full, or workers cannot start.
    """
    ids = [run.id for run in plan.runs]
    with working() as owner:
        again = ids if restart else [run.id for run in store.unreadable(ids)] if retry_failed else []
        delete_files(store.files, store.forget(again, owner) if again else [])
        add_to_store(plan, store)
        if retry_failed:
            store.retry(ids)
        states = store.states(ids)
        yield from _skipped_events(plan.runs, states)
        for run in plan.runs:
            if states[run.id] == "done":
                delete_unneeded_checkpoint(run, store)
        waiting = [run for run in plan.runs if states[run.id] not in EVENT_OF_STATE]
        if not waiting:
            return
        begun = {result.id: result for result in store.results([run.id for run in waiting]) if result.epochs}
        resumed = [run for run in waiting if run.id in begun and begun[run.id].state == "waiting"]
        yield from (Event("resumed", run, begun[run.id].epochs[-1]) for run in resumed)
        known = Donors(store)
        donors = {} if restart else {run.id: donor for run in waiting if (donor := known.find(run))}
        with open_executor(placement, store.files, partial(train_run, draft=draft_of(owner))) as executor:
            dispatcher = Dispatcher(store, executor, owner, record, donors=donors, begun=begun.keys())
            order = Order(waiting, placement.workers)
            for event in dispatcher.run(order, fail_fast=fail_fast):
                if isinstance(event.content, Epoch):
                    order.note(event.run, event.content)
                yield event


def execute_queue(
    queue: Iterable[Run | None], plan: Plan, store: Store, placement: Placement
) -> Generator[Event, None, None]:
    """Train the runs of a queue on the data of a plan, and yield what happens to each run, as `execute` does.

    The queue is asked for the next run whenever a worker is idle; see `Dispatcher.run`.
    """
    add_to_store(replace(plan, runs=()), store)
    known = Donors(store)
    donors: dict[str, Path] = {}

    def added() -> Iterator[Run | None]:
        for run in queue:
            if run:
                store.add([run], [])
                if donor := known.find(run):
                    donors[run.id] = donor
                begun.update(result.id for result in store.results([run.id]) if result.epochs)
            yield run

    begun: set[str] = set()
    with (
        working() as owner,
        open_executor(placement, store.files, partial(train_run, draft=draft_of(owner))) as executor,
    ):
        for event in Dispatcher(store, executor, owner, record, donors=donors, begun=begun).run(added()):
            if event.kind in ("started", "done"):
                known.note(event.run, is_finished=event.kind == "done")
            yield event


def add_to_store(plan: Plan, store: Store) -> None:
    """Add runs and data sets to the store; search for duplicates only in data where that was not done before.

    Raises:
        BakeoffError: the store cannot be written.
    """
    sought = {"duplicates", "twins", "properties"}
    searched = {content for content, kept in store.datasets().items() if sought <= kept.facts.keys()}
    store.add(plan.runs, [make_record(d, search=content not in searched) for content, d in plan.data.items()])


def _skipped_events(runs: Iterable[Run], states: dict[str, str]) -> Iterator[Event]:
    return (Event(EVENT_OF_STATE[states[run.id]], run) for run in runs if states[run.id] in EVENT_OF_STATE)


@dataclass
class Dispatcher:
    """Claims runs one by one, submits them to the executor, and yields what happens to them."""

    store: Store
    executor: Executor
    owner: str
    """On whose behalf runs are claimed."""
    record: Recorder
    finished: bool = False
    """Claim runs that are finished, instead of runs to be trained."""
    donors: dict[str, Path] = field(default_factory=dict)
    """Run id → the checkpoint of a shorter run, from which it resumes."""
    begun: Collection[str] = ()
    """Ids of runs of which the store has epochs."""
    _submitted: dict[str, tuple[Run, Claim]] = field(default_factory=dict, init=False)
    _refused: list[Run] = field(default_factory=list, init=False)
    """Runs that could not be claimed."""
    _last_heartbeat: float = field(default_factory=time.monotonic, init=False)

    def run(self, waiting: Iterable[Run | None], *, fail_fast: bool = False) -> Iterator[Event]:
        """Process `waiting` in order; with `fail_fast`, stop at the first failure.

        `waiting` is asked for the next run whenever a worker is idle, so that it can decide by what has happened so
        far; None means that there is nothing to start before something else happens.
        """
        queue = iter(waiting)
        try:
            while True:
                yield from self._submit(queue)
                if not self.executor.running:
                    break
                for message in self.executor.messages(timeout=1.0):
                    event = self._handle(message, *self._submitted[message.run_id])
                    yield event
                    if event.kind == "failed" and fail_fast:
                        return
                yield from self._send_heartbeat()
        finally:
            with suppress(BakeoffError):  # what cannot be released is free once this process has ended
                self.store.release(self.owner)
        yield from self._refused_events()

    def _submit(self, queue: Iterator[Run | None]) -> Iterator[Event]:
        """Claim and start runs while workers are idle."""
        while self.executor.resources.idle and (run := next(queue, None)):
            claim = self.store.claim(run.id, self.owner, finished=self.finished)
            if claim is None:
                self._refused.append(run)
                continue
            if run.id in self.donors and share_checkpoint(self.store.files, self.donors[run.id], run.id):
                yield Event("extended", run)
            self._submitted[run.id] = run, claim
            self.executor.submit(run, begun=run.id in self.begun)
            yield Event("started", run)

    def _handle(self, message: Message, run: Run, claim: Claim) -> Event:
        try:
            return self.record(message, run, self.store, claim)
        except ClaimLost:
            return self._abandon(run)

    def _send_heartbeat(self) -> Iterator[Event]:
        """Renew the claims now and then, and abandon the runs whose claim is lost."""
        if time.monotonic() - self._last_heartbeat <= HEARTBEAT_SECONDS:
            return
        claimed = self.store.beat(self.owner)
        self._last_heartbeat = time.monotonic()
        for run in self.executor.running:
            if run.id not in claimed:
                yield self._abandon(run)

    def _abandon(self, run: Run) -> Event:
        """Stop training a run that another command has taken over."""
        self.executor.cancel(run.id)
        delete_drafts(self.store.files, run.id, draft_of(self.owner))
        return Event("lost", run)

    def _refused_events(self) -> Iterator[Event]:
        """Yield what became of the runs that another command had claimed."""
        known = {} if self.finished else self.store.states([run.id for run in self._refused])
        states = {run.id: known.get(run.id, "running") for run in self._refused}
        yield from _skipped_events(self._refused, states)
        yield from (Event("elsewhere", run) for run in self._refused if states[run.id] not in EVENT_OF_STATE)


def record(message: Message, run: Run, store: Store, claim: Claim) -> Event:
    """Record a worker's message in the store and return it as an event.

    Raises:
        ClaimLost: another command has taken the run over.
        BakeoffError: the disk is full.
    """
    match message.content:
        case Step():
            return Event("step", run, message.content)
        case Epoch():
            publish = partial(publish_checkpoint, message.content.epoch, run, store, claim.owner)
            store.record_epoch(claim, message.content, publish)
            return Event("epoch", run, message.content)
        case Trained():
            store.release(claim.owner, run.id)
            return Event("trained", run, message.content)
        case Outcome():
            publish = partial(publish_weights, run, store, claim.owner)
            store.finish(claim, message.content, message.environment, publish)
            delete_unneeded_checkpoint(run, store)
            return Event("done", run, message.content)
        case Measured():
            store.add_measures(claim, message.content.measures)
            return Event("measured", run, message.content)
        case Failure(kind="disk-full"):
            folder = store.files.parent.absolute()
            raise BakeoffError(f"{message.content.message}: free some space in {folder} and run the command again")
        case Failure():
            store.fail(claim, message.content, message.environment)
            return Event("failed", run, message.content)
