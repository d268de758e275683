"""Learning curves and confusions as rows for a spreadsheet or a plot of one's own. No torch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis.ranking import Cell, cells
from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.measure.quality import confusion
from bakeoff.spec.records import Result
from bakeoff.store.store import Store


@dataclass(frozen=True)
class CurvePoint:
    """One epoch of one run. The field names are the keys of the JSON and CSV: they stay."""

    data: str
    recipe: str
    net: str
    seed: int
    run: str
    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    train_seconds: float
    evaluation_seconds: float


@dataclass(frozen=True)
class Confused:
    """How many test images of a class were taken for another, or for itself. The field names are keys: they stay."""

    data: str
    recipe: str
    net: str
    seeds: int
    """Over how many the images are counted."""
    true: str
    predicted: str
    images: int
    share: float
    """Of all images of the class, a fraction of 1."""


def curves(results: Iterable[Result]) -> list[CurvePoint]:
    """Return every epoch of every run, finished or not."""
    return [point for cell in cells(results) for result in cell.results for point in _epochs(cell, result)]


def _epochs(cell: Cell, result: Result) -> Iterator[CurvePoint]:
    for epoch in result.epochs:
        yield CurvePoint(
            data=cell.data,
            recipe=cell.recipe,
            net=cell.net,
            seed=result.run.seed,
            run=result.id,
            epoch=epoch.epoch,
            train_loss=epoch.train_loss,
            train_accuracy=epoch.train_accuracy,
            validation_loss=epoch.validation_loss,
            validation_accuracy=epoch.validation_accuracy,
            learning_rate=epoch.learning_rate,
            train_seconds=epoch.train_seconds,
            evaluation_seconds=epoch.evaluation_seconds,
        )


def confusions(store: Store, net: str) -> list[Confused]:
    """Return the confusions of a network on every data set and under every recipe it finished with, seeds together.

    Raises:
        BakeoffError: the store has no finished run of it.
    """
    finished = [cell for cell in cells(store.results()) if cell.finished]
    own = [cell for cell in finished if cell.net == net]
    if not own:
        raise BakeoffError(f"{store.path} has no finished run of {net!r}: {hint(net, {cell.net for cell in finished})}")
    records = store.datasets()
    found = []
    for cell in own:
        record = records[cell.results[0].run.data_hash]
        names = [str(name) for name in record.facts.get("classes", ())]
        counts = np.zeros((0, 0), np.int64)
        for result in cell.finished:
            predicted, probabilities = store.predictions(result.id)
            one = confusion(record.test_labels, predicted, probabilities.shape[1])
            counts = one if not counts.size else counts + one
        names = names or [str(number) for number in range(len(counts))]
        totals = counts.sum(axis=1)
        found += [
            Confused(cell.data, cell.recipe, net, len(cell.finished), names[i], names[j], int(n), float(n / totals[i]))
            for (i, j), n in np.ndenumerate(counts)
            if totals[i]
        ]
    return found
