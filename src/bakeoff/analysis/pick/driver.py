"""Holds a contest: runs promising trainings until the budget ends, then evaluates the best on the test images."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from bakeoff.analysis.pick.candidates import Lineup
from bakeoff.analysis.pick.contest import (
    MARGIN,
    ContestState,
    StepResult,
    TrainingStep,
    drop_hopeless,
    estimate_beliefs,
    next_step,
)
from bakeoff.analysis.pick.moment import Moment
from bakeoff.analysis.pick.stages import ENDINGS, failure_of, train_in_stages, trained_step
from bakeoff.execution.execute import Event, execute
from bakeoff.execution.worker import Placement
from bakeoff.spec.records import Epoch, Failure, Result
from bakeoff.spec.run import Run
from bakeoff.store.store import Store

FINALISTS = 4
"""At most this many candidates are evaluated on the test images."""
FINALIST_CHANCE = 0.05
"""Candidates with at least this probability of being the best or equivalent are evaluated on the test images."""
FINISH_SECONDS = 5.0
"""Seconds that the end takes besides evaluating: starting workers and measuring costs."""
GRACE_SECONDS = 20.0
"""The budget may be exceeded by this much until one training has ended: without any there is no answer."""


@dataclass
class Contest:
    """A contest that is being held."""

    lineup: Lineup
    store: Store
    placement: Placement
    budget: float
    """Seconds, including the evaluation on the test images."""
    reserved: float = 0.0
    """Seconds of the command's budget for what comes after that."""
    margin: float = MARGIN
    target: float | None = None
    """An accuracy on the validation images that is enough, a fraction."""
    clock: Callable[[], float] = time.monotonic
    started: float = field(default=0.0)
    state: ContestState = field(init=False)
    is_interrupted: bool = field(default=False, init=False)
    """The user has stopped it."""
    moments: list[Moment] = field(default_factory=list, init=False)
    """What happened in this command, in seconds since it began."""
    spent: dict[int, float] = field(default_factory=dict, init=False)
    """Number of a candidate → seconds of its finished trainings, in this command and earlier ones."""
    _setup: float = field(init=False)
    """Seconds that the command took before the contest."""
    _steps: dict[str, TrainingStep] = field(init=False)
    _started_at: dict[str, float] = field(default_factory=dict, init=False)
    _evaluation: dict[int, float] = field(default_factory=dict, init=False)
    """Number of a candidate → seconds to evaluate one image."""

    def __post_init__(self) -> None:
        now = self.clock()
        self.started = self.started or now
        self._setup = now - self.started
        candidates = tuple(entry.candidate for entry in self.lineup.entries)
        self.state = ContestState(candidates, margin=self.margin, guessing=self.lineup.guessing)
        self._steps = self.lineup.steps
        for result in self.store.results(self._steps):
            self._add(result)
        self.state = drop_hopeless(self.state)

    @property
    def seconds_left(self) -> float:
        """How long trainings may still run so that the evaluation fits into the budget."""
        grace = 0.0 if self.state.trained else GRACE_SECONDS
        return self.started + self.budget + grace - self.clock() - self.finish_seconds()

    @property
    def whole_budget(self) -> float:
        """Seconds that the command may take."""
        return self.budget + self.reserved

    @property
    def seconds_when_repeated(self) -> float:
        """How long trainings may run if the same command is given again."""
        return self.budget - self._setup - self.finish_seconds()

    @property
    def missing_seconds(self) -> float:
        """Estimate by how much the budget is too short for a first training; 0 if it is not."""
        if self.state.trained or not self.state.in_contest:
            return 0.0
        candidates = self.state.candidates
        first = [TrainingStep(number, candidates[number].rungs[0], 0) for number in self.state.in_contest]
        return max(0.0, min(map(self.state.seconds, first)) - self.seconds_left)

    def finish_seconds(self) -> float:
        """Estimate how long evaluating the finalists takes."""
        per_image = max((self._evaluation.get(number, 0.0) for number in self.finalists()), default=0.0)
        images = self.lineup.plan.info(self.lineup.entries[0].run.data_hash).test_images
        return FINISH_SECONDS + FINALISTS * per_image * images / max(1, min(self.placement.workers, FINALISTS))

    def events(self) -> Generator[Event, None, None]:
        """Train until the budget ends or no training would help, and yield what happens; `state` is updated."""
        yield from train_in_stages(
            self._next_run,
            lambda: bool(self.state.running),
            self._observe,
            lambda: self.seconds_left,
            (self.lineup.plan, self.store, self.placement),
        )

    def finish(self, more: Sequence[Run] = ()) -> Generator[Event, None, None]:
        """Evaluate the finalists' longest trainings, and `more`, on the test images, once each."""
        runs = [*(run for number in self.finalists() for run in self.longest_runs(number)), *more]
        yield from execute(replace(self.lineup.plan, runs=tuple(runs)), self.store, self.placement)

    def step_of(self, run_id: str) -> TrainingStep:
        """Return the training that a run is."""
        return self._steps[run_id]

    def finalists(self) -> list[int]:
        """Return the candidates to evaluate on the test images, the winner first."""
        beliefs, leader = estimate_beliefs(self.state), self.leader()
        if leader is None:
            return []
        others = [
            number
            for number in sorted(self.state.tried, key=lambda number: -beliefs.equivalent[number])
            if number != leader and beliefs.equivalent[number] >= FINALIST_CHANCE
        ]
        return [leader, *others[: FINALISTS - 1]]

    def leader(self) -> int | None:
        """Return the candidate that wins as things stand; None before any training has ended.

        That is the one with the least expected error, unless one has reached the target.
        """
        if reached := self.on_target():
            return min(reached, key=lambda one: one.error).step.candidate
        return estimate_beliefs(self.state).leader

    def on_target(self) -> list[StepResult]:
        """Return the trainings that have reached the target."""
        return [one for one in self.state.trained if self.target is not None and 1 - one.error >= self.target]

    def longest_runs(self, number: int) -> list[Run]:
        """Return the runs of a candidate's longest trainings, one for each seed."""
        longest = self.state.longest(number)
        steps = [one.step for one in self.state.trained if one.step.candidate == number]
        return [self.lineup.run_of(step) for step in sorted(steps) if step.epochs == longest]

    def _next_run(self) -> Run | None:
        """Return the run to train next; None if it is better to wait, or at the end."""
        step = None if self.on_target() else next_step(self.state, self.seconds_left)
        if step is None:
            return None
        self.state = self.state.started(step)
        return self.lineup.run_of(step)

    def _observe(self, event: Event) -> None:
        step = self._steps[event.run.id]
        if event.kind == "started":
            self._started_at[event.run.id] = self.clock()
        match event.content:
            case Epoch():
                self._time(step.candidate, event.content)
            case Failure():
                self.state = self.state.without(step.candidate, f"failed: {event.content.message}")
                self._note(step, "failed", event.content.message)
        if event.kind in ENDINGS:
            self.state = self.state.ended(step)
            seconds = self.clock() - self._started_at.pop(event.run.id, self.clock())
            self.spent[step.candidate] = self.spent.get(step.candidate, 0.0) + seconds
        if event.kind == "trained":
            for result in self.store.results([event.run.id]):
                self._add(result)
            self._note(step)
            before = self.state.dropped
            self.state = drop_hopeless(self.state)
            for number in self.state.dropped.keys() - before.keys():
                self._note(TrainingStep(number, 0, 0), "left", self.state.dropped[number])

    def _note(self, step: TrainingStep, kind: str = "trained", why: str = "") -> None:
        """Record what happened, with the beliefs after it."""
        names = [candidate.name for candidate in self.state.candidates]
        error = next((one.error for one in self.state.trained if one.step == step), None)
        beliefs = estimate_beliefs(self.state)
        self.moments.append(
            Moment(
                self.clock() - self.started,
                kind,
                names[step.candidate],
                step.epochs,
                step.seed,
                None if error is None else 1 - error,
                why,
                {names[number]: float(beliefs.best[number]) for number in self.state.tried},
            )
        )

    def _time(self, candidate: int, epoch: Epoch) -> None:
        """Record how long an epoch took."""
        images = self.lineup.validation_images(candidate)
        seconds = epoch.train_seconds + epoch.evaluation_seconds
        self.state = self.state.timed(candidate, seconds)
        if images:
            self._evaluation[candidate] = epoch.evaluation_seconds / images

    def _add(self, result: Result) -> None:
        """Add a training to what is known, if all its epochs are done."""
        step = self._steps[result.id]
        if result.state == "failed":
            self.state = self.state.without(step.candidate, failure_of(result))
        self.state = self.state.learned(trained_step(step, result, self.lineup.validation_images(step.candidate)))
