"""The contents of a store when it was read, in the form that answers, audit and tendencies use. No torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from bakeoff import studies
from bakeoff.analysis.cells import Cell, group_cells, group_into_tables
from bakeoff.analysis.flaws import find_flaw
from bakeoff.analysis.pairwise import Lead, PairwiseComparison, Right, compare_pairs
from bakeoff.measure.quality import Reliability, confusion, reliability
from bakeoff.spec.records import DataRecord, Epoch, Result, Unreadable
from bakeoff.store.folds import merge_results, split_ids
from bakeoff.store.store import Store


@dataclass(frozen=True)
class EvaluatedRun:
    """A finished run with its predictions for the N test images."""

    result: Result
    classes: tuple[str, ...]
    labels: np.ndarray
    """(N,) int64."""
    predicted: np.ndarray
    """(N,) uint16."""
    reliability: Reliability | None
    """None in a snapshot without probabilities."""

    @cached_property
    def confusion(self) -> np.ndarray:
        """(K, K) int64: images of class [row] that were taken for class [column]."""
        return confusion(self.labels, self.predicted, len(self.classes))

    @cached_property
    def reported(self) -> Epoch | None:
        """The reported epoch; None if it is not recorded."""
        number = self.result.measures.get("reported_epoch")
        return next((epoch for epoch in self.result.epochs if epoch.epoch == number), None)

    @cached_property
    def accuracy(self) -> float:
        """The share of the test images it got right."""
        return float((self.predicted == self.labels).mean())


@dataclass(frozen=True)
class Snapshot:
    """Everything that a store knows, prepared for answers and findings."""

    cells: tuple[Cell, ...]
    evaluated: Mapping[str, EvaluatedRun]
    """Finished runs by their id."""
    references: Mapping[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Published parameter counts: (network, data set, recipe, measure) → count."""
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the store knows of the data sets, by their content hash."""
    unreadable: tuple[Unreadable, ...] = ()
    """Runs that are damaged, or were written by a newer version."""

    @cached_property
    def tables(self) -> tuple[tuple[Cell, ...], ...]:
        """The cells with a finished run, table by table."""
        return tuple(map(tuple, group_into_tables(cell for cell in self.cells if cell.finished)))

    @cached_property
    def by_data(self) -> Mapping[str, list[Cell]]:
        """The cells with a finished run, by the content hash of their data set."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            if cell.finished:
                found.setdefault(cell.finished[0].run.data_hash, []).append(cell)
        return found

    @cached_property
    def _runs(self) -> Mapping[str, list[EvaluatedRun]]:
        return {_name(cell): [self.evaluated[result.id] for result in cell.finished] for cell in self.cells}

    def runs(self, cell: Cell) -> list[EvaluatedRun]:
        """Return the finished runs of a cell."""
        return self._runs[_name(cell)]

    @cached_property
    def _flaws(self) -> Mapping[str, str]:
        return {_name(cell): find_flaw(run.confusion for run in self.runs(cell)) for cell in self.cells}

    def flaw(self, cell: Cell) -> str:
        """Return what makes the number of a cell unusable, a key of `flaws.WORDS`; empty if nothing does."""
        return self._flaws[_name(cell)]

    @cached_property
    def usable_tables(self) -> tuple[tuple[Cell, ...], ...]:
        """The tables with a usable number, without the cells that have none."""
        found = (tuple(cell for cell in table if not self.flaw(cell)) for table in self.tables)
        return tuple(table for table in found if table)

    @cached_property
    def comparisons(self) -> Mapping[str, PairwiseComparison]:
        """The comparison of every table, by the name that each of its cells has in it."""
        found: dict[str, PairwiseComparison] = {}
        for table in self.tables:
            comparison = compare_pairs({_name(cell): self.right(cell) for cell in table}, table[0].fold_sizes)
            found |= dict.fromkeys(comparison.names, comparison)
        return found

    def right(self, cell: Cell) -> Right:
        """Return what each finished seed of a cell got right."""
        return {run.result.run.seed: run.predicted == run.labels for run in self.runs(cell)}

    def lead(self, cell: Cell, other: Cell) -> Lead | None:
        """Return how a network of a table compares with another; None if they share no seed."""
        lead = self.comparisons[_name(cell)].lead(_name(cell), _name(other))
        return None if lead is None else replace(lead, net=other.label)

    def test_images(self, cell: Cell) -> int | None:
        """Images that each seed of a cell was tested on, also of old runs that do not record it."""
        return cell.test_images or next((len(run.labels) for run in self.runs(cell)), None)

    def shared(self, *cells: Cell) -> np.ndarray:
        """Return what K cells got right, (K, S, N) bool, over the S seeds that all of them have finished.

        S is 0 if they share none, or if there is only one test image.
        """
        by_seed = [{run.result.run.seed: run for run in self.runs(cell)} for cell in cells]
        seeds = sorted(set[int].intersection(*(set(own) for own in by_seed)))
        if not seeds or len(by_seed[0][seeds[0]].labels) < 2:
            return np.zeros((len(cells), 0, 0), bool)
        return np.array([[own[seed].predicted == own[seed].labels for seed in seeds] for own in by_seed])


