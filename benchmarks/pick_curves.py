"""Trains every candidate of benchmarks/pick.py to the end, and reads its curves from the store."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from pick_candidates import START_SECONDS, CpuMeter, epoch_seconds, lineup_of, steps_of

from bakeoff.analysis.pick.candidates import Lineup
from bakeoff.analysis.pick.contest import Candidate, ContestState, StepResult, TrainingStep
from bakeoff.execution import session
from bakeoff.execution.execute import Event, execute, execute_queue
from bakeoff.execution.options import RunOptions
from bakeoff.store.store import Store

Known = Mapping[TrainingStep, StepResult]


def train(arguments: argparse.Namespace) -> None:
    """Train every length of every candidate, each from the shorter one's checkpoint; then evaluate the full ones."""
    lineup = lineup_of(arguments)
    steps = [
        step
        for number, entry in enumerate(lineup.entries)
        for step in steps_of(entry.candidate, number, arguments.seeds)
    ]
    runs = {lineup.run_of(step).id: step for step in sorted(steps, key=_balanced)}
    how = RunOptions(command="benchmark", store=arguments.store, workers=arguments.workers, threads=1)
    placement = session.choose_placement(replace(lineup.plan, runs=tuple(map(lineup.run_of, runs.values()))), how)
    with Store(arguments.store, create=True) as store:
        known = {result.id for result in store.results(runs) if len(result.epochs) == result.run.recipe.epochs}
        queue = [lineup.run_of(step) for run_id, step in runs.items() if run_id not in known]
        held, meter = msgspec.structs.replace(placement, hold_test=True), CpuMeter(meter_path(arguments.store))
        for done, event in enumerate(_ended(execute_queue(iter(queue), lineup.plan, store, held)), 1):
            if placement.workers == 1 and placement.device == "cpu":
                meter.note(event.run.id)
            print(f"{done} of {len(queue)} trained: {event.run.net}, {event.run.recipe.epochs} epochs", flush=True)
        full = [step for step in steps if step.epochs == lineup.entries[step.candidate].candidate.full_epochs]
        finished = replace(lineup.plan, runs=tuple(map(lineup.run_of, full)))
        for done, event in enumerate(_ended(execute(finished, store, placement)), 1):
            print(f"{done} of {len(full)} evaluated: {event.run.net} {event.kind}", flush=True)


def meter_path(store: Path) -> Path:
    return store.with_suffix(".seconds.json")


def _balanced(step: TrainingStep) -> tuple[int, int, int]:
    return step.seed, step.candidate, step.epochs


def _ended(events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if event.kind in ("trained", "done", "failed"))


@dataclass(frozen=True)
class Curves:
    """Everything that a data set's candidates show, and what it costs."""

    candidates: tuple[Candidate, ...]
    known: Known
    seconds: dict[int, float]
    """Number of a candidate → seconds of an epoch."""
    tested: np.ndarray
    """(candidates,): mean test accuracy over the seeds."""
    validated: np.ndarray
    """(candidates,): the same on validation images."""
    test_images: int
    guessing: float
    """The error of always naming the most common class."""

    def choose(self, numbers: Sequence[int]) -> "Curves":
        """Return the curves of some of the candidates, numbered anew."""
        place = {number: new for new, number in enumerate(numbers)}
        return Curves(
            tuple(self.candidates[number] for number in numbers),
            {
                replace(step, candidate=place[step.candidate]): replace(
                    result, step=replace(step, candidate=place[step.candidate])
                )
                for step, result in self.known.items()
                if step.candidate in place
            },
            {place[number]: seconds for number, seconds in self.seconds.items() if number in place},
            self.tested[list(numbers)],
            self.validated[list(numbers)],
            self.test_images,
            self.guessing,
        )

    def regrets(self, pick: int) -> tuple[float, float]:
        """Return by how much the pick is worse than the best, on test images and on validation images."""
        tested, validated = (float(each.max() - each[pick]) for each in (self.tested, self.validated))
        return tested, validated

    def cost(self, seeds: int) -> float:
        """Return the seconds of training every candidate to the end with all seeds."""
        state = ContestState(self.candidates, measured_seconds=self.seconds)
        spent = 0.0
        for number, candidate in enumerate(self.candidates):
            for seed in range(seeds):
                step = TrainingStep(number, candidate.full_epochs, seed)
                spent += state.seconds(step)
                state = state.learned(StepResult(step, 1.0, 1))
        return spent


def read(lineup: Lineup, path: Path, seeds: int) -> Curves:
    with Store(path) as store:
        results = {result.id: result for result in store.results()}
    known: dict[TrainingStep, StepResult] = {}
    on_clock: dict[int, list[float]] = {}
    tested, validated = np.zeros((2, len(lineup.entries), seeds))
    images = 0
    for number, entry in enumerate(lineup.entries):
        for step in steps_of(entry.candidate, number, seeds):
            result = results[lineup.run_of(step).id]
            known[step] = StepResult(step, 1 - result.epochs[-1].validation_accuracy, lineup.validation_images(number))
            if step.epochs == entry.candidate.full_epochs:
                tested[number, step.seed] = result.measures["test_accuracy"]
                validated[number, step.seed] = result.epochs[-1].validation_accuracy
                images = int(result.measures["test_images"])
                each = [epoch.train_seconds + epoch.evaluation_seconds for epoch in result.epochs]
                on_clock.setdefault(number, []).append(float(np.median(each)))
    if spent := CpuMeter(meter_path(path)).read():
        candidates = tuple(replace(entry.candidate, start_seconds=START_SECONDS) for entry in lineup.entries)
        seconds = epoch_seconds(lineup, spent, seeds)
    else:
        candidates = tuple(entry.candidate for entry in lineup.entries)
        seconds = {number: float(np.median(each)) for number, each in on_clock.items()}
    return Curves(candidates, known, seconds, tested.mean(1), validated.mean(1), images, lineup.guessing)
