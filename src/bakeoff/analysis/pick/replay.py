"""A contest on a virtual clock: what it would pick, given results that are already known. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bakeoff.analysis.pick.contest import ContestState, StepResult, TrainingStep, drop_hopeless, next_step


@dataclass(frozen=True)
class Replayed:
    """How a replayed contest ended."""

    state: ContestState
    seconds: float
    """When the last training ended."""
    worker_seconds: float
    """The sum over all its trainings."""


def replay(
    state: ContestState,
    result_of: Callable[[TrainingStep], StepResult],
    budget: float,
    workers: int = 1,
    *,
    measured: Mapping[int, float] | None = None,
) -> Replayed:
    """Hold a contest whose trainings end as `result_of` says.

    Args:
        state: the candidates, and what is known of them at the beginning.
        result_of: the result of a training.
        budget: seconds; no training is started that would not end within it.
        workers: how many trainings run at once.
        measured: number of a candidate → seconds of one of its epochs, which the contest knows once one of its
            trainings has ended; by default, trainings take as long as the state expects.
    """
    running: dict[TrainingStep, float] = {}
    now, spent = 0.0, 0.0
    while True:
        while len(running) < workers and (step := next_step(state, budget - now)):
            seconds = (replace(state, measured_seconds=measured) if measured else state).seconds(step)
            running[step], spent = now + seconds, spent + seconds
            state = state.started(step)
        if not running:
            return Replayed(state, now, spent)
        first = min(running, key=lambda step: running[step])
        now = running.pop(first)
        state = state.ended(first).learned(result_of(first))
        if measured:
            state = state.timed(first.candidate, measured[first.candidate])
        state = drop_hopeless(state)
