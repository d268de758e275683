"""Describes what a search found. No torch."""

from collections.abc import Mapping
from typing import Any

from bakeoff.analysis.tune.answer import TunedRecipe
from bakeoff.spec.overrides import format_value
from bakeoff.text.formats import counted, percent


def describe_tuning(found: TunedRecipe) -> list[str]:
    """Return what was found as lines of text."""
    done = [trial for trial in found.trials if trial.epochs]
    if not done:
        return list(found.advice)
    given_up = sum(trial.state == "given up" for trial in found.trials)
    best = found.trials[found.best]
    lines = []
    if found.best == 0 or not found.is_better:
        lines.append(f"nothing better than {found.recipe} was found in {counted(len(done), 'trial')}")
    else:
        trials = f"{counted(len(done), 'trial')} ({given_up} given up early)"
        lines.append(f"found in {trials}: {format_changes(found.found)}")
    if found.accuracy is not None and found.own_accuracy is not None and found.better is not None:
        lines.append(f"  {describe_gain(found.accuracy, found.own_accuracy, found.seeds, found.better)}")
    if found.search_gain is not None:
        lines.append(
            f"  in the search {percent(best.validation_accuracy)} instead of "
            f"{percent(found.trials[0].validation_accuracy)}: too high on average, as the best of many trials"
        )
    lines.append("  chosen on validation images only; the test images were not read")
    return [*lines, *(f"Next: {text}" for text in found.advice)]


def format_changes(changes: Mapping[str, Any]) -> str:
    """Return changes to a recipe, by dotted field: "optimizer.lr=0.01, batch_size=64"."""
    return ", ".join(f"{field}={format_value(value, field)}" for field, value in changes.items())


def describe_gain(accuracy: float | None, own: float | None, seeds: int, better: float) -> str:
    """Say what a tuned recipe gains on further seeds: mean validation accuracies, and how surely it is better."""
    return (
        f"validation accuracy {percent(accuracy)} instead of {percent(own)} with {counted(seeds, 'seed')} not used "
        f"in the search; better with a probability of {percent(better, 0)}"
    )
