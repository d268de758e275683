"""Findings in what the runs said of the test images. No torch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Material, Numbers, Tested, of_cells, per_cell, percent_of
from bakeoff.analysis.audit.length import shortness
from bakeoff.measure.quality import class_accuracy
from bakeoff.text.formats import listing

COLLAPSED = 0.99
"""Share of all test images that were given one class."""
HARDLY_EVER = 0.01
"""A class predicted for fewer images than this share of its own counts as never predicted."""
FEWEST_IMAGES = 10
"""Of a class with fewer test images nothing is said."""
BADLY_CALIBRATED = 0.05


def longer_or(advice: str) -> Callable[[Tested], str]:
    """Return the advice on a run: where it was trained for too short a time to tell anything, to train it longer."""

    def advise(run: Tested) -> str:
        short = shortness(run)
        if short is None:
            return advice
        return f"It was trained for too short a time to tell more: try --epochs {short['epochs_to_try']} first."

    return advise


def collapsed(material: Material) -> Iterator[Finding]:
    """(Nearly) all test images were given the same class, which is not what the labels say."""
    return per_cell(
        material,
        _collapse,
        "collapsed",
        "serious",
        lambda n: (
            f"it gave {percent_of(n, 'share_predicted')} of the test images the class {n['class']!r}, which "
            f"{percent_of(n, 'share_true')} of them are; its accuracy is {percent_of(n, 'accuracy')}."
        ),
        longer_or(
            "The training failed, not the network: normalise the inputs, lower the rate, or train longer or "
            "another seed."
        ),
    )


def _collapse(run: Tested) -> Numbers | None:
    counts = run.confusion.sum(axis=0)
    one = int(counts.argmax())
    predicted, true = float(counts[one] / len(run.labels)), float((run.labels == one).mean())
    if predicted < COLLAPSED or true >= 0.95 * COLLAPSED:
        return None
    return {
        "class": run.classes[one],
        "share_predicted": predicted,
        "share_true": true,
        "accuracy": run.accuracy,
    }


def dead_classes(material: Material) -> Iterator[Finding]:
    """Some classes were never, or hardly ever, predicted: their outputs are dead."""
    return per_cell(
        material,
        _never_predicted,
        "dead-classes",
        "serious",
        lambda n: (
            f"it {'never' if not n['predictions'] else 'hardly ever'} predicted {n['classes']} "
            f"({n['images']:,} test images, {percent_of(n, 'share')}): with these outputs dead its accuracy cannot "
            f"exceed {percent_of(n, 'ceiling')}; it is {percent_of(n, 'accuracy')}."
        ),
        longer_or(
            "An accident of training, often of too high a first rate, raw inputs or a clipped loss: train again with "
            "another seed or a lower optimizer.lr, and do not take the number for the network's worth."
        ),
    )


def _never_predicted(run: Tested) -> Numbers | None:
    if _collapse(run):
        return None
    images, predictions = run.confusion.sum(axis=1), run.confusion.sum(axis=0)
    dead = np.flatnonzero((images >= FEWEST_IMAGES) & (predictions <= HARDLY_EVER * images))
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


def no_better_than_majority(material: Material) -> Iterator[Finding]:
    """The accuracy is not above that of always naming the commonest class (one-sided binomial test, 5 %)."""
    return per_cell(
        material,
        _majority,
        "no-better-than-majority",
        "serious",
        lambda n: (
            f"{percent_of(n, 'accuracy')} right, where always saying {n['class']!r} gives {percent_of(n, 'majority')}."
        ),
        longer_or(
            "It has learned nothing that can be seen: look at its training loss, and lower or raise the learning rate."
        ),
    )


def _majority(run: Tested) -> Numbers | None:
    if _collapse(run):
        return None
    images = run.confusion.sum(axis=1)
    majority = float(images.max() / len(run.labels))
    noise = math.sqrt(majority * (1 - majority) / len(run.labels))
    if run.accuracy > majority + 1.645 * noise:
        return None
    return {"class": run.classes[int(images.argmax())], "accuracy": run.accuracy, "majority": majority}


def imbalanced(material: Material) -> Iterator[Finding]:
    """Classes are of very unequal sizes, and accuracy tells another story than the mean over classes."""
    return per_cell(
        material,
        _imbalance,
        "imbalanced",
        "caution",
        lambda n: (
            f"classes have {n['fewest']} to {n['most']:,} test images, and the accuracy of "
            f"{percent_of(n, 'accuracy')} hides a mean over classes of {percent_of(n, 'balanced_accuracy')}."
        ),
        "Compare balanced accuracy or macro F1, and look at the classes one by one.",
    )


def _imbalance(run: Tested) -> Numbers | None:
    images = run.confusion.sum(axis=1)
    images = images[images > 0]
    balanced = float(np.nanmean(class_accuracy(run.confusion)))
    if images.max() < 3 * images.min() or abs(run.accuracy - balanced) < 0.02:
        return None
    return {
        "fewest": int(images.min()),
        "most": int(images.max()),
        "accuracy": run.accuracy,
        "balanced_accuracy": balanced,
    }


def badly_calibrated(material: Material) -> Iterator[Finding]:
    """The network is far more, or less, sure than it is right: expected calibration error over its seeds."""
    return per_cell(
        material,
        _miscalibration,
        "badly-calibrated",
        "note",
        lambda n: (
            f"its mean confidence is {percent_of(n, 'confidence')}, its accuracy {percent_of(n, 'accuracy')}: "
            f"{'over' if float(n['confidence']) > float(n['accuracy']) else 'under'}confident, expected calibration "
            f"error {percent_of(n, 'calibration_error')}."
        ),
        "Do not trust its probabilities as they are: scale the logits by a temperature fitted on validation images, "
        "or use label smoothing.",
    )


def _miscalibration(run: Tested) -> Numbers | None:
    seen = run.reliability
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


def label_suspects(material: Material, *, fewest_runs: int = 3, within: float = 0.1) -> Iterator[Finding]:
    """Images that every well-trained net gets wrong the same way: their labels may be wrong.

    Well trained is who comes within `within` of the best accuracy on this data set; two networks and `fewest_runs`
    runs at least have to agree.
    """
    by_data: dict[str, list[Tested]] = {}
    for run in material.tested.values():
        by_data.setdefault(run.result.run.data_hash, []).append(run)
    for runs in by_data.values():
        best = max(run.accuracy for run in runs)
        good = [run for run in runs if run.accuracy >= best - within]
        nets = {run.result.run.net for run in good}
        if best < 0.5 or len(good) < fewest_runs or len(nets) < 2:
            continue
        said = np.stack([run.predicted for run in good])
        suspects = np.flatnonzero((said == said[0]).all(axis=0) & (said[0] != good[0].labels))
        if not len(suspects):
            continue
        ids = {run.result.id for run in good}
        touched = [cell for cell in material.cells if any(result.id in ids for result in cell.finished)]
        names = good[0].classes
        shown = [f"{i} ({names[good[0].labels[i]]} taken for {names[said[0][i]]})" for i in suspects[:20]]
        message = (
            f"All {len(good)} good runs of {len(nets)} networks take {len(suspects):,} of the "
            f"{len(good[0].labels):,} test images of {touched[0].data} for the same wrong class: {listing(shown, 4)}."
        )
        evidence: Numbers = {
            "images": len(suspects),
            "share": len(suspects) / len(good[0].labels),
            "runs": len(good),
            "networks": len(nets),
            "positions": ", ".join(map(str, suspects.tolist())),
        }
        advice = "Look at these images: their labels may be wrong, which limits every accuracy, or they are hard."
        results = [run.result for run in good]
        yield replace(of_cells("label-suspects", "note", message, advice, touched, (evidence,), results), recipe="")
