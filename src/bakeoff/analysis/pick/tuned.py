"""Tunes the winner of a contest within its budget."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from bakeoff.analysis.cells import accuracy_interval
from bakeoff.analysis.pick.driver import Contest
from bakeoff.analysis.tune.answer import answer_tuning
from bakeoff.analysis.tune.driver import Tuning
from bakeoff.analysis.tune.space import search_space
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import Result
from bakeoff.spec.run import Run
from bakeoff.stats.intervals import Interval
from bakeoff.stats.proportions import wilson
from bakeoff.text.formats import percent

TUNING_SHARE = 0.4
"""The share of the budget that is used for tuning."""


@dataclass(frozen=True)
class TunedWinner:
    """A finalist with a recipe that was tuned for it. The field names are the keys of the JSON: they stay."""

    name: str
    """The candidate that was tuned."""
    changes: dict[str, Any]
    """Changes to its recipe; empty if nothing better was found."""
    trials: int
    seeds: int
    """Seeds that were not used in the search."""
    validation_accuracy: float | None
    """Mean over these seeds, a fraction."""
    own_accuracy: float | None
    """The same for the original recipe."""
    better: float | None
    """The probability that it is better than the original recipe, from these seeds."""
    test_accuracy: float | None = None
    """Mean over the same trainings; None if it is not better."""
    test_low: float | None = None
    test_high: float | None = None
    test_method: str = ""
    runs: tuple[str, ...] = ()
    """Ids of these trainings, the one with the best validation accuracy first."""


def prepare_tuning(contest: Contest, seconds: float) -> Tuning | None:
    """Return the search for the most probable winner with a recipe to tune; None if there is none.

    Args:
        contest: after its race.
        seconds: how long the search may take.
    """
    for number in contest.finalists():
        entry = contest.lineup.entries[number]
        info, fixed = contest.lineup.plan.info(entry.run.data_hash), tuple(contest.lineup.plan.study.set)
        with suppress(BakeoffError):  # nothing to search: a probe, or all fields are set
            space = search_space(entry.run.recipe, fixed=fixed, photographs=bool(info.photographs))
            alone = replace(contest.lineup, entries=(entry,))
            return Tuning(alone, space, contest.store, contest.placement, seconds, clock=contest.clock)
    return None


def tuned_runs(tuning: Tuning) -> list[Run]:
    """Return the trainings of the found recipe to evaluate on the test images; none if it is not better."""
    found = answer_tuning(tuning)
    if not found.is_better:
        return []
    steps = sorted(one.step for one in tuning.state.trained if one.step.candidate == found.best)
    full = [step for step in steps if step.epochs == tuning.recipe.epochs]
    return [tuning.run_of(step) for step in full if step.seed or not found.seeds]


def answer_tuned(tuning: Tuning) -> TunedWinner:
    """Return the outcome of the search, with the test accuracy of the found recipe if it has been evaluated."""
    found, ids = answer_tuning(tuning), [run.id for run in tuned_runs(tuning)]
    results = sorted(tuning.store.results(ids), key=lambda one: -(one.epochs[-1].validation_accuracy or 0.0))
    tested = measure_test_interval(results)
    return TunedWinner(
        name=tuning.lineup.entries[0].candidate.name,
        changes=found.found,
        trials=sum(trial.epochs > 0 for trial in found.trials),
        seeds=found.seeds,
        validation_accuracy=found.accuracy,
        own_accuracy=found.own_accuracy,
        better=found.better,
        test_accuracy=tested.mean if tested else None,
        test_low=tested.low if tested else None,
        test_high=tested.high if tested else None,
        test_method=tested.method if tested else "",
        runs=tuple(result.id for result in results),
    )


def measure_test_interval(results: Sequence[Result]) -> Interval | None:
    """Return the test accuracy with its interval: over seeds, or over the test images of a single training (Wilson)."""
    done = [result for result in results if "test_accuracy" in result.measures]
    if not done:
        return None
    if len(done) > 1:
        return accuracy_interval([one.measures["test_accuracy"] for one in done], done)
    share, images = done[0].measures["test_accuracy"], int(done[0].measures["test_images"])
    method = f"{percent(0.95, 0)} Wilson interval over {images:,} test images; one seed"
    return Interval(share, 1, None, *wilson(share * images, images), method)
