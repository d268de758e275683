"""Findings in the predictions on the test images. No torch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Numbers, find_per_cell, make_finding, percent_of
from bakeoff.analysis.audit.length import shortness
from bakeoff.analysis.flaws import find_collapse, find_dead_classes, is_majority
from bakeoff.analysis.snapshot import EvaluatedRun, Snapshot
from bakeoff.measure.quality import balanced_accuracy
from bakeoff.text.formats import listing

BADLY_CALIBRATED = 0.05


def longer_or(advice: str) -> Callable[[EvaluatedRun], str]:
    """Return a function that gives this advice on a run, or advises to train longer if training was too short."""

    def advise(run: EvaluatedRun) -> str:
        short = shortness(run)
        if short is None:
            return advice
        return f"It was trained too briefly to say more: try --epochs {short['epochs_to_try']} first."

    return advise


def collapsed(snapshot: Snapshot) -> Iterator[Finding]:
    """All or nearly all test images got the same class, although the labels differ."""
    return find_per_cell(
        snapshot,
        _if_flawed(snapshot, _collapse),
        "collapsed",
        "serious",
        lambda n: (
            f"it predicted the class {n['class']!r} for {percent_of(n, 'share_predicted')} of the test images, but "
            f"only {percent_of(n, 'share_true')} belong to it; its accuracy is {percent_of(n, 'accuracy')}."
        ),
        longer_or(
            "Training failed; this says nothing about the network. Normalise the inputs, lower the learning rate, "
            "train longer or try another seed."
        ),
    )


def _if_flawed(
    snapshot: Snapshot, look: Callable[[EvaluatedRun], Numbers | None]
) -> Callable[[EvaluatedRun], Numbers | None]:
    """Return `look` for the runs of networks with a flaw, of which others have none."""
    flawed = {result.id for cell in snapshot.cells if snapshot.flaw(cell) for result in cell.finished}
    return lambda run: look(run) if run.result.id in flawed else None


def _collapse(run: EvaluatedRun) -> Numbers | None:
    found = find_collapse(run.confusion)
    if found is None:
        return None
    return {
        "class": run.classes[found.place],
        "share_predicted": found.predicted,
        "share_true": found.true,
        "accuracy": run.accuracy,
    }


def dead_classes(snapshot: Snapshot) -> Iterator[Finding]:
    """Some classes were never, or hardly ever, predicted: their outputs are dead."""
    return find_per_cell(
        snapshot,
        _if_flawed(snapshot, _never_predicted),
        "dead-classes",
        "serious",
        lambda n: (
            f"it {'never' if not n['predictions'] else 'hardly ever'} predicted {n['classes']} "
            f"({n['images']:,} test images, {percent_of(n, 'share')}): its accuracy cannot exceed "
            f"{percent_of(n, 'ceiling')} while these outputs are dead; it is {percent_of(n, 'accuracy')}."
        ),
        longer_or(
            "Often caused by a high initial learning rate, raw inputs or a clipped loss. Train again with another seed "
            "or a lower optimizer.lr; the number does not show what the network can do."
        ),
    )


def _never_predicted(run: EvaluatedRun) -> Numbers | None:
    images, predictions = run.confusion.sum(axis=1), run.confusion.sum(axis=0)
    dead = find_dead_classes(run.confusion)
    if not len(dead):
        return None
    share = float(images[dead].sum() / len(run.labels))
    return {
        "classes": listing([run.classes[i] for i in dead]),
        "images": int(images[dead].sum()),
        "predictions": int(predictions[dead].sum()),
        "share": share,
        "ceiling": 1 - share + float(np.diag(run.confusion)[dead].sum() / len(run.labels)),
        "accuracy": run.accuracy,
    }


def no_better_than_majority(snapshot: Snapshot) -> Iterator[Finding]:
    """The accuracy is not above that of always predicting the most common class (one-sided binomial test, 5 %)."""
    return find_per_cell(
        snapshot,
        _if_flawed(snapshot, _majority),
        "no-better-than-majority",
        "serious",
        lambda n: (
            f"{percent_of(n, 'accuracy')} accuracy, but always predicting {n['class']!r} gives "
            f"{percent_of(n, 'majority')}."
        ),
        longer_or("It has learned nothing measurable. Check its training loss, and lower or raise the learning rate."),
    )


def _majority(run: EvaluatedRun) -> Numbers | None:
    if not is_majority(run.confusion):
        return None
    images = run.confusion.sum(axis=1)
    majority = float(images.max() / len(run.labels))
    return {"class": run.classes[int(images.argmax())], "accuracy": run.accuracy, "majority": majority}


def imbalanced(snapshot: Snapshot) -> Iterator[Finding]:
    """Classes have very different sizes, and accuracy differs from the mean accuracy over classes."""
    return find_per_cell(
        snapshot,
        _imbalance,
        "imbalanced",
        "caution",
        lambda n: (
            f"classes have {n['fewest']} to {n['most']:,} test images; accuracy is {percent_of(n, 'accuracy')}, "
            f"balanced accuracy {percent_of(n, 'balanced_accuracy')}."
        ),
        "Compare balanced accuracy or macro F1, and check each class.",
    )


def _imbalance(run: EvaluatedRun) -> Numbers | None:
    images = run.confusion.sum(axis=1)
    images = images[images > 0]
    if images.max() < 3 * images.min():
        return None
    balanced = balanced_accuracy(run.confusion)
    if abs(run.accuracy - balanced) < 0.02:
        return None
    return {
        "fewest": int(images.min()),
        "most": int(images.max()),
        "accuracy": run.accuracy,
        "balanced_accuracy": balanced,
    }


def badly_calibrated(snapshot: Snapshot) -> Iterator[Finding]:
    """Confidence is far above or below accuracy, by the expected calibration error."""
    return find_per_cell(
        snapshot,
        _miscalibration,
        "badly-calibrated",
        "note",
        lambda n: (
            f"its mean confidence is {percent_of(n, 'confidence')}, its accuracy {percent_of(n, 'accuracy')}: "
            f"{'over' if float(n['confidence']) > float(n['accuracy']) else 'under'}confident, expected calibration "
            f"error {percent_of(n, 'calibration_error')}."
        ),
        "Do not rely on its probabilities as they are: scale the logits by a temperature fitted on validation images, "
        "or use label smoothing.",
    )


def _miscalibration(run: EvaluatedRun) -> Numbers | None:
    seen = run.reliability
    if seen is None:
        return None
    images, filled = int(seen.images.sum()), seen.images > 0
    sure = seen.confidence[filled] / seen.images[filled]
    # What chance alone makes of a perfectly calibrated network: mean |normal deviation| of the hits in each bin.
    chance = float(np.sqrt(2 / math.pi * sure * (1 - sure) * seen.images[filled]).sum() / images)
    if seen.error < max(BADLY_CALIBRATED, 2 * chance):
        return None
    return {
        "calibration_error": seen.error,
        "by_chance": chance,
        "confidence": float(seen.confidence.sum() / images),
        "accuracy": float(seen.correct.sum() / images),
    }


def label_suspects(snapshot: Snapshot, *, fewest_runs: int = 3, within: float = 0.1) -> Iterator[Finding]:
    """Images that all well-trained networks misclassify as the same class: their labels may be wrong.

    A run is well trained if its accuracy is within `within` of the best on this data set; at least two networks and
    `fewest_runs` runs must agree.
    """
    for cells in snapshot.by_data.values():
        runs = [run for cell in cells for run in snapshot.runs(cell)]
        best = max(run.accuracy for run in runs)
        good = [run for run in runs if run.accuracy >= best - within]
        nets = {run.result.run.net for run in good}
        if best < 0.5 or len(good) < fewest_runs or len(nets) < 2:
            continue
        predicted = np.stack([run.predicted for run in good])
        suspects = np.flatnonzero((predicted == predicted[0]).all(axis=0) & (predicted[0] != good[0].labels))
        if not len(suspects):
            continue
        ids = {run.result.id for run in good}
        touched = [cell for cell in cells if any(result.id in ids for result in cell.finished)]
        names = good[0].classes
        shown = [f"{i} ({names[good[0].labels[i]]} predicted as {names[predicted[0][i]]})" for i in suspects[:20]]
        message = (
            f"All {len(good)} good runs of {len(nets)} networks predict the same wrong class for {len(suspects):,} of "
            f"the {len(good[0].labels):,} test images of {touched[0].data}: {listing(shown, 4)}."
        )
        evidence: Numbers = {
            "images": len(suspects),
            "share": len(suspects) / len(good[0].labels),
            "runs": len(good),
            "networks": len(nets),
            "positions": ", ".join(map(str, suspects.tolist())),
        }
        advice = "Look at these images: either their labels are wrong, which limits every accuracy, or they are hard."
        results = [run.result for run in good]
        yield replace(make_finding("label-suspects", "note", message, advice, touched, (evidence,), results), recipe="")
