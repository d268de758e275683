"""Training in stages until the time is up, as a contest and a search for a better recipe both do."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import msgspec

from bakeoff.analysis.pick.contest import StepResult, TrainingStep
from bakeoff.execution.execute import Event, execute_queue
from bakeoff.execution.plan import Plan
from bakeoff.execution.session import keep_own_networks
from bakeoff.execution.worker import Placement
from bakeoff.spec.records import Result
from bakeoff.spec.run import Run
from bakeoff.store.store import Store

ENDINGS = ("trained", "done", "failed", "lost", "elsewhere")
"""Kinds of events after which a training is not running any more."""


def train_in_stages(
    next_run: Callable[[], Run | None],
    is_running: Callable[[], bool],
    observe: Callable[[Event], None],
    seconds_left: Callable[[], float],
    where: tuple[Plan, Store, Placement],
) -> Generator[Event, None, None]:
    """Train one run after another without reading the test images, and yield what happens.

    Args:
        next_run: the run to train next, None if it is better to wait, or at the end.
        is_running: whether a run is being trained.
        observe: is called with every event before it is yielded.
        seconds_left: how long trainings may still run.
        where: the plan with the data of all runs, the store, and what they are trained on.
    """
    plan, store, placement = where
    keep_own_networks(plan, store.files)
    held = msgspec.structs.replace(placement, hold_test=True)
    with closing(execute_queue(_queue(next_run, is_running), plan, store, held)) as events:
        for event in events:
            observe(event)
            yield event
            if seconds_left() <= 0:  # unfinished trainings resume from their last epoch next time
                break


def _queue(next_run: Callable[[], Run | None], is_running: Callable[[], bool]) -> Iterator[Run | None]:
    """Yield the run to train next whenever a worker is idle, None while it is better to wait."""
    while (run := next_run()) is not None or is_running():
        yield run


def trained_step(step: TrainingStep, result: Result, images: int) -> StepResult | None:
    """Return the validation result of a training after its last epoch; None if it has not finished."""
    epochs = result.epochs
    if len(epochs) < step.epochs or epochs[-1].validation_accuracy is None:
        return None
    return StepResult(step, 1 - epochs[-1].validation_accuracy, images)


def failure_of(result: Result) -> str:
    """Say why a training failed."""
    return f"failed: {result.failure.message if result.failure else 'before'}"
