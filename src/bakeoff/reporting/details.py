"""Learning curves and confusion matrices as rows, for spreadsheets and custom plots. No torch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis.cells import Cell, group_cells
from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.measure.quality import confusion
from bakeoff.spec.records import Result
from bakeoff.spec.run import without_versions
from bakeoff.store.store import Store


@dataclass(frozen=True)
class CurvePoint:
    """One epoch of one run. The field names are keys of the JSON and CSV and must not change."""

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
class ConfusionCount:
    """One cell of a confusion matrix. The field names are keys of the JSON and CSV and must not change."""

    data: str
    recipe: str
    net: str
    seeds: int
    """Number of seeds whose images are summed."""
    true: str
    predicted: str
    images: int
    share: float
    """Fraction of the images of the true class."""


def list_epochs(results: Iterable[Result]) -> list[CurvePoint]:
    """Return all epochs of all runs, finished or not."""
    return [point for cell in group_cells(results) for result in cell.results for point in _epochs(cell, result)]


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


def count_confusions(store: Store, net: str, results: Iterable[Result] | None = None) -> list[ConfusionCount]:
    """Return the confusion matrix of a network for each data set and recipe, summed over finished seeds.

    With `results` only these runs of the store count. A user's own network may go without the digits of its hash, if it
    is the only one of that name.

    Raises:
        BakeoffError: the store has no finished run of it.
    """
    finished = [cell for cell in group_cells(store.results() if results is None else results) if cell.finished]
    own = [cell for cell in finished if cell.net == net] or _user_cells(finished, net)
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
            ConfusionCount(
                cell.data, cell.recipe, cell.net, len(cell.finished), names[i], names[j], int(n), float(n / totals[i])
            )
            for (i, j), n in np.ndenumerate(counts)
            if totals[i]
        ]
    return found


def _user_cells(cells: Iterable[Cell], name: str) -> list[Cell]:
    own = [cell for cell in cells if without_versions(cell.net) == name]
    return own if len({cell.net for cell in own}) == 1 else []
