"""The content of a store as the report shows it: tables of lines, each line with its runs and quality measures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bakeoff.analysis.budgets import describe_budget
from bakeoff.analysis.cells import Cell, name_table
from bakeoff.analysis.pairwise import Lead, PairwiseComparison, Right
from bakeoff.analysis.ranking import Row
from bakeoff.analysis.snapshot import EvaluatedRun, Snapshot
from bakeoff.analysis.timing import Timing, calibrated_seconds, describe_calibrated, judge_times
from bakeoff.measure.quality import Reliability
from bakeoff.reporting.vote import Vote
from bakeoff.spec.records import DataRecord, Result
from bakeoff.stats.intervals import Interval
from bakeoff.stats.pareto import COSTS, Chances, estimate_chances
from bakeoff.text.formats import accuracy_digits


@dataclass(frozen=True)
class Pooled:
    """Quality measures over the stored predictions of a line's finished seeds."""

    confusion: np.ndarray
    """(K, K) int64, summed over seeds: images of class [row] predicted as class [column]."""
    reliability: Reliability
    measures: dict[str, Interval]
    """By name: balanced_accuracy, macro_f1, top5_accuracy (if K > 5), brier, ece, robustness (if measured)."""
    vote: Vote
    tested: tuple[EvaluatedRun, ...]
    """The predictions of each seed."""

    @property
    def right(self) -> dict[int, np.ndarray]:
        """Seed → (N,) bool, which test images it classified correctly."""
        return {run.result.run.seed: run.predicted == run.labels for run in self.tested}


@dataclass(frozen=True)
class Line:
    """One network in one table: its row of the ranking and the runs behind it."""

    label: str
    """The network, with its recipe where several are compared."""
    row: Row
    cell: Cell
    pooled: Pooled | None
    """None if no seed has finished, or if the model was loaded without measures."""
    right: Right = field(default_factory=dict)
    """Seed → (N,) bool, which test images it classified correctly; empty without predictions."""
    flaw: str = ""
    """What makes its number unusable, a key of `flaws.WORDS`; empty if nothing does."""

    @property
    def seeds(self) -> list[float]:
        """Test accuracy of each finished seed."""
        return [r.measures["test_accuracy"] for r in self.cell.finished if "test_accuracy" in r.measures]

    @property
    def work(self) -> set[tuple[int, int]]:
        """(epochs, training images) of the finished seeds: training times are comparable only if they are equal."""
        return {
            (len(r.epochs) or r.run.recipe.epochs, int(r.measures.get("train_images", 0))) for r in self.cell.finished
        }


