"""What a search found: the recipe, its gain on seeds that were not used in the search, and its origin."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.analysis.pick.advice import larger_budget
from bakeoff.analysis.tune.driver import OWN, Tuning
from bakeoff.spec.overrides import difference
from bakeoff.stats.learning_curves import TrainingPoint, sample_full_error
from bakeoff.studies.recipe_file import RecipeFile
from bakeoff.text.formats import clock, counted

FEW_TRIALS = 10


@dataclass(frozen=True)
class TrialOutcome:
    """The outcome of a trial. The field names here and below are keys of the JSON: they stay."""

    number: int
    values: dict[str, Any]
    """Values of the searched fields."""
    state: str
    """complete, given up, failed, or unfinished."""
    why: str
    epochs: int
    validation_accuracy: float | None
    """After its longest training with the first seed, a fraction."""
    expected: float | None
    """Expected validation accuracy of a complete training."""


@dataclass(frozen=True)
class TunedRecipe:
    """The outcome of a search."""

    net: str
    data: str
    store: Path
    budget: float
    seconds: float
    recipe: str
    """The recipe that the search started from."""
    epochs: int
    """Of a complete training."""
    space: tuple[str, ...]
    trials: tuple[TrialOutcome, ...]
    best: int
    """The number of the trial with the best validation accuracy in the search; 0 is the original recipe."""
    found: dict[str, Any]
    """What it changes in the recipe; empty if nothing better was found."""
    search_gain: float | None
    """By how much its validation accuracy was higher in the search: biased upwards, since it was selected by it."""
    seeds: int
    """Further seeds that both were trained with, which were not used in the search."""
    accuracy: float | None
    """Mean validation accuracy of the best trial with these seeds."""
    own_accuracy: float | None
    """The same for the original recipe."""
    better: float | None
    """The probability that the best trial is better than the original recipe, from these seeds alone."""
    is_better: bool
    """Whether the found recipe is better: with these seeds, or in the search if there are none."""
    advice: tuple[str, ...]


def answer_tuning(tuning: Tuning) -> TunedRecipe:
    """Return what a search has found so far."""
    best = tuning.best
    fresh = {number: _fresh_points(tuning, number) for number in (best, OWN)}
    seeds = 0 if best == OWN else min(len(points) for points in fresh.values())
    means = {n: 1 - float(np.mean([point.error for point in fresh[n][:seeds]])) if seeds else None for n in fresh}
    trials = tuple(_outcome(tuning, number) for number in range(len(tuning.trials)))
    accuracy, own = trials[best].validation_accuracy, trials[OWN].validation_accuracy
    is_whole = trials[OWN].epochs == tuning.recipe.epochs
    gain = accuracy - own if best != OWN and is_whole and accuracy is not None and own is not None else None
    better = None
    if seeds:
        random = np.random.default_rng(0)
        errors = [sample_full_error(fresh[number][:seeds], random, 10_000, compared=True) for number in (best, OWN)]
        better = float((errors[0] < errors[1]).mean())
    is_better = best != OWN and (better > 0.5 if better is not None else bool(gain and gain > 0))
    return TunedRecipe(
        net=tuning.entry.run.net,
        data=tuning.entry.run.data,
        store=tuning.store.path,
        budget=tuning.budget,
        seconds=tuning.clock() - tuning.started,
        recipe=tuning.recipe.name,
        epochs=tuning.recipe.epochs,
        space=tuple(map(str, tuning.space)),
        trials=trials,
        best=best,
        found=difference(tuning.recipe, tuning.recipe_of(best)) if is_better else {},
        search_gain=gain,
        seeds=seeds,
        accuracy=means[best],
        own_accuracy=means[OWN],
        better=better,
        is_better=is_better,
        advice=tuple(_advice(tuning, trials, best, seeds)),
    )


def _fresh_points(tuning: Tuning, number: int) -> list[TrainingPoint]:
    """Return the complete trainings of a trial with other seeds than the one of the search, by seed."""
    trained = sorted(
        (one for one in tuning.state.trained if one.step.candidate == number and one.step.seed > 0),
        key=lambda one: one.step.seed,
    )
    return [TrainingPoint(1.0, one.error, one.images) for one in trained]


def _outcome(tuning: Tuning, number: int) -> TrialOutcome:
    state, why = tuning.state, tuning.state.dropped.get(number, "")
    own = [one for one in state.trained if one.step.candidate == number and one.step.seed == 0]
    longest = max((one.step.epochs for one in own), default=0)
    accuracy = next((1 - one.error for one in own if one.step.epochs == longest), None)
    return TrialOutcome(
        number=number,
        values=tuning.trials[number],
        state=_state(why, is_complete=longest == tuning.recipe.epochs),
        why=why.removeprefix("failed: "),
        epochs=longest,
        validation_accuracy=accuracy,
        expected=1 - float(tuning.beliefs().errors[number].mean()) if own else None,
    )


def _state(why: str, *, is_complete: bool) -> str:
    if why.startswith("failed"):
        return "failed"
    if is_complete:
        return "complete"
    return "given up" if why else "unfinished"


def _advice(tuning: Tuning, trials: tuple[TrialOutcome, ...], best: int, seeds: int) -> list[str]:
    done = sum(trial.state in ("complete", "given up") for trial in trials)
    advice = []
    if not any(trial.epochs for trial in trials):
        least = larger_budget(tuning.least_budget)
        return [f"No training ended within the budget: give --budget {least} or more, or train fewer --epochs."]
    if done < FEW_TRIALS:
        advice.append(f"Only {counted(done, 'trial')} finished: repeat the command with a larger budget to continue.")
    if best != OWN and not seeds:
        seconds = 2 * tuning.full_seconds(OWN) / min(2, tuning.placement.workers)
        advice.append(
            "The gain was measured in the search, so it is partly luck: to confirm it with another seed, give about "
            f"{clock(seconds)} more."
        )
    return advice


def recipe_file(tuning: Tuning, found: TunedRecipe, command: str, date: str) -> RecipeFile:
    """Return the found recipe as changes to one that bakeoff has, with its origin."""
    recipe = tuning.recipe_of(found.best if found.is_better else OWN)
    base, changes = tuning.as_changes(recipe)
    told = {
        "by": command,
        "date": date,
        "bakeoff": version("bakeoff"),
        "optuna": version("optuna"),
        "net": found.net,
        "data": found.data,
        "content_hash": tuning.entry.run.data_hash,
        "started_from": found.recipe,
        "searched": list(found.space),
        "trials": len(found.trials),
        "seconds": round(found.seconds, 1),
        "judged_by": "validation images; the test images were not read",
        "is_better": found.is_better,
        "seeds_without_part_in_the_search": found.seeds,
        "validation_accuracy": found.accuracy,
        "validation_accuracy_before": found.own_accuracy,
        "gain_in_the_search": found.search_gain,
        "probability_of_being_better": found.better,
    }
    return RecipeFile(
        recipe=base, set=changes, tuned={name: value for name, value in told.items() if value is not None}
    )
