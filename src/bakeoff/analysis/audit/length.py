"""Findings in how long was trained: what more epochs would gain. No torch."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Material, Numbers, Tested, per_cell, percent_of
from bakeoff.spec.recipe import Cosine, OneCycle
from bakeoff.spec.run import steps_in_epoch
from bakeoff.text.formats import counted

SMALLEST_GAIN = 0.005
"""Less than half a point is not worth a finding."""
ROOM = 0.1
"""Where fewer images than this share are still unknown, twice the epochs gain two points at most."""
FEW_STEPS = 100
"""So few steps are the beginning of a training, whatever the network and the rates."""
ENOUGH_STEPS = 300
FALLING = 1.07
"""In the middle of a training the loss is this many times that at its end, where it is on its way."""


def under_trained(material: Material) -> Iterator[Finding]:
    """The accuracy was still rising, or the loss still falling, when training ended; says how long to train.

    Where the rate stays, or changes in steps, the second half of the curve is taken as a - b / epoch. Schedules that
    bring the rate to nothing end in a climb whatever their length: there the training has to know less than nine images
    in ten, and its loss has to fall through the middle of the schedule, too. Of fewer than 100 steps no curve is asked.
    """
    return per_cell(
        material,
        shortness,
        "under-trained",
        "caution",
        _tell,
        "Train it longer before comparing it with networks that have finished learning: --epochs.",
    )


def shortness(run: Tested) -> Numbers | None:
    """Return what tells that a run was trained for too short a time, None if nothing does."""
    if _stopped(run):
        return None
    anneals = isinstance(run.result.run.recipe.schedule, OneCycle | Cosine)
    return few_steps(run) or (_still_falling(run) if anneals else _still_rising(run))


def _stopped(run: Tested) -> bool:
    """Return whether it was stopped because it did not get better."""
    return len(run.result.epochs) < run.result.run.recipe.epochs


def _tell(numbers: Numbers) -> str:
    epochs, wanted = int(numbers["epochs"]), int(numbers["epochs_to_try"])
    if "gain" in numbers:
        return (
            f"the {numbers['measure']} accuracy was still rising when training ended after {counted(epochs, 'epoch')}; "
            f"its curve points to about {100 * float(numbers['gain']):.1f} points more at {wanted} epochs."
        )
    known = f"{percent_of(numbers, 'known')} of its images are known"
    many = counted(epochs, "epoch")
    if "middle_loss" in numbers:
        return (
            f"when training ended after {many}, {known} and the loss was still falling, through the schedule from "
            f"{float(numbers['early_loss']):.2f} to {float(numbers['middle_loss']):.2f} and "
            f"{float(numbers['last_loss']):.2f}: try {wanted} epochs."
        )
    steps = counted(int(numbers["steps"]), "step")
    return f"training took only {steps}, {many} of few images, and {known}: try {wanted} epochs."


def _known(run: Tested) -> float:
    """Return the share of images known at the end, of training or of validation: dropout and augmentation hide some."""
    last = run.result.epochs[-1]
    return max(last.train_accuracy, last.validation_accuracy or 0.0)


def _steps(run: Tested) -> int | None:
    """Return the steps of one epoch, None where the record does not tell."""
    images = run.result.measures.get("train_images")
    return None if images is None else steps_in_epoch(int(images), run.result.run.recipe.batch_size)


def few_steps(run: Tested) -> Numbers | None:
    """Return what tells that a run has only begun, None if it has not or knows its images already."""
    per_epoch, epochs = _steps(run), len(run.result.epochs)
    if per_epoch is None or not epochs or _stopped(run):
        return None
    if per_epoch * epochs >= FEW_STEPS or _known(run) > 1 - ROOM:
        return None
    wanted = max(2 * epochs, math.ceil(ENOUGH_STEPS / per_epoch))
    return {"epochs": epochs, "epochs_to_try": wanted, "known": _known(run), "steps": per_epoch * epochs}


def _still_falling(run: Tested) -> Numbers | None:
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
    """Return the value of a curve after that share of it; each value is that of the middle of its epoch."""
    return float(np.interp(share * len(values) - 0.5, range(len(values)), values))


def _still_rising(run: Tested) -> Numbers | None:
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
