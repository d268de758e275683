"""The contest for the best network within a budget: what is known, and which training to run next.

Everything here is a function of what has been trained so far, so that a contest can be stopped, resumed, and replayed
from stored results. Candidates are judged by validation images only. No torch.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from bakeoff.stats.learning_curves import TrainingPoint, probability_of_best, sample_full_error
from bakeoff.text.formats import percent

RUNGS = (8, 4, 2, 1)
"""A candidate is trained for an eighth of its epochs first, then a quarter, a half and all."""
MARGIN = 0.005
"""Candidates whose accuracies differ by less are equivalent, unless another margin is asked for; a fraction."""
LEAST_CHANCE = 0.01
"""A candidate is dropped when its probability of being the best, or equivalent to it, is below this."""
MAX_SEEDS = 3
DRAWS = 1000
HOPE = 0.4
"""An untried candidate may have an error as low as this fraction of the leader's."""
SURPRISE = 0.7
"""Standard deviation of the logarithm of an error around the expectation from earlier results on other data sets."""


@dataclass(frozen=True)
class Candidate:
    """A network and the recipe that it is trained with."""

    name: str
    full_epochs: int
    """The length of a complete training."""
    epoch_seconds: float
    """An estimate, until an epoch has been measured."""
    cooldown: float = 0.0
    """Share of a training's epochs that a longer training cannot resume from."""
    start_seconds: float = 1.0
    """Seconds that a training takes besides its epochs."""
    expected: float | None = None
    """Logarithm of its error relative to the average candidate, from earlier results; only orders untried ones."""
    again: float = 1.0
    """Share of its epochs' seconds that another seed takes: below 1 if seeds share work, as probes share features."""

    @property
    def rungs(self) -> tuple[int, ...]:
        """The numbers of epochs that it is trained for in turn."""
        return tuple(sorted({math.ceil(self.full_epochs / part) for part in RUNGS}))

    def shared(self, epochs: int) -> int:
        """Return how many epochs of a training of this length a longer one resumes from."""
        return epochs - max(1, round(self.cooldown * epochs)) if self.cooldown else 0


@dataclass(frozen=True, order=True)
class TrainingStep:
    """A training of a candidate, given by its number, for some epochs with one seed."""

    candidate: int
    epochs: int
    seed: int


@dataclass(frozen=True)
class StepResult:
    """A finished training and its error on the validation images, a fraction."""

    step: TrainingStep
    error: float
    images: int


