"""Holds the contests of benchmarks/pick.py on stored curves, and those of other methods on the same."""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pick_candidates import in_order, lineup_of
from pick_curves import Curves, Known, read

from bakeoff.analysis.pick.contest import ContestState, StepResult, TrainingStep, estimate_beliefs
from bakeoff.analysis.pick.replay import replay
from bakeoff.spec.run import derive_seed

SHARES = (0.1, 0.25, 0.5)
"""Budgets, as shares of what training every candidate to the end with all seeds costs."""
LEFT_OUT = 0.2
"""Share of the candidates that a repetition leaves out, at random, so that repetitions differ."""
ResultOf = Callable[[TrainingStep], StepResult]


@dataclass(frozen=True)
class Repetition:
    """How one method ended one time."""

    method: str
    share: float
    """Budget, as a share of the exhaustive cost."""
    spent: float
    """Share of the exhaustive cost that was spent."""
    regret: float
    """The best test accuracy minus that of the pick, both trained to the end, means over seeds."""
    regret_validation: float
    """The same of validation accuracy: minus that of what training everything to the end would choose."""
    stated: float | None = None
    """Probability of being the best of those tried, as `pick` states it."""
    is_best_tried: bool | None = None
    """Whether it is, by the test images."""
    is_best_tried_validation: bool | None = None
    """Whether it is, by the validation images of all seeds."""


@dataclass(frozen=True)
class DataResults:
    """All repetitions on one data set."""

    data: str
    settings: str
    seeds: int
    seconds: float
    """The exhaustive cost."""
    accuracies: dict[str, float]
    """Candidate → mean test accuracy over the seeds."""
    test_images: int
    validation_images: int
    repetitions: list[Repetition]


def shuffled(known: Known, seeds: int, random: np.random.Generator) -> ResultOf:
    """Return what trainings show if the seeds had come in another order, the same for all candidates.

    All candidates of one seed have the same validation images, in contests as well.
    """
    order = random.permutation(seeds)

    def result_of(step: TrainingStep) -> StepResult:
        return replace(known[replace(step, seed=int(order[step.seed]))], step=step)

    return result_of


def hold(curves: Curves, result_of: ResultOf, share: float, seeds: int, workers: int) -> Repetition:
    """Hold a contest; what its trainings take is known to it only afterwards, as in a real one."""
    cost, state = curves.cost(seeds), ContestState(curves.candidates, guessing=curves.guessing)
    ended = replay(state, result_of, share * cost / workers, workers, measured=curves.seconds)
    beliefs = estimate_beliefs(ended.state)
    pick = beliefs.leader if beliefs.leader is not None else 0
    tried = ended.state.tried or [pick]
    return Repetition(
        "pick",
        share,
        ended.worker_seconds / cost,
        *curves.regrets(pick),
        float(beliefs.best[pick]),
        bool(curves.tested[pick] == curves.tested[tried].max()),
        bool(curves.validated[pick] == curves.validated[tried].max()),
    )


def prune(
    method: str, curves: Curves, result_of: ResultOf, share: float, seeds: int, random: np.random.Generator
) -> Repetition:
    """Train candidates in a random order under a pruner of Optuna, and pick the best of those trained the longest."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if method == "hyperband":
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=8, reduction_factor=2)
    else:
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    name = f"replay {random.integers(1 << 30)}"  # from the name Hyperband draws the bracket of each trial
    study = optuna.create_study(study_name=name, pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    cost = curves.cost(seeds)
    state, spent = ContestState(curves.candidates, measured_seconds=curves.seconds), 0.0
    reached: dict[int, tuple[int, float]] = {}
    for number in map(int, random.permutation(len(curves.candidates))):
        trial, rungs = study.ask(), curves.candidates[number].rungs
        for rung, epochs in enumerate(rungs):
            step = TrainingStep(number, epochs, 0)
            if spent + state.seconds(step) > share * cost:
                break
            spent += state.seconds(step)
            trained = result_of(step)
            state = replace(state, trained=(*state.trained, trained))
            # Candidates whose training is complete sooner, such as a probe, have used all of their resource.
            resource = 8 if epochs == rungs[-1] else 2**rung
            reached[number] = (-resource, trained.error)
            trial.report(trained.error, resource)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, reached[number][1])
    pick = min(reached, key=lambda number: reached[number]) if reached else 0
    return Repetition(method, share, spent / cost, *curves.regrets(pick))


def replay_all(arguments: argparse.Namespace) -> DataResults:
    """Hold all contests on one data set."""
    name = Path(arguments.data.removeprefix("folder:")).name
    kind = "folder:" if arguments.data.startswith("folder:") else ""
    lineup = in_order(lineup_of(arguments), kind + name)
    curves, seeds = read(lineup, arguments.store, arguments.seeds), arguments.seeds
    count = len(curves.candidates)
    found: list[Repetition] = []
    for number in range(arguments.repetitions):
        random = np.random.default_rng(derive_seed(number, "replay", lineup.data))
        taking_part = sorted(map(int, random.permutation(count)[: count - math.floor(LEFT_OUT * count)]))
        some = curves.choose(taking_part)
        result_of = shuffled(some.known, seeds, random)
        found.append(Repetition("all", 1.0, 1.0, *some.regrets(int(some.validated.argmax()))))
        for share in SHARES:
            found.append(hold(some, result_of, share, seeds, arguments.workers))
            found += [prune(method, some, result_of, share, seeds, random) for method in ("halving", "hyperband")]
    settings = " ".join(
        ["--small"] * arguments.small
        + [f"--nets {arguments.nets}"] * bool(arguments.nets)
        + [f"--recipe {arguments.recipe}"] * bool(arguments.recipe)
        + [f"--set {text}" for text in arguments.set]
    )
    names = [candidate.name for candidate in curves.candidates]
    return DataResults(
        name,
        settings,
        seeds,
        curves.cost(seeds),
        {names[n]: float(curves.tested[n]) for n in np.argsort(-curves.tested)},
        curves.test_images,
        lineup.validation_images(0),
        found,
    )
