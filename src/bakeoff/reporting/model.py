"""Everything the page says, gathered from a store once: tables of lines, each line with its runs and its quality."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from bakeoff.analysis.audit import Material
from bakeoff.analysis.audit.finding import Tested, put_together, tested
from bakeoff.analysis.pairwise import Comparison, Lead, Right, compare
from bakeoff.analysis.ranking import RANK_BY, Cell, RankBy, Row, cells, rank_cells
from bakeoff.measure.quality import Quality, Reliability, quality
from bakeoff.reporting.vote import Tally, Verdicts
from bakeoff.spec.records import DataRecord, Result
from bakeoff.stats.draws import optimism
from bakeoff.stats.intervals import Interval, mean_interval
from bakeoff.stats.pareto import COSTS, Chances, chances
from bakeoff.store.store import Store


@dataclass(frozen=True)
class Pooled:
    """What the stored predictions of one line's finished seeds say together."""

    confusion: np.ndarray
    """(K, K) int64, summed over seeds: images of class [row] taken for class [column]."""
    reliability: Reliability
    measures: dict[str, Interval]
    """By name: balanced_accuracy, macro_f1, top5_accuracy (where K > 5), brier, ece, robustness (where it was
    asked for)."""
    verdicts: Verdicts
    tested: tuple[Tested, ...]
    """Each seed's word on the test images."""

    @property
    def right(self) -> dict[int, np.ndarray]:
        """Seed → (N,) bool, which test images it got right."""
        return {run.result.run.seed: run.predicted == run.labels for run in self.tested}


@dataclass(frozen=True)
class Line:
    """One network in one table: its row of the ranking and all behind it."""

    label: str
    """The network, and what sets this line apart where a network occurs twice in a table."""
    row: Row
    cell: Cell
    pooled: Pooled | None
    """None while no seed has finished, or where only what was right was asked for."""
    right: Right = field(default_factory=dict)
    """Seed → (N,) bool, which test images it got right; nothing where the predictions are not at hand."""

    @property
    def seeds(self) -> list[float]:
        """Test accuracy of each finished seed."""
        return [r.measures["test_accuracy"] for r in self.cell.finished if "test_accuracy" in r.measures]

    @property
    def places(self) -> set[tuple[str, ...]]:
        """Where the finished seeds were trained: seconds from different places do not compare."""
        keys = ("processor", "gpu", "device", "precision", "threads", "compiled")
        return {tuple(str(r.conditions(key)) for key in keys) for r in self.cell.finished}

    @property
    def work(self) -> set[tuple[int, int]]:
        """Epochs and training images of the finished seeds: seconds for unequal work do not compare."""
        return {
            (len(r.epochs) or r.run.recipe.epochs, int(r.measures.get("train_images", 0))) for r in self.cell.finished
        }


@dataclass(frozen=True)
class Table:
    """One data set under one recipe: what is ranked together."""

    key: str
    """A short name for links and scripts: t1, t2, …"""
    data: str
    recipe: str
    title: str
    """The data set, with the recipe where the store has several."""
    record: DataRecord | None
    lines: tuple[Line, ...]
    """Best first, as ranked."""
    wider: Comparison | None = None
    """That of the table in the store, where it has more runs than these lines."""

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return [str(name) for name in self.record.facts.get("classes", ())] if self.record else []

    @property
    def test_images(self) -> int:
        """Size of the test split, 0 if it is not known."""
        return len(self.record.test_labels) if self.record else 0

    @property
    def ranked(self) -> list[Line]:
        """The lines with a result, best first."""
        return [line for line in self.lines if line.row.test_accuracy is not None]

    @property
    def results(self) -> Iterator[Result]:
        """All runs of the table."""
        return (result for line in self.lines for result in line.cell.results)

    @property
    def ranked_by(self) -> str:
        """What the lines are ranked by."""
        return self.lines[0].row.ranked_by

    @cached_property
    def comparison(self) -> Comparison:
        """Each line with a result against each other, among all of their table in the store."""
        return self.wider or compare({line.label: line.right for line in self.ranked if line.right})

    def lead(self, line: Line, other: Line) -> Lead | None:
        """Return how a line stands against another; None where they share no seed, or no predictions are at hand."""
        known = line.right and other.right
        return self.comparison.lead(line.label, other.label) if known else None

    def is_better(self, line: Line, other: Line) -> bool | None:
        """Tell whether a line is better than another; None where one shared seed, or none, cannot tell."""
        lead = self.lead(line, other)
        return None if lead is None else lead.is_better

    @cached_property
    def optimism(self) -> float | None:
        """By how much the accuracy of the best is probably too high because it was chosen by it, a fraction.

        None where it was not chosen by it, for fewer than two lines, and where they share no seed.
        """
        right = self._shared()
        return optimism(np.array(list(right.values()))) if right and self.ranked_by == RANK_BY["test"] else None

    def _shared(self) -> dict[str, list[np.ndarray]]:
        """Return what each line got right at the seeds that all have; nothing where that compares nothing."""
        right = {line.label: line.right for line in self.ranked if line.right}
        seeds = sorted(set[int].intersection(*map(set, right.values()))) if len(right) > 1 else []
        return {} if self.test_images < 2 or not seeds else {n: [own[s] for s in seeds] for n, own in right.items()}

    @cached_property
    def chances(self) -> Chances | None:
        """How likely each line is the best and worth its cost.

        None for fewer than two lines, and where they share no seed or a single test image leaves nothing to compare.
        """
        right = self._shared()
        costs = {cost: {line.label: line.cell.median(cost) for line in self.ranked if line.right} for cost in COSTS}
        return chances(list(right), np.array(list(right.values())), costs) if right else None

    @property
    def finished(self) -> int:
        """Runs that have a result."""
        return sum(line.row.seeds for line in self.lines)

    @property
    def planned(self) -> int:
        """Runs there are to be."""
        return sum(line.row.planned for line in self.lines)


