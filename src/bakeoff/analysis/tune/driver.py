"""Tunes a recipe for one network: trains proposals in stages until the budget ends, then confirms the best.

All choices are made on validation images; the test images are never read. Optuna makes the proposals; their learning
curves are extrapolated as in `bakeoff pick`. Earlier proposals are found in the store by their recipes, so the same
command continues.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from bakeoff.analysis.labels import with_epochs
from bakeoff.analysis.pick.candidates import Lineup, LineupEntry
from bakeoff.analysis.pick.contest import MAX_SEEDS, Beliefs, ContestState, TrainingStep, estimate_beliefs
from bakeoff.analysis.pick.stages import ENDINGS, failure_of, train_in_stages, trained_step
from bakeoff.analysis.tune.proposals import Tried, propose
from bakeoff.analysis.tune.space import Searched, tried_values
from bakeoff.execution.execute import Event
from bakeoff.execution.worker import Placement
from bakeoff.spec.overrides import change, difference, format_value
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.records import Epoch, Failure, Result
from bakeoff.spec.run import Run
from bakeoff.store.store import Store
from bakeoff.studies.recipe_file import TUNED, name_tuned
from bakeoff.studies.recipes import RECIPES
from bakeoff.text.formats import percent

LEAST_CHANCE = 0.1
"""A proposal is given up when the probability that it beats the best one is below this."""
CONFIRMATION_SHARE = 0.4
"""At most this share of the budget is reserved for training the best and the original values with further seeds."""
FINISH_SECONDS = 2.0
FEW = 3
"""Complete trainings in the shortest budget that is suggested."""
OWN = 0
"""The number of the trial with the recipe's own values."""


