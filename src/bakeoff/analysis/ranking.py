"""The ranking: one row per data set, recipe and network, over the finished seeds. No torch.

A table has the networks of one data set under one recipe, or under all recipes that a study compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from statistics import fmean
from typing import Any, Literal, TypeAlias

from bakeoff.analysis.cells import Cell, group_cells, group_into_tables, parameters_of
from bakeoff.analysis.timing import Timing, calibrated_seconds, judge_times
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import data_label
from bakeoff.spec.records import Failure, Result, Unreadable
from bakeoff.text.formats import accuracy_digits

RankBy: TypeAlias = Literal["test", "validation"]

RANK_BY: Mapping[RankBy, str] = {
    "test": "test accuracy",
    "validation": "validation accuracy of the reported epochs",
}
"""What networks may be ranked by. The best by test accuracy was partly lucky on the test images, so its test accuracy
is too high; that of the best by validation accuracy is not."""
ALONE = "exclusive_images_per_second"
"""The measure of `images_per_second` with nothing beside."""


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
    """Median over seeds, without evaluation and start-up."""
    images_per_second: float | None
    """In training; measured with nothing beside it, if that was done for all networks of the table."""
    parameters_are: str | None
    """"trainable", or "all" for runs of a version that counted no others: trainable or not."""
    runs: tuple[str, ...] = ()
    """Ids of all its runs, finished or not."""
    failures: tuple[dict[str, Any], ...] = ()
    """For each seed that failed: seed, kind, message, and file and line if it came from a user's file."""
    version: str | None = None
    """How the images differ from others of that name in the store, in words."""
    validation_accuracy: float | None = None
    """For the reported epochs, mean over seeds; None if validation used no images or the test images."""
    ranked_by: str = RANK_BY["test"]
    label: str = ""
    """Its label in the table: the network and, if several recipes are compared, the recipe."""
    table: str = ""
    """The recipe of its table; where a study compared several, all of them: "quick and clark2020"."""
    epochs: int | None = None
    """Those that the recipe allows; None for a probe."""
    images_seen: int | None = None
    """Training images times epochs that were trained, mean over seeds."""
    starts_from: str | None = None
    """Name and first digits of the weights that the network starts from; None if it starts from scratch."""
    weights: str | None = None
    """Their SHA-256."""
    features_seconds: float | None = None
    """For a probe, the part of `train_seconds` spent on features, computed once for all seeds. Median."""
    folds: int | None = None
    """Number of folds of a cross-validation; None if the test images are always the same."""
    rank_low: int | None = None
    """With `rank_high`, the ranks it may have, as networks that do not differ significantly share them; None where that
    is not known, or where the table is ranked by validation accuracy."""
    rank_high: int | None = None
    flaw: str | None = None
    """Why it has no rank although it has a result, a key of `flaws.WORDS`."""
    test_images: int | None = None
    """Images that each seed was tested on."""
    optimism: float | None = None
    """For the best: by how much its test accuracy is probably too high because it was selected by it, a fraction."""
    time_caution: str | None = None
    """Why `train_seconds` must not be compared within the table."""
    calibrated_seconds: float | None = None
    """Where they must not, those of a machine that computes convolutions at 100 GFLOP/s, which may be compared; median
    over seeds. None where seconds may be compared, or the machines were not measured."""

    @property
    def digits(self) -> int:
        """Decimals of its accuracies in percent: as many as its test images can resolve."""
        return accuracy_digits(self.test_images)


