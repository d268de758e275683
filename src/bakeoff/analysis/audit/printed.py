"""The audit of published tables: what a study's own numbers and settings reveal, without training. No torch.

Tables have no predictions, curves or other seeds, so the findings that need them are left to the audit of a store.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from bakeoff.analysis.audit import comparisons, conditions, training
from bakeoff.analysis.audit.finding import SEVERITIES, Finding, Numbers, make_finding, percent_of
from bakeoff.analysis.cells import Cell, group_cells
from bakeoff.analysis.machine_load import LOADED
from bakeoff.analysis.snapshot import Snapshot
from bakeoff.data.catalogue import DATASETS
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.records import Result
from bakeoff.spec.run import Run
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import GridCell, Published
from bakeoff.text.formats import listing

AFTER = "accuracy after epoch "
SATURATED = 10.0
"""Loss per misclassified image of a network with saturated outputs: -ln(1e-7) is 16.1, an honest guess costs 2 or 3."""
FEWEST_ERRORS = 0.05
"""With fewer misclassified images, the loss may consist of weight penalties."""


Network = tuple[str, ImageShape, int]
"""(name, shape of one image, classes)."""


def printed_networks(study: Study) -> list[Network]:
    """Return the networks whose numbers a study printed, if the shape of their images is known."""
    found = ((_settings(study, printed), printed) for printed in study.published if printed.data in DATASETS)
    return list(
        dict.fromkeys(
            (printed.net, recipe.image.shape(DATASETS[printed.data].shape), DATASETS[printed.data].classes)
            for recipe, printed in found
        )
    )


def audit_printed(study: Study, built: Mapping[Network, Mapping[str, Any]] | None = None) -> list[Finding]:
    """Return what is found in the published tables of a study, the most serious first.

    `built` has summaries (`nets.summary.Summary` as dicts) of its `networks` as they are built here; without it, their
    layers and parameters are not checked.

    Raises:
        BakeoffError: the study has no published numbers.
    """
    if not study.published:
        raise BakeoffError(f"the study {study.name!r} has no published numbers to audit")
    results = [_result(study, printed, built or {}) for printed in study.published if not _is_corrected(study, printed)]
    printed_together = tuple(dataclasses.replace(cell, recipe=study.name) for cell in group_cells(results))
    snapshot = Snapshot(printed_together, {}, _parameters(study))
    found = [
        dataclasses.replace(finding, runs=()) for check in PRINTED_FINDINGS.values() for finding in check(snapshot)
    ]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _is_corrected(study: Study, printed: Published) -> bool:
    """Return whether the study also has this number with the settings that it really comes from."""
    own = (printed.net, printed.data, printed.test_accuracy)
    others = (other for other in study.published if other.set and not printed.set)
    return bool(printed.not_reproducible) and any((o.net, o.data, o.test_accuracy) == own for o in others)


def _settings(study: Study, printed: Published) -> Recipe:
    """Return the recipe of a published number, under the name of its study."""
    recipe, changes = study.treatment(printed.net, printed.data)
    place = GridCell(printed.net, printed.data, recipe, changes, printed.set)
    return replace(recipe_for(place, _facts(printed.data)), name=study.name)


def _result(study: Study, printed: Published, built: Mapping[Network, Mapping[str, Any]]) -> Result:
    """Return a published number as if it were a run, so that the same checks apply."""
    settings = _settings(study, printed)
    names = ("test_accuracy", "test_loss", "train_accuracy", "epoch_seconds")
    measures = {name: value for name in names if (value := getattr(printed, name)) is not None}
    measures |= {AFTER + epoch: accuracy for epoch, accuracy in printed.accuracy_after_epoch.items()}
    if printed.seconds is not None:
        measures.setdefault("epoch_seconds", printed.seconds / settings.epochs)
    layers: tuple[dict, ...] = ()
    if (entry := DATASETS.get(printed.data)) is not None:
        summary = built.get((printed.net, settings.image.shape(entry.shape), entry.classes))
        if summary is not None:
            measures |= {"parameters": summary["total"], "trainable_parameters": summary["trainable"]}
            layers = tuple(summary["layers"])
    run = Run(printed.net, printed.data, printed.data, settings, 0)
    state = "done" if "test_accuracy" in measures else "waiting"
    return Result(id=run.id, run=run, state=state, measures=measures, layers=layers)


def _parameters(study: Study) -> dict[tuple[str, str, str, str], float]:
    return {
        (printed.net, printed.data, study.name, measure): value
        for printed in study.published
        for measure in ("parameters", "trainable_parameters")
        if not printed.set and (value := getattr(printed, measure)) is not None
    }


def _facts(name: str) -> DataInfo:
    return DATASETS[name].info() if name in DATASETS else DataInfo(name, None, (), "", 0, 0, 0, True)


def _per_number(
    snapshot: Snapshot, check: Callable[[Mapping[str, float], str], Numbers | None]
) -> Iterator[tuple[Cell, Numbers]]:
    for cell in snapshot.cells:
        for result in cell.finished:
            if (numbers := check(result.measures, result.run.data)) is not None:
                yield cell, numbers


def no_better_than_guessing(snapshot: Snapshot) -> Iterator[Finding]:
    """An accuracy is no higher than 1 / classes, the least that always predicting the most common class can give."""
    advice = "Leave the number out: it shows that training failed, and says nothing about the network."

    def check(measures: Mapping[str, float], data: str) -> Numbers | None:
        if data not in DATASETS:
            return None
        chance, images = 1 / DATASETS[data].classes, DATASETS[data].test_images
        limit = chance + 1.645 * math.sqrt(chance * (1 - chance) / images)
        accuracy = measures["test_accuracy"]
        return {"accuracy": accuracy, "by_chance": chance} if accuracy <= limit else None

    for cell, numbers in _per_number(snapshot, check):
        message = (
            f"{cell.net} on {cell.data}: {percent_of(numbers, 'accuracy')} accuracy is no more than always "
            f"predicting one class can give ({percent_of(numbers, 'by_chance')} or more)."
        )
        yield make_finding("no-better-than-majority", "serious", message, advice, [cell], (numbers,))


def saturated(snapshot: Snapshot) -> Iterator[Finding]:
    """The loss is so high for the number of errors that outputs are stuck: dead classes, or a collapse."""
    advice = (
        "Ask for the confusion matrix, or train it again with several seeds: some classes are probably never predicted."
    )

    def check(measures: Mapping[str, float], _: str) -> Numbers | None:
        wrong, loss = 1 - measures["test_accuracy"], measures.get("test_loss")
        if loss is None or wrong < FEWEST_ERRORS or loss < SATURATED * wrong:
            return None
        return {"test_loss": loss, "wrong": wrong, "loss_per_error": loss / wrong}

    for cell, numbers in _per_number(snapshot, check):
        message = (
            f"{cell.net} on {cell.data}: a test loss of {float(numbers['test_loss']):.2f} with "
            f"{percent_of(numbers, 'wrong')} wrong is {float(numbers['loss_per_error']):.1f} for each wrong image: "
            "the outputs are stuck at their limits (16.1 where the softmax is clipped at 1e-7)."
        )
        yield make_finding("dead-classes", "serious", message, advice, [cell], (numbers,))


def over_fitted(snapshot: Snapshot) -> Iterator[Finding]:
    """The accuracy on training images is ten points or more above that on test images."""
    advice = "It was probably trained too long or with too little regularisation."

    def check(measures: Mapping[str, float], _: str) -> Numbers | None:
        known, right = measures.get("train_accuracy"), measures["test_accuracy"]
        return {"train_accuracy": known, "test_accuracy": right} if known is not None and known - right >= 0.1 else None

    for cell, numbers in _per_number(snapshot, check):
        message = (
            f"{cell.net} on {cell.data}: {percent_of(numbers, 'train_accuracy')} accuracy on the training images but "
            f"{percent_of(numbers, 'test_accuracy')} on the test images."
        )
        yield make_finding("over-fitted", "caution", message, advice, [cell], (numbers,))


def test_set_too_small(snapshot: Snapshot) -> Iterator[Finding]:
    """The lead of the best number over others is within the noise of the test images.

    A table does not say which images each network got wrong, so errors are assumed to be independent; paired by image,
    smaller differences could be distinguished.
    """
    for table in snapshot.tables:
        images = DATASETS[table[0].data].test_images if table[0].data in DATASETS else 0
        numbers = sorted(((cell.finished[0].measures["test_accuracy"], cell) for cell in table), key=lambda n: -n[0])
        if len(numbers) < 2 or not images:
            continue
        best, first = numbers[0]
        close = []
        for accuracy, cell in numbers[1:]:
            half = 1.96 * math.sqrt((best * (1 - best) + accuracy * (1 - accuracy)) / images)
            if best - accuracy < half:
                close.append((cell, best - accuracy, half))
        if not close:
            continue
        leads = listing([f"{cell.net} by {100 * lead:.2f}" for cell, lead, _ in close])
        message = (
            f"On {first.data}, {first.net} leads {leads} points; {images:,} test images alone make that uncertain by "
            f"up to ±{100 * close[0][2]:.2f} points, other seeds by more."
        )
        evidence: list[Numbers] = [
            {"net": cell.net, "difference": lead, "half_width": half, "test_images": images}
            for cell, lead, half in close
        ]
        advice = "Do not call either of them better on the basis of this table."
        touched = [first, *(cell for cell, _, _ in close)]
        yield make_finding("test-set-too-small", "caution", message, advice, touched, tuple(evidence))


def poor_epoch(snapshot: Snapshot) -> Iterator[Finding]:
    """The reported number is lower than that of another epoch by more than the images can explain."""
    advice = "The network was better at another epoch; the reported number is that of this epoch only."

    def check(measures: Mapping[str, float], data: str) -> Numbers | None:
        after = {name.removeprefix(AFTER): value for name, value in measures.items() if name.startswith(AFTER)}
        if not after or data not in DATASETS:
            return None
        best, own = max(after, key=lambda epoch: after[epoch]), measures["test_accuracy"]
        noise = math.sqrt(2 * after[best] * (1 - after[best]) / DATASETS[data].test_images)
        limit = max(training.SMALLEST_LUCK, 3 * noise)
        if own > after[best] - limit:
            return None
        return {"epoch": best, "accuracy": own, "best_neighbour": after[best], "off": own - after[best], "limit": limit}

    for cell, numbers in _per_number(snapshot, check):
        message = (
            f"{cell.net} on {cell.data}: {percent_of(numbers, 'accuracy')} was reported, but after epoch "
            f"{numbers['epoch']} it had {percent_of(numbers, 'best_neighbour')}: the reported epoch is a poor one "
            "of a noisy curve."
        )
        yield make_finding("lucky-epoch", "caution", message, advice, [cell], (numbers,))


def unlike_times(snapshot: Snapshot) -> Iterator[Finding]:
    """Epochs of one network with equally many images of one shape took very different times."""
    advice = "Do not compare its times: the machine or its load was different."
    times: dict[tuple[str, ImageShape, int], dict[str, tuple[float, Cell]]] = {}
    for cell in snapshot.cells:
        run, seconds = cell.results[0].run, cell.results[0].measures.get("epoch_seconds")
        if seconds is not None and run.data in DATASETS:
            entry = DATASETS[run.data]
            work = (run.net, run.recipe.image.shape(entry.shape), entry.train_images)
            times.setdefault(work, {}).setdefault(run.data, (seconds, cell))
    for (net, shape, images), own in times.items():
        quick, slow = min(own.values(), key=lambda one: one[0]), max(own.values(), key=lambda one: one[0])
        if slow[0] < LOADED * quick[0]:
            continue
        took = listing([f"{seconds:,.0f} s on {data}" for data, (seconds, _) in own.items()])
        message = f"{net}: an epoch of {images:,} {shape} images took {took}, which is the same work."
        numbers = {"fastest": quick[0], "slowest": slow[0], "ratio": slow[0] / quick[0]}
        for _, cell in own.values():
            yield make_finding("loaded-machine", "note", message, advice, [cell], (numbers,))


PRINTED_FINDINGS: Mapping[str, Callable[[Snapshot], Iterator[Finding]]] = {
    "no-better-than-majority": no_better_than_guessing,
    "dead-classes": saturated,
    "chosen-on-test": training.chosen_on_test,
    "parameters-depart": conditions.parameters_depart,
    "shapes-depart": conditions.shapes_depart,
    "lucky-epoch": poor_epoch,
    "over-fitted": over_fitted,
    "unequal-budgets": comparisons.unequal_budgets,
    "not-normalised": comparisons.not_normalised,
    "test-set-too-small": test_set_too_small,
    "single-run": comparisons.single_run,
    "loaded-machine": unlike_times,
}
"""The checks of published tables; the kinds are those of `FINDINGS`."""
