"""Learning rates, early stopping and the choice of the reported epoch, as functions of the epochs so far.

Nothing here keeps state: everything follows from the recipe and the history, so a resumed run needs only its history.
No torch.
"""

import math
from collections.abc import Sequence

from bakeoff.spec.recipe import Constant, Cooldown, Cosine, Monitor, OneCycle, Plateau, Recipe, Schedule, Steps
from bakeoff.spec.records import Epoch

LOWER_IS_BETTER = {"train_loss": True, "validation_loss": True, "train_accuracy": False, "validation_accuracy": False}


def rate_factor(schedule: Schedule, epochs: int, history: Sequence[Epoch], done: float) -> float:
    """Return the factor on the learning rate after `done` epochs, fractions of an epoch included."""
    match schedule:
        case Constant():
            return 1.0
        case Steps(milestones, factor):
            return factor ** sum(done >= milestone for milestone in milestones)
        case Plateau():
            return schedule.factor ** _cuts(schedule, history)
        case Cosine(warmup, final):
            if done < warmup:
                return done / warmup
            return final + (1 - final) * _cosine_fall((done - warmup) / (epochs - warmup))
        case Cooldown():
            if done < schedule.warmup_epochs:
                return done / schedule.warmup_epochs
            begin = schedule.begin(epochs)
            return schedule.final + (1 - schedule.final) * _linear_fall(max(0.0, done - begin) / (epochs - begin))
        case OneCycle(peak_at, start_divisor, end_divisor, shape):
            fall = _cosine_fall if shape == "cosine" else _linear_fall
            progress = done / epochs
            if progress < peak_at:
                return 1 + (1 / start_divisor - 1) * fall(progress / peak_at)
            return 1 / end_divisor + (1 - 1 / end_divisor) * fall((progress - peak_at) / (1 - peak_at))


def _cosine_fall(progress: float) -> float:
    return (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def _linear_fall(progress: float) -> float:
    return 1 - min(progress, 1.0)


def learning_rate(recipe: Recipe, history: Sequence[Epoch], done: float) -> float:
    """Return the learning rate for the step that starts after `done` epochs."""
    return _rate(recipe, recipe.schedule, history, done)


def head_learning_rate(recipe: Recipe, history: Sequence[Epoch], done: float) -> float:
    """Return the classifier's learning rate, without the recipe's factor on it."""
    return _rate(recipe, recipe.head_schedule or recipe.schedule, history, done)


def _rate(recipe: Recipe, schedule: Schedule, history: Sequence[Epoch], done: float) -> float:
    rate = recipe.optimizer.lr * rate_factor(schedule, recipe.epochs, history, done)
    return max(rate, schedule.floor) if isinstance(schedule, Plateau) else rate


def _waits(values: Sequence[float], threshold: float, lower: bool) -> list[int]:
    """Return, for each epoch, for how many epochs the best value had not improved by more than `threshold`."""
    waits, best, wait = [], math.inf, 0
    for value in values:
        signed = value if lower else -value
        if signed < best - threshold:
            best, wait = signed, 0
        else:
            wait += 1
        waits.append(wait)
    return waits


def _cuts(schedule: Plateau, history: Sequence[Epoch]) -> int:
    """Return the number of cuts so far: a cut restarts the wait, but keeps the best value (as in Keras)."""
    waits = _waits(monitored(history, schedule.monitor), schedule.threshold, LOWER_IS_BETTER[schedule.monitor])
    cuts, since_cut = 0, 0
    for wait in waits:
        since_cut = 0 if wait == 0 else since_cut + 1
        if since_cut >= schedule.patience:
            cuts, since_cut = cuts + 1, 0
    return cuts


def monitored(history: Sequence[Epoch], monitor: Monitor) -> list[float]:
    """Return one column of the history; a valid recipe only monitors what it records."""
    return [float(getattr(epoch, monitor)) for epoch in history]


def has_ended(recipe: Recipe, history: Sequence[Epoch]) -> bool:
    """Return whether training is over: all epochs done, or stopped early."""
    if len(history) >= recipe.epochs:
        return True
    stop = recipe.stop
    if stop is None or not history:
        return False
    waits = _waits(monitored(history, stop.monitor), stop.threshold, LOWER_IS_BETTER[stop.monitor])
    return waits[-1] >= stop.patience


def selected_epoch(recipe: Recipe, history: Sequence[Epoch]) -> int:
    """Return the epoch (from 1) whose weights are reported: the first of equally good ones, as in early stopping."""
    if recipe.select == "last":
        return len(history)
    monitor: Monitor = "validation_loss" if recipe.select == "best-validation-loss" else "validation_accuracy"
    sign = 1 if LOWER_IS_BETTER[monitor] else -1
    costs = [math.inf if math.isnan(value) else sign * value for value in monitored(history, monitor)]
    return costs.index(min(costs)) + 1