def rank(results: Iterable[Result], by: RankBy = "test", unreadable: Iterable[Unreadable] = ()) -> list[Row]:
    """Return the rows, data set by data set and recipe by recipe, the best mean accuracy of `by` first.

    Runs that cannot be read are among the `failures` of the row they would be in, or have a row of their own.

    Raises:
        BakeoffError: ranking by validation accuracy, and a finished network has none.
    """
    rows = rank_cells(group_cells(results), by)
    for run in unreadable:
        values = {"seed": run.seed, "kind": run.state, "message": run.reason, "file": None, "line": None}
        place = (data_label(run.data), run.recipe, run.net)
        at = next((i for i, row in enumerate(rows) if (row.data, row.recipe, row.net) == place), None)
        if at is None:
            at = len(rows)
            rows.append(_row_without_runs(*place, [row for row in rows if (row.data, row.recipe) == place[:2]]))
        rows[at] = replace(
            rows[at],
            planned=rows[at].planned + 1,
            failures=(*rows[at].failures, values),
            runs=(*rows[at].runs, run.id),
        )
    return rows


def _row_without_runs(data: str, recipe: str, net: str, beside: Sequence[Row]) -> Row:
    """Return the row of a network without results, in the table of other networks of its data and recipe, if any."""
    table = beside[0].table if beside else recipe
    label = f"{net}{beside[0].label.removeprefix(beside[0].net)}" if beside else net
    values: Any = dict.fromkeys(field.name for field in fields(Row) if field.default is MISSING)
    values |= {"data": data, "recipe": recipe, "net": net, "seeds": 0, "planned": 0, "failed": 0, "selection": ""}
    return Row(**values, table=table, label=label)


def rank_cells(given: Iterable[Cell], by: RankBy = "test") -> list[Row]:
    """Return the rows of some cells of a store, with their labels in the whole store.

    Raises:
        BakeoffError: ranking by validation accuracy, and a finished network has none.
    """
    return [
        row
        for table in group_into_tables(given)
        for row in _ranked([(row, score(cell, by)) for cell, row in zip(table, _rows(table, by), strict=True)])
    ]


def _rows(table: Sequence[Cell], by: RankBy) -> list[Row]:
    """Return the rows of a table, with what may be said about their times."""
    rows = [_row(cell, by) for cell in table]
    finished = [cell for cell in table if cell.finished]
    alone = [cell.median(ALONE) for cell in finished]
    if None not in alone:
        rows = [replace(row, images_per_second=cell.median(ALONE)) for row, cell in zip(rows, table, strict=True)]
    timing = judge_times(finished) if len(finished) > 1 else Timing()
    if not timing.caution:
        return rows
    return [
        replace(
            row,
            time_caution=timing.caution,
            calibrated_seconds=calibrated_seconds(cell) if timing.is_calibrated else None,
        )
        for row, cell in zip(rows, table, strict=True)
    ]


def score(cell: Cell, by: RankBy = "test") -> float | None:
    """Return what a cell is ranked by, higher is better; None before a seed finished.

    Raises:
        BakeoffError: ranking by validation accuracy, and a finished network has none.
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


def group_by_table(rows: Iterable[Row]) -> list[list[Row]]:
    """Split rows into their tables, in their order: of one data set, and of one recipe or those that are compared."""
    tables: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        tables.setdefault((row.data, row.table), []).append(row)
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
        runs=cell.run_ids,
        failures=tuple(_failure(result.run.seed, result.failure) for result in cell.results if result.failure),
        version=cell.results[0].version or None,
        validation_accuracy=cell.validation_accuracy,
        ranked_by=RANK_BY[by],
        folds=len(cell.results[0].parts) or None,
        label=cell.label,
        table=cell.table,
        epochs=None if cell.results[0].run.recipe.probe else cell.results[0].run.recipe.epochs,
        images_seen=_images_seen(cell),
        starts_from=cell.starts_from or None,
        weights=cell.results[0].run.weights or None,
        features_seconds=cell.median("features_seconds"),
        test_images=cell.test_images,
    )


def _images_seen(cell: Cell) -> int | None:
    seen = [len(r.epochs) * r.measures["train_images"] for r in cell.finished if "train_images" in r.measures]
    return round(fmean(seen)) if seen else None


def _failure(seed: int, failure: Failure) -> dict[str, Any]:
    place = {"file": failure.file or None, "line": failure.line}
    return {"seed": seed, "kind": failure.kind, "message": failure.message} | place
