"""Read a store into the model that the page, the figures and a notebook show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bakeoff.analysis.cells import Cell, group_cells, group_into_tables
from bakeoff.analysis.flaws import find_flaw
from bakeoff.analysis.pairwise import PairwiseComparison, compare_pairs
from bakeoff.analysis.ranking import RankBy, Row, rank_cells
from bakeoff.analysis.shared_ranks import add_optimism, place_table
from bakeoff.analysis.snapshot import EvaluatedRun, make_evaluated_run, make_snapshot
from bakeoff.measure.quality import Quality, confusion, quality
from bakeoff.reporting.contest import split_contest
from bakeoff.reporting.model import Line, Pooled, ReportModel, Table
from bakeoff.reporting.vote import Tally
from bakeoff.spec.records import DataRecord, Result
from bakeoff.stats.intervals import mean_interval
from bakeoff.store.store import Store


def load_page_model(path: str | Path, rank_by: RankBy = "test") -> ReportModel:
    """Read a store.

    Raises:
        BakeoffError: there is no store at `path`, it is not a store, or it lacks the accuracy to rank by.
    """
    with Store(path) as store:
        (results, unreadable), records, studies = store.read(), store.datasets(), store.studies()
        tables = arrange_tables(results, records, store, rank_by=rank_by)
    runs = [run for table in tables for line in table.lines if line.pooled for run in line.pooled.tested]
    ranked, contest = split_contest(tables)
    if contest and len({table.recipe for table in ranked}) == 1:
        ranked = tuple(replace(table, title=table.data) for table in ranked)
    return ReportModel(Path(path).name, ranked, studies, contest, make_snapshot(results, records, runs, unreadable))


def arrange_tables(
    results: Iterable[Result],
    records: dict[str, DataRecord],
    store: Store | None = None,
    *,
    rank_by: RankBy = "test",
    measured: bool = True,
) -> tuple[Table, ...]:
    """Arrange runs into tables, best first. Predictions are read from `store`, and left out if it is None.

    Without `measured`, only whether each test image was classified correctly is read, not the probabilities.

    Raises:
        BakeoffError: the runs lack the accuracy to rank by.
    """
    groups = group_into_tables(group_cells(results))
    recipes = {group[0].table for group in groups}
    return tuple(
        _make_table(
            f"t{number}",
            group[0].data if len(recipes) == 1 else f"{group[0].data} · {group[0].table}",
            group,
            records.get(group[0].results[0].run.data_hash),
            _read_lines(store, group, records, rank_by, measured),
        )
        for number, group in enumerate(groups, start=1)
    )


def _make_table(key: str, title: str, group: Sequence[Cell], record: DataRecord | None, lines: Sequence[Line]) -> Table:
    sizes = next((line.cell.fold_sizes for line in lines if line.cell.fold_sizes), ())
    comparison = compare_pairs({line.label: line.right for line in lines if line.right}, sizes)
    table = Table(key, group[0].data, group[0].recipe, title, record, tuple(lines), comparison)
    return place_lines(table, comparison)


def place_lines(table: Table, comparison: PairwiseComparison) -> Table:
    """Return a table with this comparison, its lines in their places: those without a usable number last."""
    flaws = {line.row.runs: line.flaw for line in table.lines}
    names = {line.row.runs: line.label for line in table.lines if line.right}
    by_runs = {line.row.runs: line for line in table.lines}
    known = [replace(line.row, test_images=line.row.test_images or table.test_images or None) for line in table.lines]
    rows = place_table(known, flaws, comparison, names)
    placed = replace(table, comparison=comparison, lines=_put_in(by_runs, rows))
    right = np.array(list(placed.shared().values()))
    return replace(placed, lines=_put_in(by_runs, add_optimism(rows, right, placed.fold_sizes)))


def _put_in(by_runs: Mapping[tuple[str, ...], Line], rows: Iterable[Row]) -> tuple[Line, ...]:
    return tuple(replace(by_runs[row.runs], row=row) for row in rows)


def _read_lines(
    store: Store | None, group: Sequence[Cell], records: dict[str, DataRecord], rank_by: RankBy, measured: bool
) -> list[Line]:
    record = records.get(group[0].results[0].run.data_hash)
    by_runs = {cell.run_ids: cell for cell in group}
    found = []
    for row in rank_cells(group, rank_by):
        cell = by_runs[row.runs]
        pooled = pool_predictions(store, cell.finished, record) if store and measured else None
        if pooled:
            flaw = find_flaw(run.confusion for run in pooled.tested)
            found.append(Line(cell.label, row, cell, pooled, pooled.right, flaw))
        else:
            right, flaw = _read_right(store, cell, record) if store and record else ({}, "")
            found.append(Line(cell.label, row, cell, None, right, flaw))
    return found


def _read_right(store: Store, cell: Cell, record: DataRecord) -> tuple[dict[int, np.ndarray], str]:
    """Return which test images each seed classified correctly, and what makes its number unusable."""
    labels, classes = record.test_labels, len(record.facts.get("classes", ()))
    predicted = {result.run.seed: store.predicted(result.id) for result in cell.finished}
    most = max([classes - 1, *(int(own.max(initial=0)) for own in (labels, *predicted.values()))])
    flaw = find_flaw(confusion(labels, own, most + 1) for own in predicted.values())
    return {seed: own == labels for seed, own in predicted.items()}, flaw


def pool_predictions(store: Store, finished: Iterable[Result], record: DataRecord | None) -> Pooled | None:
    """Compute quality measures of finished runs; predictions are read one run at a time."""
    if record is None:
        return None
    found: list[Quality] = []
    stored: dict[str, list[float]] = {"top5_accuracy": [], "robustness": []}
    tally: Tally | None = None
    runs: list[EvaluatedRun] = []
    for result in finished:
        predicted, probabilities = store.predictions(result.id)
        probabilities = probabilities.astype(np.float32)  # arithmetic in half precision is slow
        found.append(quality(record.test_labels, predicted, probabilities))
        tally = tally or Tally(record.test_labels, probabilities.shape[1])
        tally.add(predicted, probabilities)
        runs.append(make_evaluated_run(result, record, predicted, found[-1].reliability))
        top5 = result.measures.get("test_top5_accuracy", found[-1].top5_accuracy)  # the former has no ties
        for name, value in (("top5_accuracy", top5), ("robustness", result.measures.get("robustness"))):
            stored[name] += [] if value is None else [value]
    if tally is None:
        return None
    reliability = found[0].reliability
    for other in found[1:]:
        reliability = reliability + other.reliability
    by_name = {
        "balanced_accuracy": [q.balanced_accuracy for q in found],
        "macro_f1": [q.macro_f1 for q in found],
        "brier": [q.brier for q in found],
        "ece": [q.reliability.error for q in found],
        **stored,
    }
    most = {"brier": 2.0}
    return Pooled(
        confusion=np.sum([q.confusion for q in found], axis=0),
        reliability=reliability,
        measures={
            name: mean_interval(values, within=(0.0, most.get(name, 1.0))) for name, values in by_name.items() if values
        },
        vote=tally.result(),
        tested=tuple(runs),
    )