@dataclass(frozen=True)
class ContestState:
    """What is known in the middle of a contest."""

    candidates: tuple[Candidate, ...]
    trained: tuple[StepResult, ...] = ()
    running: tuple[TrainingStep, ...] = ()
    dropped: Mapping[int, str] = field(default_factory=dict)
    """Number of a dropped candidate → why."""
    measured_seconds: Mapping[int, float] = field(default_factory=dict)
    """Number of a candidate → seconds of one of its epochs."""
    margin: float = MARGIN
    guessing: float = 1.0
    """The error of always naming the most common class."""

    @property
    def in_contest(self) -> list[int]:
        """The numbers of the candidates that have not been dropped."""
        return [number for number in range(len(self.candidates)) if number not in self.dropped]

    @property
    def tried(self) -> list[int]:
        """The numbers of the candidates with a finished training, including dropped ones."""
        return sorted({one.step.candidate for one in self.trained})

    def started(self, step: TrainingStep) -> "ContestState":
        """Return the state with a training under way."""
        return replace(self, running=(*self.running, step))

    def ended(self, step: TrainingStep) -> "ContestState":
        """Return the state in which a training is no longer under way."""
        return replace(self, running=tuple(one for one in self.running if one != step))

    def learned(self, result: StepResult | None) -> "ContestState":
        """Return the state with the result of a training, if there is one and it was not known before."""
        if result is None or result.step in {one.step for one in self.trained}:
            return self
        return replace(self, trained=(*self.trained, result))

    def without(self, candidate: int, why: str) -> "ContestState":
        """Return the state after a candidate was dropped."""
        return replace(self, dropped={**self.dropped, candidate: why})

    def timed(self, candidate: int, seconds: float) -> "ContestState":
        """Return the state with the measured time of an epoch of a candidate."""
        return replace(self, measured_seconds={**self.measured_seconds, candidate: seconds})

    def points(self, candidate: int) -> list[TrainingPoint]:
        """Return the trainings of a candidate as points of its learning curve."""
        full = self.candidates[candidate].full_epochs
        return [
            TrainingPoint(one.step.epochs / full, one.error, one.images, one.step.seed)
            for one in self.trained
            if one.step.candidate == candidate
        ]

    def epoch_seconds(self, candidate: int) -> float:
        """Return the measured seconds of an epoch, or the estimate, corrected by how wrong the other estimates were."""
        if candidate in self.measured_seconds:
            return self.measured_seconds[candidate]
        ratios = [
            seconds / self.candidates[number].epoch_seconds
            for number, seconds in self.measured_seconds.items()
            if self.candidates[number].epoch_seconds > 0
        ]
        return self.candidates[candidate].epoch_seconds * (float(np.median(ratios)) if ratios else 1.0)

    def longest(self, candidate: int) -> int:
        """Return the epochs of a candidate's longest training; 0 if it has none."""
        return max((one.step.epochs for one in self.trained if one.step.candidate == candidate), default=0)

    def seconds(self, step: TrainingStep) -> float:
        """Return the seconds that a training takes if it resumes from the longest shorter one of its seed."""
        candidate = self.candidates[step.candidate]
        shorter = [
            candidate.shared(one.step.epochs)
            for one in self.trained
            if (one.step.candidate, one.step.seed) == (step.candidate, step.seed) and one.step.epochs < step.epochs
        ]
        epochs = step.epochs - max(shorter, default=0)
        others = any(one.step.candidate == step.candidate and one.step.seed != step.seed for one in self.trained)
        share = candidate.again if others else 1.0
        return candidate.start_seconds + share * epochs * self.epoch_seconds(step.candidate)


@dataclass(frozen=True)
class Beliefs:
    """Estimates for each candidate if it were trained to the end; arrays in the order of the candidates."""

    errors: np.ndarray
    """(candidates, draws): possible errors at full length given the learning curves, without the luck with validation
    images that all candidates share, as they are compared with each other; arbitrary for untried ones."""
    best: np.ndarray
    """(candidates,): the probability of being the best of those tried, 0 for others."""
    equivalent: np.ndarray
    """(candidates,): the probability of being the best of those tried or within the margin of it."""
    leader: int | None
    """The number of the candidate with the least expected error; None before any training has finished."""


def estimate_beliefs(state: ContestState) -> Beliefs:
    """Estimate each candidate's final error and its probability of being the best."""
    # This is called for every event, but only a finished training or a dropped candidate changes it.
    return _estimate(state.candidates, state.trained, frozenset(state.dropped), state.margin, state.guessing)


@lru_cache(maxsize=4)
def _estimate(
    candidates: tuple[Candidate, ...],
    trained: tuple[StepResult, ...],
    dropped: frozenset[int],
    margin: float,
    guessing: float,
) -> Beliefs:
    state = ContestState(candidates, trained, dropped=dict.fromkeys(dropped, ""), margin=margin)
    random = np.random.default_rng(0)
    count, tried = len(state.candidates), state.tried
    errors = np.ones((count, DRAWS))
    for number in tried:
        errors[number] = _full_errors(number, tuple(state.points(number)), guessing)
    best, equivalent = np.zeros(count), np.zeros(count)
    if not tried:
        return Beliefs(errors, best, equivalent, None)
    best[tried] = probability_of_best(errors[tried])
    equivalent[tried] = probability_of_best(errors[tried], state.margin)
    alive = [number for number in tried if number not in state.dropped] or tried
    leader = min(alive, key=lambda number: errors[number].mean())
    hopeful = HOPE * max(float(errors[leader].mean()), 1e-3)
    level = _level(state, errors)
    for number in set(range(count)) - set(tried):
        errors[number] = np.exp(random.uniform(math.log(hopeful), 0.0, DRAWS))
        if (expected := candidates[number].expected) is not None:
            # The other half ignores earlier results: they must not keep a candidate from being tried.
            half = DRAWS // 2
            errors[number, :half] = np.exp(random.normal(level + expected, SURPRISE, half)).clip(0, 1)
    return Beliefs(errors, best, equivalent, leader)


