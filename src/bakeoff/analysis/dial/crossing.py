"""Which of two networks leads at each level of an experiment, and at which level their order changes. No torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bakeoff.analysis.dial.experiment import GEOMETRIC, Experiment
from bakeoff.stats.corrections import holm
from bakeoff.stats.paired import Difference, paired_difference
from bakeoff.store.store import Store

LEVEL = 0.05
"""A lead is significant if its p value, by Holm's correction for all pairs and levels of a response, is below this."""
DRAWS = 20_000


@dataclass(frozen=True)
class Crossing:
    """Two networks whose order changes along the levels. The field names are keys of the JSON: they stay."""

    first: str
    """Ahead at `before`."""
    second: str
    """Ahead at `after`."""
    before: float
    after: float
    shown: bool
    """Whether both leads are significant after Holm's correction for all pairs and levels."""
    probability: float
    """The probability that both leads have the measured sign, if the levels are independent."""
    seeds: int
    """The smaller number of the two levels."""
    place: float | None
    """Where straight lines between the levels cross; None unless shown."""
    low: float | None
    """Ends of its 95 % interval, if the levels are independent."""
    high: float | None


@dataclass(frozen=True)
class LevelComparisons:
    """The networks of an experiment in pairs, at every level."""

    differences: Mapping[tuple[str, str, float], Difference]
    """(network A, network B, level) → accuracy of A minus that of B; pairs that share no seed are missing."""
    corrected: Mapping[tuple[str, str, float], float]
    """The p values by Holm's correction for all pairs and levels."""

    def lead(self, a: str, b: str, level: float) -> float:
        """Return by how much A is ahead of B at a level; 0 where they were not compared."""
        if (a, b, level) in self.differences:
            return self.differences[a, b, level].mean
        return -self.differences[b, a, level].mean if (b, a, level) in self.differences else 0.0

    def is_significant(self, a: str, b: str, level: float) -> bool:
        """Return whether A and B differ significantly at a level; with one seed they never do."""
        key = (a, b, level) if (a, b, level) in self.differences else (b, a, level)
        return key in self.differences and self.differences[key].seeds > 1 and self.corrected[key] < LEVEL


def compare_at_levels(experiment: Experiment, store: Store, labels: Mapping[float, np.ndarray]) -> LevelComparisons:
    """Compare all pairs of networks at every level, by seed and test image.

    Predictions are read level by level. `labels` are the labels of the test images, level → (N,).
    """
    differences: dict[tuple[str, str, float], Difference] = {}
    for level, truth in labels.items():
        right = {
            net: {
                seed: store.predictions(result.id)[0] == truth
                for seed, result in experiment.found.get((net, level), {}).items()
            }
            for net in experiment.nets
        }
        for a, b in combinations(right, 2):
            shared = sorted(right[a].keys() & right[b].keys())
            if shared and len(truth) > 1:
                right_a, right_b = (np.stack([right[net][seed] for seed in shared]) for net in (a, b))
                differences[a, b, level] = paired_difference(right_a, right_b)
    p_values = holm([difference.p_value for difference in differences.values()])
    return LevelComparisons(differences, dict(zip(differences, p_values, strict=True)))


def find_crossings(experiment: Experiment, comparisons: LevelComparisons) -> list[Crossing]:
    """Return the pairs of networks whose order changes along the levels, significant changes first."""
    pairs = (_PairCurve.of(a, b, experiment.levels, comparisons) for a, b in combinations(experiment.nets, 2))
    found = [_find_crossing(pair, experiment.turn in GEOMETRIC) for pair in pairs if pair.opposite_leads()]
    return sorted(found, key=lambda crossing: (not crossing.shown, -crossing.probability))