@dataclass(frozen=True)
class Facts:
    """A store, read."""

    store: str
    """Its file name."""
    tables: tuple[Table, ...]
    studies: list[tuple[str, str, str]]
    """(time, command, study as TOML), oldest first."""
    material: Material = field(default_factory=lambda: Material((), {}))
    """What the audit looks through; nothing where predictions were not asked for."""

    @property
    def results(self) -> list[Result]:
        """All runs."""
        return [result for table in self.tables for result in table.results]

    @property
    def nets(self) -> list[str]:
        """Labels of all lines, each once, best mean rank first: a network keeps its colour all over the page, and
        where there are more networks than colours, the best ones do not share any."""
        ranks: dict[str, list[int]] = {}
        for table in self.tables:
            for line in table.lines:
                ranks.setdefault(line.label, []).append(line.row.rank or len(table.lines))
        return sorted(ranks, key=lambda label: sum(ranks[label]) / len(ranks[label]))


def read(path: str | Path, rank_by: RankBy = "test") -> Facts:
    """Read a store.

    Raises:
        BakeoffError: it is not there or not a store, or has no such accuracy to rank by.
    """
    with Store(path) as store:
        (results, unreadable), records, studies = store.read(), store.datasets(), store.studies()
        tables = arrange(results, records, store, rank_by=rank_by)
    runs = [run for table in tables for line in table.lines if line.pooled for run in line.pooled.tested]
    return Facts(Path(path).name, tables, studies, put_together(results, records, runs, unreadable))


def arrange(
    results: Iterable[Result],
    records: dict[str, DataRecord],
    store: Store | None = None,
    *,
    rank_by: RankBy = "test",
    measured: bool = True,
) -> tuple[Table, ...]:
    """Put runs into tables, best first; what their predictions say comes from `store`, and is left out without one.

    Raises:
        BakeoffError: there is no such accuracy to rank by.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells(results):
        groups.setdefault((cell.data, cell.recipe), []).append(cell)
    recipes = {recipe for _, recipe in groups}
    return tuple(
        Table(
            key=f"t{number}",
            data=data,
            recipe=recipe,
            title=data if len(recipes) == 1 else f"{data} · {recipe}",
            record=records.get(group[0].results[0].run.data_hash),
            lines=_lines(store, group, records, rank_by, measured),
        )
        for number, ((data, recipe), group) in enumerate(groups.items(), start=1)
    )


def _lines(
    store: Store | None, group: Sequence[Cell], records: dict[str, DataRecord], rank_by: RankBy, measured: bool
) -> tuple[Line, ...]:
    record = records.get(group[0].results[0].run.data_hash)
    by_runs = {tuple(result.id for result in cell.results): cell for cell in group}
    found = []
    for row in rank_cells(group, rank_by):
        cell = by_runs[row.runs]
        pooled = pool(store, cell.finished, record) if store and measured else None
        right = pooled.right if pooled else _right(store, cell, record) if store and record else {}
        found.append(Line(cell.net, row, cell, pooled, right))
    return tuple(found)


def _right(store: Store, cell: Cell, record: DataRecord) -> dict[int, np.ndarray]:
    return {result.run.seed: store.predicted(result.id) == record.test_labels for result in cell.finished}


def pool(store: Store, finished: Iterable[Result], record: DataRecord | None) -> Pooled | None:
    """Measure each finished run's predictions and put them together; predictions are read one run at a time."""
    if record is None:
        return None
    found: list[Quality] = []
    stored: dict[str, list[float]] = {"top5_accuracy": [], "robustness": []}
    tally: Tally | None = None
    runs: list[Tested] = []
    for result in finished:
        predicted, probabilities = store.predictions(result.id)
        probabilities = probabilities.astype(np.float32)  # half precision is slow to reckon with
        found.append(quality(record.test_labels, predicted, probabilities))
        tally = tally or Tally(record.test_labels, probabilities.shape[1])
        tally.add(predicted, probabilities)
        runs.append(tested(result, record, predicted, found[-1].reliability, probabilities.shape[1]))
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
        verdicts=tally.verdicts(),
        tested=tuple(runs),
    )


def flat(tree: dict, prefix: str = "") -> dict[str, str]:
    """Return nested settings as one level, dotted name to text: {"optimizer.lr": "0.1"}."""
    settings: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            settings |= flat(value, f"{prefix}{key}.")
        else:
            settings[prefix + key] = text(value)
    return settings


def text(value: object) -> str:
    """Return a setting as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text(item)}" for name, item in value.items())
    return str(value)