@lru_cache(maxsize=256)
def _full_errors(number: int, points: tuple[TrainingPoint, ...], guessing: float) -> np.ndarray:
    """Draw possible errors of a candidate at full length; most trainings change one candidate's only."""
    return sample_full_error(points, np.random.default_rng([number, 0]), DRAWS, guessing=guessing, compared=True)


def _level(state: ContestState, errors: np.ndarray) -> float:
    """Return the logarithm of the average candidate's error, from those that were tried and earlier results name."""
    known = [(n, e) for n in state.tried if (e := state.candidates[n].expected) is not None]
    logarithms = {number: math.log(max(1e-3, float(errors[number].mean()))) for number in state.tried}
    if not known:
        return float(np.mean(list(logarithms.values())))
    return float(np.mean([logarithms[number] - expected for number, expected in known]))


def drop_hopeless(state: ContestState) -> ContestState:
    """Return the state without the candidates that have almost no chance of being the best or equivalent to it."""
    beliefs = estimate_beliefs(state)
    hopeless = {
        number: f"chance of being the best or within {100 * state.margin:g} points of it: {percent(chance, 1)}"
        for number in state.tried
        if number not in state.dropped and (chance := float(beliefs.equivalent[number])) < LEAST_CHANCE
    }
    return replace(state, dropped={**state.dropped, **hopeless})


def next_step(state: ContestState, seconds_left: float) -> TrainingStep | None:
    """Return the training with the highest expected gain per second; None if there is none with a gain that fits.

    The gain of a training is how much it may lower the error of the network that is picked in the end. Enough time is
    kept to train the leader for its next number of epochs.
    """
    steps = [step for step in _possible_steps(state) if state.seconds(step) <= seconds_left]
    if not steps:
        return None
    beliefs = estimate_beliefs(state)
    if beliefs.leader is None:
        # The cheapest, but one that is expected to have half the error may cost twice as much.
        relative = {step: math.exp(state.candidates[step.candidate].expected or 0.0) for step in steps}
        return min(steps, key=lambda step: state.seconds(step) * relative[step])
    own = next((step for step in steps if step.candidate == beliefs.leader), None)
    for_leader = state.seconds(own) if own and state.longest(own.candidate) < own.epochs else 0.0
    worth = {
        step: _worth(step, beliefs, state) / state.seconds(step)
        for step in steps
        if step == own or state.seconds(step) + for_leader <= seconds_left
    }
    step = max(worth, key=lambda one: worth[one])
    return step if worth[step] > 0 else own


def _possible_steps(state: ContestState) -> Iterator[TrainingStep]:
    """Yield the next training of each candidate: more epochs with the first seed, then more seeds."""
    known = {one.step for one in state.trained} | set(state.running)
    busy = {step.candidate for step in state.running if step.seed == 0}
    for number in state.in_contest:
        candidate = state.candidates[number]
        if number in busy:
            continue
        longer = [TrainingStep(number, epochs, 0) for epochs in candidate.rungs if epochs > state.longest(number)]
        if longer:
            yield longer[0]
            continue
        seeds = (TrainingStep(number, candidate.full_epochs, seed) for seed in range(1, MAX_SEEDS))
        yield from [step for step in seeds if step not in known][:1]


def _worth(step: TrainingStep, beliefs: Beliefs, state: ContestState) -> float:
    """Return by how much the error may fall if this candidate turns out better, or the leader worse, than thought."""
    assert beliefs.leader is not None
    errors = beliefs.errors[step.candidate]
    if step.candidate != beliefs.leader:
        return float(np.maximum(0, beliefs.errors[beliefs.leader].mean() - errors).mean())
    others = [number for number in state.in_contest if number != beliefs.leader and number in state.tried]
    if not others:
        return 0.0
    return float(np.maximum(0, errors - min(beliefs.errors[number].mean() for number in others)).mean())
