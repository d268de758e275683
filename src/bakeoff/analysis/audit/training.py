"""Findings in the learning curves: diverged, overfitted, reported at a lucky epoch. No torch."""

import math
from collections.abc import Iterator
from statistics import median

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Numbers, find_per_cell, make_finding, percent_of
from bakeoff.analysis.audit.length import few_steps
from bakeoff.analysis.snapshot import EvaluatedRun, Snapshot
from bakeoff.spec.recipe import Plateau, Recipe
from bakeoff.spec.records import Epoch
from bakeoff.text.formats import counted

SMALLEST_LUCK = 0.01
SMALLEST_GAP = 0.05
"""Between accuracy on training and test images; twice that where no validation loss confirms it."""
EARLY = 3
"""Networks do not overfit in so few epochs."""
NEIGHBOURS = 4
"""Epochs before and after the reported one that it is compared with."""


def diverged(snapshot: Snapshot) -> Iterator[Finding]:
    """The loss became NaN or infinite, or a run ended with a higher training loss than it began with."""
    advice = "Lower optimizer.lr or normalise the inputs, and train again. Leave these runs out of every comparison."
    for cell in snapshot.cells:
        stopped = [result for result in cell.results if result.failure and result.failure.kind == "diverged"]
        if stopped:
            failures = [result.failure for result in stopped if result.failure]
            runs = f"{len(stopped)} of {counted(len(cell.results), 'run')}"
            message = f"{cell.label} on {cell.data}: {runs}: {failures[0].message}."
            evidence = tuple(
                {"seed": r.run.seed, "epoch": f.epoch or 0, "step": f.step or 0}
                for r, f in zip(stopped, failures, strict=True)
            )
            yield make_finding("diverged", "serious", message, advice, [cell], evidence, stopped)
    yield from find_per_cell(
        snapshot,
        _risen_loss,
        "diverged",
        "serious",
        lambda n: f"the training loss rose from {n['first_loss']:.3g} to {n['last_loss']:.3g}.",
        advice,
    )


def _risen_loss(run: EvaluatedRun) -> Numbers | None:
    epochs = run.result.epochs
    guessing = math.log(max(2, len(run.classes)))
    if len(epochs) < 2 or epochs[-1].train_loss <= max(1.05 * epochs[0].train_loss, guessing):
        return None
    return {"first_loss": epochs[0].train_loss, "last_loss": epochs[-1].train_loss}


def over_fitted(snapshot: Snapshot) -> Iterator[Finding]:
    """Accuracy is far higher on training than on test images, and the validation loss has started to rise.

    Not reported where lagging statistics or a poor epoch explain the gap, or where training has only just begun.
    """
    return find_per_cell(
        snapshot,
        _overfit,
        "over-fitted",
        "caution",
        lambda n: (
            f"{percent_of(n, 'train_accuracy')} accuracy on the training images but "
            f"{percent_of(n, 'test_accuracy')} on the test images"
            + (
                f"; the validation loss is {float(n['loss_ratio']):.1f} times its minimum, "
                f"at epoch {n['lowest_epoch']}."
                if "loss_ratio" in n
                else "."
            )
        ),
        "Use augmentation, weight decay, fewer epochs, or select=best-validation-loss.",
    )


def _overfit(run: EvaluatedRun) -> Numbers | None:
    reported = run.reported
    if reported is None or (gap := reported.train_accuracy - run.accuracy) < SMALLEST_GAP:
        return None
    luck = _luck(run)
    if _lag(run) or few_steps(run) or (luck and float(luck["off"]) < 0):
        return None
    numbers = {"train_accuracy": reported.train_accuracy, "test_accuracy": run.accuracy}
    losses = [epoch.validation_loss for epoch in run.result.epochs if epoch.validation_loss is not None]
    if not losses or reported.validation_loss is None:
        return numbers if gap >= 2 * SMALLEST_GAP else None
    lowest = min(losses)
    if lowest <= 0 or not 1.1 * lowest <= reported.validation_loss < math.inf:
        return None
    return numbers | {"loss_ratio": reported.validation_loss / lowest, "lowest_epoch": losses.index(lowest) + 1}


def lucky_epoch(snapshot: Snapshot) -> Iterator[Finding]:
    """The validation accuracy of the reported epoch is further from its neighbours' than the images can explain.

    Low: below the line through them and below the best of them. High: above that line and their median by more than
    their own scatter, if they scatter at all, so that the curve jumps rather than climbs.
    """
    return find_per_cell(
        snapshot,
        _luck,
        "lucky-epoch",
        "caution",
        lambda n: (
            f"the reported epoch {n['epoch']} is {'a poor' if float(n['off']) < 0 else 'a lucky'} one of a noisy "
            f"curve: validation accuracy {percent_of(n, 'accuracy')}, but the epochs around "
            f"it suggest {percent_of(n, 'expected')}, and the best of them has {percent_of(n, 'best_neighbour')}."
        ),
        "Use a schedule that lowers the learning rate towards the end, and report an epoch where the curve is stable. "
        "A lower rate also helps where batch normalisation lags.",
    )