@dataclass(frozen=True)
class Table:
    """One data set under one recipe, or under several that are compared: what is ranked together."""

    key: str
    """A short name for links and scripts: t1, t2, …"""
    data: str
    recipe: str
    """Several as "quick and clark2020"."""
    title: str
    """The data set, plus the recipe if the store has several."""
    record: DataRecord | None
    lines: tuple[Line, ...]
    """Best first."""
    comparison: PairwiseComparison
    """Every pair of lines with a result, corrected for all pairs of the table in the store."""

    @property
    def classes(self) -> list[str]:
        """Class names."""
        return [str(name) for name in self.record.facts.get("classes", ())] if self.record else []

    @property
    def test_images(self) -> int:
        """Size of the test split; 0 if unknown."""
        return len(self.record.test_labels) if self.record else 0

    @property
    def measured(self) -> list[Line]:
        """The lines with a result, those that are ranked first."""
        return [line for line in self.lines if line.row.test_accuracy is not None]

    @property
    def ranked(self) -> list[Line]:
        """The lines with a usable result, best first."""
        return [line for line in self.lines if line.row.rank is not None]

    @property
    def flaws(self) -> dict[str, str]:
        """Label → why it is not ranked although it has a result, a key of `flaws.WORDS`."""
        return {line.label: line.row.flaw for line in self.lines if line.row.flaw}

    @cached_property
    def timing(self) -> Timing:
        """How the training times of its ranked lines compare."""
        return judge_times([line.cell for line in self.ranked])

    @property
    def time_caution(self) -> str:
        """Why the seconds of its ranked lines must not be compared; empty if nothing is known against it."""
        return self.timing.caution

    @property
    def time_note(self) -> str:
        """The caution, with training times in a unit in which they can be compared nevertheless, if there is one."""
        found = {line.label: calibrated_seconds(line.cell) for line in self.ranked if self.timing.is_calibrated}
        return self.timing.caution + describe_calibrated({net: own for net, own in found.items() if own is not None})

    @property
    def mean_ranks(self) -> dict[str, float]:
        """Label → rank, the mean of theirs where lines tie; that of the last for lines without one."""
        ranks = [line.row.rank for line in self.ranked]
        last = float(len(self.lines))
        return {
            line.label: last if line.row.rank is None else line.row.rank + (ranks.count(line.row.rank) - 1) / 2
            for line in self.lines
        }

    @property
    def results(self) -> Iterator[Result]:
        """All runs of the table."""
        return (result for line in self.lines for result in line.cell.results)

    @property
    def fold_sizes(self) -> tuple[int, ...]:
        """Test images of each fold of a cross-validation; () if there was none."""
        return next((line.cell.fold_sizes for line in self.ranked if line.cell.fold_sizes), ())

    @property
    def digits(self) -> int:
        """Decimals of an accuracy in percent that its test images can tell."""
        return accuracy_digits(next((line.row.test_images for line in self.measured), None) or self.test_images)

    @property
    def point_digits(self) -> int:
        """Decimals of differences of accuracies in points."""
        return max(1, self.digits)

    @property
    def majority(self) -> float | None:
        """Accuracy of always naming the most common class of the test images; None if they are unknown."""
        return float(np.bincount(self.record.test_labels).max() / self.test_images) if self.record else None

    @property
    def validated_on(self) -> str:
        """The images that were evaluated after each epoch: "validation images", or "test images"."""
        watched = {result.run.recipe.validation for result in self.results}
        return "test images" if watched == {"test"} else "validation images"

    @property
    def has_intervals(self) -> bool:
        """Whether any line has an interval."""
        return any(line.row.test_accuracy_low is not None for line in self.lines)

    @property
    def ranked_by(self) -> str:
        """The accuracy that lines are ranked by."""
        return self.lines[0].row.ranked_by

    def lead(self, line: Line, other: Line) -> Lead | None:
        """Return the comparison of two lines; None if they share no seed or lack predictions."""
        known = line.right and other.right
        return self.comparison.lead(line.label, other.label) if known else None

    def is_better(self, line: Line, other: Line) -> bool | None:
        """Whether a line is significantly better than another; None if they share fewer than two seeds."""
        lead = self.lead(line, other)
        return None if lead is None else lead.is_better

    def shared(self) -> dict[str, list[np.ndarray]]:
        """Return which images each line classified correctly at the shared seeds; empty if nothing can be compared."""
        right = {line.label: line.right for line in self.ranked if line.right}
        seeds = sorted(set[int].intersection(*map(set, right.values()))) if len(right) > 1 else []
        return {} if self.test_images < 2 or not seeds else {n: [own[s] for s in seeds] for n, own in right.items()}

    @cached_property
    def chances(self) -> Chances | None:
        """Probabilities of each line being the best and being on each Pareto front of accuracy and cost.

        None for fewer than two lines, or if they share no seed or have a single test image.
        """
        right = self.shared()
        costs = {cost: {line.label: line.cell.median(cost) for line in self.ranked if line.right} for cost in COSTS}
        return estimate_chances(list(right), np.array(list(right.values())), costs, self.fold_sizes) if right else None

    @property
    def recipe_title(self) -> str:
        """The recipe, or all that are compared, as a title names them: "recipe quick"."""
        return name_table(self.recipe, self.lines[0].row.recipe)

    @property
    def compares_recipes(self) -> bool:
        """Whether its lines are networks under several recipes."""
        return self.recipe != self.lines[0].row.recipe

    @property
    def budget(self) -> str:
        """What the recipes that are compared had; empty for one recipe."""
        return describe_budget([line.row for line in self.lines])

    @property
    def finished(self) -> int:
        """Number of runs with a result."""
        return sum(line.row.seeds for line in self.lines)

    @property
    def planned(self) -> int:
        """Number of planned runs."""
        return sum(line.row.planned for line in self.lines)


@dataclass(frozen=True)
class ReportModel:
    """The content of a store."""

    store: str
    """File name of the store."""
    tables: tuple[Table, ...]
    studies: list[tuple[str, str, str]]
    """(time, command, study as TOML), oldest first."""
    contest: tuple[Table, ...] = ()
    """Tables with nothing but trainings of a contest that were never tested; they are not among `tables`."""
    snapshot: Snapshot = field(default_factory=lambda: Snapshot((), {}))
    """Input of the audit; empty if the model was loaded without measures."""

    @property
    def results(self) -> list[Result]:
        """All runs."""
        return [result for table in self.tables for result in table.results]

    @property
    def nets(self) -> list[str]:
        """Labels of all lines, best mean rank first. The order assigns colours: each network keeps its colour on the
        page, and if there are more networks than colours, the best do not share one."""
        ranks: dict[str, list[float]] = {}
        for table in self.tables:
            for label, rank in table.mean_ranks.items():
                ranks.setdefault(label, []).append(rank)
        return sorted(ranks, key=lambda label: sum(ranks[label]) / len(ranks[label]))
