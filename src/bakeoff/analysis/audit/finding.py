"""What a finding is, and what findings are looked for in. No torch."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bakeoff import studies
from bakeoff.analysis.pairwise import Comparison, Lead, Right, compare
from bakeoff.analysis.ranking import Cell, cells
from bakeoff.measure.quality import Reliability, confusion, reliability
from bakeoff.spec.records import DataRecord, Result, Unreadable
from bakeoff.store.store import Store
from bakeoff.text.formats import percent

Severity = Literal["serious", "caution", "note"]
"""serious: do not use the number; caution: read it with this in mind; note: good to know."""

SEVERITIES: tuple[Severity, ...] = ("serious", "caution", "note")

Numbers = Mapping[str, float | int | str]
"""The evidence: what was measured, by name. Accuracies and shares are fractions of 1."""


@dataclass(frozen=True)
class Finding:
    """Something that makes numbers untrustworthy. The field names are the keys of the JSON: they stay."""

    kind: str
    """A key of `FINDINGS`."""
    severity: Severity
    message: str
    advice: str
    data: str
    recipe: str
    """Empty where it is about a data set."""
    nets: tuple[str, ...]
    """The networks whose numbers it touches: with `data` and `recipe` these are the cells."""
    runs: tuple[str, ...]
    """Ids of the runs it touches."""
    evidence: tuple[Numbers, ...]
    """One entry per run, or a single one for them all."""

    @property
    def cells(self) -> list[tuple[str, str, str]]:
        """The (data set, recipe, network) that it touches."""
        return [(self.data, self.recipe, net) for net in self.nets]


@dataclass(frozen=True)
class Tested:
    """A finished run with what it said of the N test images."""

    result: Result
    classes: tuple[str, ...]
    labels: np.ndarray
    """(N,) int64."""
    predicted: np.ndarray
    """(N,) uint16."""
    reliability: Reliability

    @cached_property
    def confusion(self) -> np.ndarray:
        """(K, K) int64: images of class [row] that were taken for class [column]."""
        return confusion(self.labels, self.predicted, len(self.classes))

    @property
    def accuracy(self) -> float:
        """The share of the test images it got right."""
        return float((self.predicted == self.labels).mean())


@dataclass(frozen=True)
class Material:
    """All that a store knows, put together for the findings."""

    cells: tuple[Cell, ...]
    tested: Mapping[str, Tested]
    """Finished runs by their id."""
    references: Mapping[tuple[str, str, str, str], float] = field(default_factory=dict)
    """Published parameter counts: (network, data set, recipe, measure) → count."""
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the store knows of the data sets, by their content hash."""
    unreadable: tuple[Unreadable, ...] = ()
    """Runs that are damaged, or were written by a newer version."""

    @cached_property
    def tables(self) -> tuple[tuple[Cell, ...], ...]:
        """The cells that stand in one table: of one data set under one recipe, and with a finished run."""
        found: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            if cell.finished:
                found.setdefault((cell.data, cell.recipe), []).append(cell)
        return tuple(map(tuple, found.values()))

    def runs(self, cell: Cell) -> list[Tested]:
        """Return the finished runs of a cell."""
        return [self.tested[result.id] for result in cell.finished]

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """The comparison of every table, by the name that each of its cells has in it."""
        found: dict[str, Comparison] = {}
        for table in self.tables:
            comparison = compare({_name(cell): self.right(cell) for cell in table})
            found |= dict.fromkeys(comparison.names, comparison)
        return found

    def right(self, cell: Cell) -> Right:
        """Return what each finished seed of a cell got right."""
        return {run.result.run.seed: run.predicted == run.labels for run in self.runs(cell)}

    def lead(self, cell: Cell, other: Cell) -> Lead | None:
        """Return how a network of a table stands against another; None where they share no seed."""
        lead = self.comparisons[_name(cell)].lead(_name(cell), _name(other))
        return None if lead is None else replace(lead, net=other.net)

    def shared(self, *cells: Cell) -> np.ndarray:
        """Return what K cells got right, (K, S, N) bool, over the S seeds that all of them have finished.

        S is 0 where they share none, or where a single test image leaves nothing to compare.
        """
        by_seed = [{run.result.run.seed: run for run in self.runs(cell)} for cell in cells]
        seeds = sorted(set[int].intersection(*(set(own) for own in by_seed)))
        if not seeds or len(by_seed[0][seeds[0]].labels) < 2:
            return np.zeros((len(cells), 0, 0), bool)
        return np.array([[own[seed].predicted == own[seed].labels for seed in seeds] for own in by_seed])


