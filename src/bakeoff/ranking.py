"""The ranked answer: one row per data set, recipe and network, over the seeds that finished. No torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from bakeoff.labels import recipe_labels, trained
from bakeoff.records import Failure, Result
from bakeoff.stats import Interval, mean_interval
from bakeoff.versions import versions


@dataclass(frozen=True)
class Cell:
    """All seeds of one network on one data set under one recipe."""

    data: str
    recipe: str
    net: str
    results: tuple[Result, ...]

    @property
    def finished(self) -> tuple[Result, ...]:
        """The runs that have a result."""
        return tuple(result for result in self.results if result.state == "done")

    @property
    def selection(self) -> str:
        """The rule by which the reported epoch was chosen."""
        return self.results[0].selection

    def interval(self, measure: str) -> Interval | None:
        """Return mean and interval over the finished seeds that have the measure, None if none has."""
        values = [r.measures[measure] for r in self.finished if measure in r.measures]
        return mean_interval(values) if values else None

    def median(self, measure: str) -> float | None:
        """Return the median over the finished seeds that have the measure, None if none has."""
        values = [r.measures[measure] for r in self.finished if measure in r.measures]
        return median(values) if values else None


@dataclass(frozen=True)
class Row:
    """One line of the ranking. The field names are the keys of the JSON and CSV: they stay."""

    data: str
    recipe: str
    rank: int | None
    """1 is the highest mean test accuracy on this data set under this recipe; None before a seed finished."""
    net: str
    test_accuracy: float | None
    test_accuracy_sd: float | None
    test_accuracy_low: float | None
    test_accuracy_high: float | None
    interval: str | None
    seeds: int
    """Seeds that finished."""
    planned: int
    failed: int
    selection: str
    test_loss: float | None
    parameters: int | None
    """Trainable ones, as papers count, or what `parameters_are` says."""
    flops: int | None
    """One forward pass of one image; a multiply-add counts as 2."""
    train_seconds: float | None
    """Median over seeds, evaluation and start-up off the clock."""
    images_per_second: float | None
    parameters_are: str | None
    """"trainable", or "all" for runs of a version that counted no others: trainable or not."""
    runs: tuple[str, ...] = ()
    """Ids of all its runs, finished or not."""
    failures: tuple[dict[str, Any], ...] = ()
    """Of each seed that failed: seed, kind, message, and file and line where it came from a user's own file."""
    version: str | None = None
    """How the images differ from others of that name in the store, in words."""


def cells(results: Iterable[Result]) -> list[Cell]:
    """Group runs that differ in nothing but the seed, in the order they were planned; those of two protocols differ.

    Different images under one name (a folder that changed, two folders of one name) are told apart by their hash,
    recipes as `recipe_labels` says.
    """
    results = list(results)
    recipes = recipe_labels(result.run for result in results)
    groups: dict[tuple[str, str, int, str], list[Result]] = {}
    for result in results:
        run = result.run
        groups.setdefault((run.data_hash, run.recipe.key, run.protocol, run.net), []).append(result)
    labels = versions((result.run.data, result.run.data_hash) for result in results)
    return [
        Cell(
            group[0].data or labels[data_hash].label,
            recipes[trained(group[0].run)],
            net,
            tuple(group),
        )
        for (data_hash, _, _, net), group in groups.items()
    ]


def rank(results: Iterable[Result]) -> list[Row]:
    """Return the rows, data set by data set and recipe by recipe, best mean test accuracy first."""
    return rank_cells(cells(results))


def rank_cells(given: Iterable[Cell]) -> list[Row]:
    """Return the rows of cells, which keep their labels though they are only some of a store's."""
    return [row for table in by_table(map(_row, given)) for row in _ranked(table)]


def by_table(rows: Iterable[Row]) -> list[list[Row]]:
    """Split rows into tables of one data set and one recipe each, in their order."""
    tables: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        tables.setdefault((row.data, row.recipe), []).append(row)
    return list(tables.values())


def _ranked(table: Sequence[Row]) -> list[Row]:
    """Put the best first; equal means share a rank."""
    means = [row.test_accuracy for row in table if row.test_accuracy is not None]
    ranked = [
        row if row.test_accuracy is None else replace(row, rank=1 + sum(m > row.test_accuracy for m in means))
        for row in table
    ]
    return sorted(ranked, key=lambda row: len(table) + 1 if row.rank is None else row.rank)


def _row(cell: Cell) -> Row:
    accuracy = cell.interval("test_accuracy")
    loss = cell.interval("test_loss")
    parameters, kind = parameters_of(cell)
    flops = cell.median("flops")
    return Row(
        data=cell.data,
        recipe=cell.recipe,
        rank=None,
        net=cell.net,
        test_accuracy=accuracy.mean if accuracy else None,
        test_accuracy_sd=accuracy.sd if accuracy else None,
        test_accuracy_low=max(0.0, accuracy.low) if accuracy and accuracy.low is not None else None,
        test_accuracy_high=min(1.0, accuracy.high) if accuracy and accuracy.high is not None else None,
        interval=accuracy.method if accuracy else None,
        seeds=len(cell.finished),
        planned=len(cell.results),
        failed=sum(result.state == "failed" for result in cell.results),
        selection=cell.selection,
        test_loss=loss.mean if loss else None,
        parameters=None if parameters is None else int(parameters),
        flops=None if flops is None else int(flops),
        train_seconds=cell.median("train_seconds"),
        images_per_second=cell.median("images_per_second"),
        parameters_are=kind,
        runs=tuple(result.id for result in cell.results),
        failures=tuple(_failure(result.run.seed, result.failure) for result in cell.results if result.failure),
        version=cell.results[0].version or None,
    )


def _failure(seed: int, failure: Failure) -> dict[str, Any]:
    place = {"file": failure.file or None, "line": failure.line}
    return {"seed": seed, "kind": failure.kind, "message": failure.message} | place


def parameters_of(cell: Cell) -> tuple[float | None, str | None]:
    """Return a cell's trainable parameters, or all where its runs do not say which are; and which of these it is."""
    for measure, kind in (("trainable_parameters", "trainable"), ("parameters", "all")):
        if (count := cell.median(measure)) is not None:
            return count, kind
    return None, None