@dataclass
class Tuning:
    """A search in progress. Each trial is a candidate of its state, with the same number."""

    lineup: Lineup
    """The network alone, with the recipe that the search starts from."""
    space: tuple[Searched, ...]
    store: Store
    placement: Placement
    budget: float
    """Seconds."""
    clock: Callable[[], float] = time.monotonic
    started: float = field(default=0.0)
    state: ContestState = field(init=False)
    trials: list[dict[str, Any]] = field(default_factory=list, init=False)
    """The values of the searched fields of each trial, the original ones first."""
    is_confirming: bool = field(default=False, init=False)
    _steps: dict[str, TrainingStep] = field(default_factory=dict, init=False)
    _is_exhausted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.started = self.started or self.clock()
        self.state = ContestState((), guessing=self.lineup.guessing)
        self._add_trial(tried_values(self.recipe, self.space) or {})
        for values in self._values_in_store():
            if values not in self.trials:
                self._add_trial(values)
        for result in self.store.results(self._steps):
            self._add(result)
        self._give_up()

    @property
    def entry(self) -> LineupEntry:
        """The network and the complete training by the recipe that the search starts from."""
        return self.lineup.entries[0]

    @property
    def recipe(self) -> Recipe:
        """The recipe that the search starts from."""
        return self.entry.run.recipe

    @property
    def seconds_left(self) -> float:
        """How long trainings may still run."""
        return self.started + self.budget - self.clock() - FINISH_SECONDS

    @property
    def least_budget(self) -> float:
        """Estimate the least budget in which a few trials end; to be asked after a budget in which none did."""
        before = max(0.0, self.clock() - self.started)
        return (before + FINISH_SECONDS + FEW * self.full_seconds(OWN)) / (1 - CONFIRMATION_SHARE)

    @property
    def best(self) -> int:
        """The number of the completely trained trial with the lowest error with the first seed; 0 if there is none."""
        full = [one for one in self.state.trained if one.step.seed == 0 and one.step.epochs == self.recipe.epochs]
        return min(full, key=lambda one: (one.error, one.step.candidate)).step.candidate if full else OWN

    @property
    def further_seeds(self) -> int:
        """The number of seeds, not used in the search, with which the best and the original values are trained."""
        seconds = self.full_seconds(OWN)
        for seeds in range(MAX_SEEDS - 1, 0, -1):
            if 2 * seeds * seconds / min(self.placement.workers, 2 * seeds) <= CONFIRMATION_SHARE * self.budget:
                return seeds
        return 0

    def recipe_of(self, trial: int) -> Recipe:
        """Return the recipe of a trial, which has the name that the file of a tuned recipe gives it."""
        changed = change(self.recipe, self.trials[trial])
        if changed.key == self.recipe.key:
            return self.recipe
        name = name_tuned(*self.as_changes(changed), self.entry.run.net)
        return msgspec.structs.replace(changed, name=name)

    def as_changes(self, recipe: Recipe) -> tuple[str, dict[str, Any]]:
        """Return the name of a recipe of bakeoff or a package, and all changes to it."""
        base, run = self.lineup.plan.study.recipes[0], self.entry.run
        base = found["recipe"] if (found := TUNED.match(base)) else base
        if base not in RECIPES.builtin or "@" in base:
            base = "quick"
        return base, difference(RECIPES[base](run.net, self.lineup.plan.info(run.data_hash)), recipe)

    def run_of(self, step: TrainingStep) -> Run:
        """Return the run of a training."""
        recipe = with_epochs(self.recipe_of(step.candidate), step.epochs)
        return msgspec.structs.replace(self.entry.run, recipe=recipe, seed=self.entry.run.seed + step.seed)

    def step_of(self, run_id: str) -> TrainingStep:
        """Return the training that a run is."""
        return self._steps[run_id]

    def beliefs(self) -> Beliefs:
        """Return the beliefs about the trials, from the first seed alone."""
        first = tuple(one for one in self.state.trained if one.step.seed == 0)
        return estimate_beliefs(replace(self.state, trained=first))

    def events(self) -> Generator[Event, None, None]:
        """Train until the budget ends, and yield what happens; `state` follows."""
        yield from train_in_stages(
            self._next_run,
            lambda: bool(self.state.running),
            self._observe,
            lambda: self.seconds_left,
            (self.lineup.plan, self.store, self.placement),
        )

    def _next_run(self) -> Run | None:
        """Return the run to train next; None if it is better to wait, or at the end."""
        step = self._next_step()
        if step is None:
            return None
        self.state = self.state.started(step)
        return self.run_of(step)

    def _next_step(self) -> TrainingStep | None:
        """Return the next training: of a trial that continues, of a new one, or, at the end, with another seed."""
        if not self.is_confirming:
            left = self.seconds_left - self._confirmation_seconds()
            if step := self._longer(left) or self._new(left):
                return step
            if self.state.running:
                return None
            self.is_confirming = True
        return self._confirmation()

    def _longer(self, left: float) -> TrainingStep | None:
        """Return the next length of the first trial that can be trained to its end within the time."""
        busy = {step.candidate for step in self.state.running}
        for number in self.state.in_contest:
            longest = self.state.longest(number)
            more = [epochs for epochs in self.state.candidates[number].rungs if epochs > longest]
            if more and number not in busy and self._rest_seconds(number) <= left:
                return TrainingStep(number, more[0], 0)
        return None

    def _new(self, left: float) -> TrainingStep | None:
        """Return the first training of a new trial, if one can be trained to its end within the time."""
        if self._is_exhausted or self.full_seconds(OWN) > left:
            return None
        errors, tried = self.beliefs().errors, set(self.state.tried)
        known = [
            Tried(values, float(errors[number].mean()) if number in tried else 1.0 if number in failed else None)
            for failed in [{number for number, why in self.state.dropped.items() if why.startswith("failed")}]
            for number, values in enumerate(self.trials)
        ]
        values = propose(self.space, known)
        if values is None:
            self._is_exhausted = True
            return None
        return TrainingStep(self._add_trial(values), self.state.candidates[-1].rungs[0], 0)

    def _confirmation(self) -> TrainingStep | None:
        """Return the next training of the best or of the original values with a seed not used in the search."""
        if self.best == OWN:
            return None
        known = {one.step for one in self.state.trained} | set(self.state.running)
        for seed in range(1, self.further_seeds + 1):
            for number in (self.best, OWN):
                step = TrainingStep(number, self.recipe.epochs, seed)
                if (
                    step not in known
                    and number in self.state.in_contest
                    and self.state.seconds(step) <= self.seconds_left
                ):
                    return step
        return None

    def _confirmation_seconds(self) -> float:
        trainings = 2 * self.further_seeds
        return trainings * self.full_seconds(OWN) / max(1, min(self.placement.workers, trainings))

    def full_seconds(self, number: int) -> float:
        """Estimate the seconds of a complete training of a trial from its beginning."""
        return self.state.seconds(TrainingStep(number, self.recipe.epochs, MAX_SEEDS))

    def _rest_seconds(self, number: int) -> float:
        return self.state.seconds(TrainingStep(number, self.recipe.epochs, 0))

    def _add_trial(self, values: dict[str, Any]) -> int:
        """Add a trial, and return its number."""
        number = len(self.trials)
        self.trials.append(values)
        shown = ", ".join(f"{name.rpartition('.')[2]} {format_value(value, name)}" for name, value in values.items())
        name = f"trial {number}: {shown}" if number else "the recipe as it is"
        candidate = replace(self.entry.candidate, name=name)
        self.state = replace(self.state, candidates=(*self.state.candidates, candidate))
        steps = [TrainingStep(number, epochs, 0) for epochs in candidate.rungs]
        steps += [TrainingStep(number, candidate.full_epochs, seed) for seed in range(1, MAX_SEEDS)]
        self._steps |= {self.run_of(step).id: step for step in steps}
        return number

    def _values_in_store(self) -> Iterator[dict[str, Any]]:
        """Yield what was tried before, in the order of the store: recipes that differ only in searched fields."""
        own = self.entry.run
        for result in self.store.results():
            run = result.run
            if (run.net, run.weights, run.data_hash, run.seed) != (own.net, own.weights, own.data_hash, own.seed):
                continue
            if (values := tried_values(run.recipe, self.space)) is None:
                continue
            expected = msgspec.structs.replace(change(self.recipe, values), epochs=run.recipe.epochs)
            if expected.key == run.recipe.key and run.recipe.epochs in self.entry.candidate.rungs:
                yield values

    def _observe(self, event: Event) -> None:
        step = self._steps[event.run.id]
        match event.content:
            case Epoch():
                seconds = event.content.train_seconds + event.content.evaluation_seconds
                self.state = self.state.timed(step.candidate, seconds)
            case Failure():
                self.state = self.state.without(step.candidate, f"failed: {event.content.message}")
        if event.kind in ENDINGS:
            self.state = self.state.ended(step)
        if event.kind == "trained":
            for result in self.store.results([event.run.id]):
                self._add(result)
            self._give_up()

    def _add(self, result: Result) -> None:
        """Add a training to what is known, if all its epochs are done."""
        step = self._steps[result.id]
        if result.state == "failed" and step.candidate != OWN:
            self.state = self.state.without(step.candidate, failure_of(result))
        self.state = self.state.learned(trained_step(step, result, self.lineup.validation_images(0)))

    def _give_up(self) -> None:
        """Give up trials that have almost no chance of beating the best one; never the original values."""
        if not self.state.trained:
            return
        beliefs = self.beliefs()
        if beliefs.leader is None:
            return
        for number in set(self.state.tried) - set(self.state.dropped) - {OWN, beliefs.leader}:
            chance = float((beliefs.errors[number] < beliefs.errors[beliefs.leader]).mean())
            if chance < LEAST_CHANCE:
                why = f"beats the best one with a probability of {percent(chance, 0)}"
                self.state = self.state.without(number, why)