@dataclass(frozen=True)
class _PairCurve:
    """Two networks at the L levels where they were compared."""

    a: str
    b: str
    levels: tuple[float, ...]
    differences: tuple[Difference, ...]
    """Accuracy of A minus that of B, level by level."""
    significant: tuple[bool, ...]

    @classmethod
    def of(cls, a: str, b: str, levels: Sequence[float], comparisons: LevelComparisons) -> "_PairCurve":
        compared = tuple(level for level in levels if (a, b, level) in comparisons.differences)
        differences = tuple(comparisons.differences[a, b, level] for level in compared)
        return cls(a, b, compared, differences, tuple(comparisons.is_significant(a, b, level) for level in compared))

    def opposite_leads(self) -> list[tuple[int, int]]:
        """Return the pairs of places, the first below the second, at which opposite networks lead."""
        means = [difference.mean for difference in self.differences]
        return [(i, j) for i, j in combinations(range(len(means)), 2) if means[i] * means[j] < 0]

    def probability(self, places: tuple[int, int]) -> float:
        """Return the probability that the leads at both places have the sign that was measured."""
        leads = (self.differences[place] for place in places)
        return math.prod(lead.probability if lead.mean > 0 else 1 - lead.probability for lead in leads)

    def first_sign_change(self, start: int, end: int) -> int:
        """Return the place between `start` and `end` after which the leader at `start` no longer leads."""
        leads = [difference.mean * self.differences[start].mean for difference in self.differences]
        return next(place for place in range(start, end) if leads[place] > 0 >= leads[place + 1])


def _find_crossing(pair: _PairCurve, geometric: bool) -> Crossing:
    candidates = pair.opposite_leads()
    zero: tuple[float, float, float] | tuple[None, None, None] = (None, None, None)
    significant = [(i, j) for i, j in candidates if pair.significant[i] and pair.significant[j]]
    if significant:
        start, end = min(significant, key=lambda places: places[1] - places[0])  # the narrowest
        before, after = pair.levels[start], pair.levels[end]
        between = slice(start, end + 1)
        zero = _locate_zero(pair.levels[between], pair.differences[between], geometric)
    else:
        start, end = max(candidates, key=pair.probability)
        change = pair.first_sign_change(start, end)
        before, after = pair.levels[change], pair.levels[change + 1]
    leader, follower = (pair.a, pair.b) if pair.differences[start].mean > 0 else (pair.b, pair.a)
    return Crossing(
        first=leader,
        second=follower,
        before=before,
        after=after,
        shown=bool(significant),
        probability=pair.probability((start, end)),
        seeds=min(pair.differences[start].seeds, pair.differences[end].seeds),
        place=zero[0],
        low=zero[1],
        high=zero[2],
    )


def _locate_zero(
    levels: Sequence[float], differences: Sequence[Difference], geometric: bool
) -> tuple[float, float, float]:
    """Return where straight lines through L differences first cross zero, and the ends of the 95 % interval.

    The interval comes from draws: each moves every difference by Student's t of its seeds, scaled to its own interval.
    Draws that do not cross zero are left out.
    """
    from scipy.special import stdtrit

    random = np.random.default_rng(0)
    logarithmic = geometric and min(levels) > 0
    x = np.log(levels) if logarithmic else np.asarray(levels, float)
    means = np.array([difference.mean for difference in differences])
    freedom = np.array([max(1, difference.seeds - 1) for difference in differences])
    errors = np.array([(d.high - d.low) / 2 for d in differences]) / stdtrit(freedom, 0.975)
    drawn = means + errors * random.standard_t(freedom, (DRAWS, len(differences)))
    zeros = [_first_zero(x, means), *(_first_zero(x, draw) for draw in drawn[_crosses_zero(drawn).any(axis=1)])]
    if logarithmic:
        zeros = [math.exp(zero) for zero in zeros]
    low, high = np.quantile(zeros[1:] or zeros, [0.025, 0.975]).tolist()
    return zeros[0], low, high


def _crosses_zero(values: np.ndarray) -> np.ndarray:
    """Return (..., L - 1) bool: whether the line from a value to the next one meets zero; `values` is (..., L)."""
    crosses: np.ndarray = values[..., :-1] * values[..., 1:] <= 0
    return crosses


def _first_zero(x: np.ndarray, values: np.ndarray) -> float:
    """Return where straight lines through the points (x, value) first meet zero; both are (L,)."""
    place = int(_crosses_zero(values).argmax())
    step = values[place] - values[place + 1]
    return float(x[place] + (x[place + 1] - x[place]) * (values[place] / step if step else 0.5))
