"""The ranked answer: one row per data set, recipe and network, over the seeds that finished. No torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from statistics import fmean, median
from typing import Any, Literal, TypeAlias

from bakeoff.analysis.labels import recipe_labels, trained
from bakeoff.data.versions import versions
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import data_label
from bakeoff.spec.records import Failure, Result, Unreadable
from bakeoff.stats.intervals import Interval, mean_interval


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
        if not values:
            return None
        return accuracy_interval(values, self.finished) if measure == "test_accuracy" else mean_interval(values)

    @property
    def validation_accuracy(self) -> float | None:
        """Mean validation accuracy of the reported epochs; None where a finished seed has none.

        Accuracies of test images that were watched in training are none.
        """
        found = [_reported_validation(result) for result in self.finished]
        known = [accuracy for accuracy in found if accuracy is not None]
        return fmean(known) if known and len(known) == len(found) else None

    def median(self, measure: str) -> float | None:
        """Return the median over the finished seeds that have the measure, None if none has."""
        values = [r.measures[measure] for r in self.finished if measure in r.measures]
        return median(values) if values else None


def accuracy_interval(accuracies: Sequence[float], results: Sequence[Result]) -> Interval:
    """Return the interval of test accuracies: within 0 to 1, of seeds that differ by one test image at least."""
    images = min((r.measures.get("test_images", 0) for r in results), default=0)
    return mean_interval(accuracies, step=1 / images if images else 0.0, within=(0.0, 1.0))


def _reported_validation(result: Result) -> float | None:
    if result.run.recipe.validation in ("none", "test"):
        return None
    reported = result.measures.get("reported_epoch", len(result.epochs))
    return next((epoch.validation_accuracy for epoch in result.epochs if epoch.epoch == reported), None)


RankBy: TypeAlias = Literal["test", "validation"]

RANK_BY: Mapping[RankBy, str] = {
    "test": "test accuracy",
    "validation": "validation accuracy of the reported epochs",
}
"""What networks may be ranked by. The best by test accuracy is in part the luckiest on the test images, so that its own
test accuracy is too high; that of the best by validation accuracy is not."""


@dataclass(frozen=True)
class Row:
    """One line of the ranking. The field names are the keys of the JSON and CSV: they stay."""

    data: str
    recipe: str
    rank: int | None
    """1 is the highest mean of `ranked_by` on this data set under this recipe; None before a seed finished."""
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
    validation_accuracy: float | None = None
    """Of the reported epochs, mean over seeds; None where no images were set aside, or the test was watched."""
    ranked_by: str = RANK_BY["test"]


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


def rank(results: Iterable[Result], by: RankBy = "test", unreadable: Iterable[Unreadable] = ()) -> list[Row]:
    """Return the rows, data set by data set and recipe by recipe, the best mean accuracy of `by` first.

    Runs that cannot be read are among the `failures` of the row they would be in, or have one of their own.

    Raises:
        BakeoffError: it is to be the validation accuracy, and a network that finished has none.
    """
    rows = rank_cells(cells(results), by)
    for run in unreadable:
        told = {"seed": run.seed, "kind": run.state, "message": run.reason, "file": None, "line": None}
        place = (data_label(run.data), run.recipe, run.net)
        at = next((i for i, row in enumerate(rows) if (row.data, row.recipe, row.net) == place), None)
        if at is None:
            at = len(rows)
            rows.append(_row_without_runs(*place))
        rows[at] = replace(
            rows[at],
            planned=rows[at].planned + 1,
            failures=(*rows[at].failures, told),
            runs=(*rows[at].runs, run.id),
        )
    return rows


def _row_without_runs(data: str, recipe: str, net: str) -> Row:
    told: Any = dict.fromkeys(field.name for field in fields(Row) if field.default is MISSING)
    told |= {"data": data, "recipe": recipe, "net": net, "seeds": 0, "planned": 0, "failed": 0, "selection": ""}
    return Row(**told)


def rank_cells(given: Iterable[Cell], by: RankBy = "test") -> list[Row]:
    """Return the rows of cells, which keep their labels though they are only some of a store's.

    Raises:
        BakeoffError: it is to be the validation accuracy, and a network that finished has none.
    """
    return [row for table in _tables(given) for row in _ranked([(_row(cell, by), score(cell, by)) for cell in table])]


def score(cell: Cell, by: RankBy = "test") -> float | None:
    """Return what a cell is ranked by, higher is better; None before a seed finished.

    Raises:
        BakeoffError: it is to be the validation accuracy, and a network that finished has none.
    """
    if by == "test":
        accuracy = cell.interval("test_accuracy")
        return accuracy.mean if accuracy else None
    if cell.finished and cell.validation_accuracy is None:
        raise BakeoffError(
            f"ranking by validation accuracy needs one of every network, but {cell.net} on {cell.data}, recipe "
            f"{cell.recipe}, has none (validation={cell.results[0].run.recipe.validation}): train with "
            "--set validation=0.1, or rank by test accuracy"
        )
    return cell.validation_accuracy


def by_table(rows: Iterable[Row]) -> list[list[Row]]:
    """Split rows into tables of one data set and one recipe each, in their order."""
    tables: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        tables.setdefault((row.data, row.recipe), []).append(row)
    return list(tables.values())


def _tables(given: Iterable[Cell]) -> list[list[Cell]]:
    tables: dict[tuple[str, str], list[Cell]] = {}
    for cell in given:
        tables.setdefault((cell.data, cell.recipe), []).append(cell)
    return list(tables.values())


def _ranked(table: Sequence[tuple[Row, float | None]]) -> list[Row]:
    """Put the best first; equal means share a rank."""
    scores = [own for _, own in table if own is not None]
    ranked = [replace(row, rank=None if own is None else 1 + sum(s > own for s in scores)) for row, own in table]
    return sorted(ranked, key=lambda row: len(table) + 1 if row.rank is None else row.rank)


def _row(cell: Cell, by: RankBy) -> Row:
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
        test_accuracy_low=accuracy.low if accuracy else None,
        test_accuracy_high=accuracy.high if accuracy else None,
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
        validation_accuracy=cell.validation_accuracy,
        ranked_by=RANK_BY[by],
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
