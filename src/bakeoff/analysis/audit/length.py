"""Findings about the length of training: how much longer training would help. No torch."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Numbers, find_per_cell, percent_of
from bakeoff.analysis.snapshot import EvaluatedRun, Snapshot
from bakeoff.spec.recipe import Cooldown, Cosine, OneCycle
from bakeoff.spec.run import steps_in_epoch
from bakeoff.text.formats import counted

SMALLEST_GAIN = 0.005
"""Less than half a point is not worth a finding."""
ROOM = 0.1
"""If fewer images than this are misclassified, doubling the epochs gains at most two points."""
FEW_STEPS = 100
"""With so few steps, training has only begun, whatever the network and the learning rate."""
ENOUGH_STEPS = 300
FALLING = 1.07
"""If the loss is still falling, it is this many times as high in the middle of the training as at the end."""


def under_trained(snapshot: Snapshot) -> Iterator[Finding]:
    """The accuracy was still rising, or the loss still falling, when training ended; says how long to train.

    If the learning rate is constant or changes in steps, a - b / epoch is fitted to the second half of the curve.
    Schedules that decay to zero end with a climb at any length: there, training accuracy must be below 90 %, and the
    loss must also fall in the middle of the schedule. With fewer than 100 steps, curves are not examined.
    """
    return find_per_cell(
        snapshot,
        shortness,
        "under-trained",
        "caution",
        _describe,
        "Train it longer (--epochs) before comparing it with networks that have converged.",
    )


def shortness(run: EvaluatedRun) -> Numbers | None:
    """Return the evidence that a run was trained too briefly, None if there is none."""
    if _stopped(run) or run.result.run.recipe.probe:
        return None
    anneals = isinstance(run.result.run.recipe.schedule, OneCycle | Cosine | Cooldown)
    return few_steps(run) or (_still_falling(run) if anneals else _still_rising(run))


def _stopped(run: EvaluatedRun) -> bool:
    """Return whether it was stopped early because it no longer improved."""
    return len(run.result.epochs) < run.result.run.recipe.epochs


def _describe(numbers: Numbers) -> str:
    epochs, wanted = int(numbers["epochs"]), int(numbers["epochs_to_try"])
    if "gain" in numbers:
        return (
            f"the {numbers['measure']} accuracy was still rising when training ended after {counted(epochs, 'epoch')}; "
            f"the curve suggests about {100 * float(numbers['gain']):.1f} points more at {wanted} epochs."
        )
    known = f"its accuracy was {percent_of(numbers, 'known')}"
    many = counted(epochs, "epoch")
    if "middle_loss" in numbers:
        return (
            f"when training ended after {many}, {known} and the loss was still falling, through the schedule from "
            f"{float(numbers['early_loss']):.2f} to {float(numbers['middle_loss']):.2f} and "
            f"{float(numbers['last_loss']):.2f}: try {wanted} epochs."
        )
    steps = counted(int(numbers["steps"]), "step")
    return f"training took only {steps}, {many} of few images, and {known}: try {wanted} epochs."


def _known(run: EvaluatedRun) -> float:
    """Return the final accuracy, the higher of training and validation: dropout and augmentation lower the first."""
    last = run.result.epochs[-1]
    return max(last.train_accuracy, last.validation_accuracy or 0.0)


def _steps(run: EvaluatedRun) -> int | None:
    """Return the number of steps in an epoch, None if it is not recorded."""
    images = run.result.measures.get("train_images")
    return None if images is None else steps_in_epoch(int(images), run.result.run.recipe.batch_size)


def few_steps(run: EvaluatedRun) -> Numbers | None:
    """Return the evidence that training has only begun; None if it has not, or if accuracy is already high."""
    per_epoch, epochs = _steps(run), len(run.result.epochs)
    if per_epoch is None or not epochs or _stopped(run) or run.result.run.recipe.probe:
        return None
    if per_epoch * epochs >= FEW_STEPS or _known(run) > 1 - ROOM:
        return None
    wanted = max(2 * epochs, math.ceil(ENOUGH_STEPS / per_epoch))
    return {"epochs": epochs, "epochs_to_try": wanted, "known": _known(run), "steps": per_epoch * epochs}


def _still_falling(run: EvaluatedRun) -> Numbers | None:
    epochs = run.result.epochs
    if len(epochs) < 2 or _known(run) > 1 - ROOM:
        return None
    losses = [epoch.train_loss for epoch in epochs]
    early, middle, late, last = (_at(losses, share) for share in (1 / 3, 1 / 2, 2 / 3, 1))
    if middle < FALLING * last or early < math.sqrt(FALLING) * late:
        return None
    found = {"known": _known(run), "early_loss": early, "middle_loss": middle, "last_loss": last}
    return {"epochs": len(epochs), "epochs_to_try": 2 * len(epochs)} | found


def _at(values: Sequence[float], share: float) -> float:
    """Return the value of a curve at a fraction of its length; each value counts for the middle of its epoch."""
    return float(np.interp(share * len(values) - 0.5, range(len(values)), values))


def _still_rising(run: EvaluatedRun) -> Numbers | None:
    epochs = run.result.epochs
    second_half = epochs[len(epochs) // 2 :]
    if len(second_half) < 4:
        return None
    own = [epoch.validation_accuracy for epoch in second_half]
    measure = "training" if None in own else "validation"
    values = np.array([e.train_accuracy for e in second_half] if None in own else own, float)
    from scipy.special import stdtrit

    inverse = np.array([1 / epoch.epoch for epoch in second_half])
    apart = inverse - inverse.mean()
    slope = float(apart @ values / (apart @ apart))
    rest = values - values.mean() - slope * apart
    error = math.sqrt(float(rest @ rest) / (len(values) - 2) / float(apart @ apart))
    last = epochs[-1].epoch
    gain = -slope / (2 * last)
    low = gain - float(stdtrit(len(values) - 2, 0.95)) * error / (2 * last)
    if low <= 0 or gain < SMALLEST_GAIN:
        return None
    gain = min(gain, 1 - float(values[-1]))
    found: Numbers = {"measure": measure, "gain": gain, "least_gain": low, "accuracy": float(values[-1])}
    return {"epochs": last, "epochs_to_try": 2 * last, **found}