def _name(cell: Cell) -> str:
    """Return what tells a cell from all others: a network may be in a table twice."""
    return cell.results[0].id


def gather(store: Store, ids: Iterable[str] | None = None) -> Material:
    """Read a store, or all that stands beside some of its runs: every run on their data sets.

    A run's probabilities are in memory one run at a time.
    """
    records, runs = store.datasets(), []
    results, unreadable = store.read()
    if ids is not None:
        wanted = set(ids)
        touched = {result.run.data_hash for result in results if result.id in wanted}
        results = [result for result in results if result.run.data_hash in touched]
    for result in results:
        if result.state == "done":
            record = records[result.run.data_hash]
            predicted, probabilities = store.predictions(result.id)
            sure = reliability(record.test_labels, predicted, probabilities.astype(np.float32))
            runs.append(tested(result, record, predicted, sure, probabilities.shape[1]))
    return put_together(results, records, runs, unreadable)


def tested(result: Result, record: DataRecord, predicted: np.ndarray, sure: Reliability, classes: int) -> Tested:
    """Return a finished run with what it said of the test images; unnamed classes are numbered."""
    names = tuple(record.facts.get("classes", map(str, range(classes))))
    return Tested(result, names, record.test_labels, predicted, sure)


def put_together(
    results: Sequence[Result],
    records: Mapping[str, DataRecord],
    runs: Iterable[Tested],
    unreadable: Iterable[Unreadable] = (),
) -> Material:
    """Return all runs of a store, `runs` the finished ones among them, as material."""
    facts = {content_hash: record.facts for content_hash, record in records.items()}
    tested = {run.result.id: run for run in runs}
    return Material(tuple(cells(results)), tested, published_parameters(), facts, tuple(unreadable))


def published_parameters() -> dict[tuple[str, str, str, str], float]:
    """Return the parameter counts that the built-in studies print, but those of variants."""
    return {
        (printed.net, printed.data, study.treatment(printed.net, printed.data)[0], measure): value
        for study in map(studies.load, studies.names())
        for printed in study.published
        for measure in ("parameters", "trainable_parameters")
        if not printed.set and (value := getattr(printed, measure)) is not None
    }


def per_cell(
    material: Material,
    look: Callable[[Tested], Numbers | None],
    kind: str,
    severity: Severity,
    say: Callable[[Numbers], str],
    advice: str | Callable[[Tested], str],
) -> Iterator[Finding]:
    """Yield one finding for each cell in whose finished runs `look` finds something; `say` tells of the first.

    Advice that depends on the run is of the first, too.
    """
    twice = Counter((cell.data, cell.net) for cell in material.cells)
    for cell in material.cells:
        seen = [(run, numbers) for run in material.runs(cell) if (numbers := look(run)) is not None]
        if seen:
            results = [run.result for run, _ in seen]
            name = about(cell, results, with_recipe=twice[cell.data, cell.net] > 1)
            message = f"{name} {say(seen[0][1])}"
            evidence = tuple({"seed": run.result.run.seed, **numbers} for run, numbers in seen)
            told = advice if isinstance(advice, str) else advice(seen[0][0])
            yield of_cells(kind, severity, message, told, [cell], evidence, results)


def of_cells(
    kind: str,
    severity: Severity,
    message: str,
    advice: str,
    touched: Sequence[Cell],
    evidence: tuple[Numbers, ...],
    results: Sequence[Result] | None = None,
) -> Finding:
    """Return a finding about cells of one table; all their finished runs are touched unless `results` says which."""
    touched_runs = [r for cell in touched for r in cell.finished] if results is None else results
    return Finding(
        kind=kind,
        severity=severity,
        message=message,
        advice=advice,
        data=touched[0].data,
        recipe=touched[0].recipe,
        nets=tuple(dict.fromkeys(cell.net for cell in touched)),
        runs=tuple(result.id for result in touched_runs),
        evidence=evidence,
    )


def about(cell: Cell, results: Sequence[Result], *, with_recipe: bool = False) -> str:
    """Name a cell and how many of its runs are meant: "lenet5 on mnist, 2 of 3 seeds (here seed 0):"."""
    many, seed = len(cell.finished), results[0].run.seed
    which = f"seed {seed}" if len(results) == 1 else f"{len(results)} of {many} seeds (here seed {seed})"
    recipe = f", recipe {cell.recipe}" if with_recipe else ""
    return f"{cell.net} on {cell.data}{recipe}, {which}:"


def percent_of(numbers: Numbers, name: str) -> str:
    """Return a fraction of the evidence in percent, one decimal: "98.3 %"."""
    return percent(float(numbers[name]), 1)