def _luck(run: EvaluatedRun) -> Numbers | None:
    reported = run.reported
    if reported is None or reported.validation_accuracy is None:
        return None
    near = [
        (epoch.epoch, epoch.validation_accuracy)
        for epoch in run.result.epochs
        if 0 < abs(epoch.epoch - reported.epoch) <= NEIGHBOURS and epoch.validation_accuracy is not None
    ]
    if len(near) < 3:
        return None
    own, scores = reported.validation_accuracy, [accuracy for _, accuracy in near]
    best, middle = max(scores), median(scores)
    share = min(max(middle, 0.02), 0.98)
    limit = max(SMALLEST_LUCK, 3 * math.sqrt(2 * share * (1 - share) / _validation_images(run)))
    if best - limit < own < middle + limit:
        return None
    when, values = (np.array(column, float) for column in zip(*near, strict=True))
    slope, base = np.polyfit(when, values, 1)
    expected = float(min(1.0, base + slope * reported.epoch))
    scatter = float(np.std(values - base - slope * when))
    is_poor = own <= min(expected, best) - limit
    is_lucky = own >= max(expected, middle) + max(limit, 1.5 * scatter) and scatter >= limit / 3
    if not (is_poor or is_lucky):
        return None
    return {
        "epoch": reported.epoch,
        "accuracy": own,
        "expected": expected,
        "off": own - expected,
        "best_neighbour": best,
        "limit": limit,
    }


def lagging_statistics(snapshot: Snapshot) -> Iterator[Finding]:
    """Batch normalisation's running statistics, which evaluation uses, are behind those that training uses.

    Then validation accuracy is far below training accuracy from the first epochs on, when nothing can be memorised yet,
    and still is at the reported epoch. Only checked if the layers of the network are recorded.
    """
    return find_per_cell(
        snapshot,
        _lag,
        "lagging-statistics",
        "caution",
        lambda n: (
            f"the running statistics of its batch normalisation lag behind: in epoch {n['early_epoch']} accuracy was "
            f"{percent_of(n, 'early_train')} on training images, normalised by batch statistics, but "
            f"{percent_of(n, 'early_validation')} on validation images, normalised by running ones; at the reported "
            f"epoch {n['epoch']} they were {percent_of(n, 'train')} and {percent_of(n, 'validation')}."
        ),
        "The network is better than this number: train for more steps, or update the statistics faster (PyTorch's "
        "momentum 0.1 instead of 0.01, which is 0.99 in Keras).",
    )


def _lag(run: EvaluatedRun) -> Numbers | None:
    recipe = run.result.run.recipe
    # These train with the statistics that they are evaluated with.
    reported = None if recipe.probe or recipe.frozen_norm else run.reported
    if reported is None or not any(layer["type"].startswith("BatchNorm") for layer in run.result.layers):
        return None
    early = {e: gap for e in run.result.epochs[:EARLY] if (gap := _gap(e)) is not None}
    worst = max(early, key=lambda epoch: early[epoch], default=None)
    late = _gap(reported)
    if worst is None or late is None or early[worst] < 0.2 or late < 0.1:
        return None
    return {
        "early_epoch": worst.epoch,
        "early_train": worst.train_accuracy,
        "early_validation": worst.validation_accuracy or 0.0,
        "epoch": reported.epoch,
        "train": reported.train_accuracy,
        "validation": reported.validation_accuracy or 0.0,
    }


def _gap(epoch: Epoch) -> float | None:
    return None if epoch.validation_accuracy is None else epoch.train_accuracy - epoch.validation_accuracy


def _validation_images(run: EvaluatedRun) -> float:
    """Return the number of validation images if it is recorded, else a low guess."""
    wanted = run.result.run.recipe.validation
    trained = run.result.measures.get("train_images", 1000.0)
    if wanted == "test":
        return len(run.labels)
    if isinstance(wanted, float):
        return max(1.0, trained * wanted / (1 - wanted))
    return float(wanted) if isinstance(wanted, int) else max(1.0, trained / 10)


def chosen_on_test(snapshot: Snapshot) -> Iterator[Finding]:
    """The test set was used to choose the reported epoch, a penalty, the end of training or the learning rate."""
    for table in snapshot.tables:
        touched = [cell for cell in table if _watchers(cell.results[0].run.recipe)]
        if touched:
            watchers = sorted({name for cell in touched for name in _watchers(cell.results[0].run.recipe)})
            message = (
                f"On {table[0].where}, the test set was used to choose the "
                f"{' and the '.join(watchers)}: expect lower accuracies on new images."
            )
            advice = "Hold out training images and choose on them: --set validation=0.1."
            yield make_finding(
                "chosen-on-test", "serious", message, advice, touched, ({"decided": ", ".join(watchers)},)
            )


def _watchers(recipe: Recipe) -> list[str]:
    if recipe.validation != "test":
        return []
    found = [] if recipe.select == "last" else ["reported epoch"]
    if recipe.probe and len(recipe.probe.strengths) > 1:
        found.append("penalty of the classifier")
    if recipe.stop and recipe.stop.monitor.startswith("validation"):
        found.append("end of training")
    if isinstance(recipe.schedule, Plateau) and recipe.schedule.monitor.startswith("validation"):
        found.append("learning rate")
    return found