def _name(cell: Cell) -> str:
    """Return a unique name of a cell: a network may be in a table twice."""
    return cell.results[0].id


def read_snapshot(store: Store, ids: Iterable[str] | None = None, *, probabilities: bool = True) -> Snapshot:
    """Read a store, or, for some runs, every run on their data sets.

    Probabilities are in memory for one run at a time. Only the audit needs them; reading them takes most of the time.
    """
    with store.reading():
        return _read_snapshot(store, ids, probabilities)


def _read_snapshot(store: Store, ids: Iterable[str] | None, probabilities: bool) -> Snapshot:
    records, runs = store.datasets(), []
    results, unreadable = store.read()
    results = merge_results(results)
    if ids is not None:
        wanted = set(ids)
        touched = {result.run.data_hash for result in results if not wanted.isdisjoint(split_ids(result.id))}
        results = [result for result in results if result.run.data_hash in touched]
    for result in results:
        if result.state == "done":
            record = records[result.run.data_hash]
            if probabilities:
                predicted, shares = store.predictions(result.id)
                sure = reliability(record.test_labels, predicted, shares)
                runs.append(make_evaluated_run(result, record, predicted, sure))
            else:
                runs.append(make_evaluated_run(result, record, store.predicted(result.id), None))
    return make_snapshot(results, records, runs, unreadable)


def make_evaluated_run(
    result: Result, record: DataRecord, predicted: np.ndarray, sure: Reliability | None
) -> EvaluatedRun:
    """Return a finished run with its predictions for the test images."""
    return EvaluatedRun(result, tuple(record.facts["classes"]), record.test_labels, predicted, sure)


def make_snapshot(
    results: Sequence[Result],
    records: Mapping[str, DataRecord],
    runs: Iterable[EvaluatedRun],
    unreadable: Iterable[Unreadable] = (),
) -> Snapshot:
    """Return a snapshot of all runs of a store; `runs` are the finished ones."""
    facts = {content_hash: record.facts for content_hash, record in records.items()}
    tested = {run.result.id: run for run in runs}
    return Snapshot(tuple(group_cells(results)), tested, published_parameters(), facts, tuple(unreadable))


def published_parameters() -> dict[tuple[str, str, str, str], float]:
    """Return the parameter counts published by the built-in studies, except those of variants."""
    return {
        (printed.net, printed.data, study.treatment(printed.net, printed.data)[0], measure): value
        for study in map(studies.load_study, studies.study_names())
        for printed in study.published
        for measure in ("parameters", "trainable_parameters")
        if not printed.set and (value := getattr(printed, measure)) is not None
    }
