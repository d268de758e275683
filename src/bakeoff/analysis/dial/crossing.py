"""Networks in pairs along the levels of an experiment: who leads, and where they change places."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bakeoff.analysis.dial.experiment import GEOMETRIC, Experiment
from bakeoff.stats.paired import Difference, paired_difference
from bakeoff.store.store import Store

LEVEL = 0.05
"""A lead is significant if its p value, by Holm's correction for all pairs and levels of a response, is below this."""
DRAWS = 20_000

Pairs = dict[tuple[str, str, float], Difference]
"""(network A, network B, level) → A minus B."""
Corrected = dict[tuple[str, str, float], float]
"""Their p values by Holm's correction."""


@dataclass(frozen=True)
class Crossing:
    """Two networks that change places along the levels."""

    first: str
    """Ahead at `before`."""
    second: str
    """Ahead at `after`."""
    before: float
    after: float
    shown: bool
    """Whether both leads are significant after Holm's correction for all pairs and levels."""
    probability: float
    """That the leads have these signs, the levels taken as independent."""
    seeds: int
    """The fewest at either level."""
    place: float | None
    """Where straight lines between the levels cross; None unless shown."""
    low: float | None
    """Ends of its 95 % interval, the levels taken as independent."""
    high: float | None


def differences(one: Experiment, store: Store, labels: Mapping[float, np.ndarray]) -> Pairs:
    """Compare all networks in pairs at every level, by seed and test image; predictions are read level by level."""
    found: Pairs = {}
    for level, truth in labels.items():
        right = {
            net: {seed: store.predictions(r.id)[0] == truth for seed, r in one.found.get((net, level), {}).items()}
            for net in one.nets
        }
        for a, b in combinations(right, 2):
            shared = sorted(right[a].keys() & right[b].keys())
            if shared and len(truth) > 1:
                own, other = (np.stack([right[net][seed] for seed in shared]) for net in (a, b))
                found[a, b, level] = paired_difference(own, other)
    return found


def lead(a: str, b: str, level: float, apart: Pairs, corrected: Corrected) -> tuple[float, bool]:
    """Return by how much A is ahead of B at a level, and whether that is significant; one seed never is."""
    key, sign = ((a, b, level), 1) if (a, b, level) in apart else ((b, a, level), -1)
    if key not in apart:
        return 0.0, False
    return sign * apart[key].mean, apart[key].seeds > 1 and corrected[key] < LEVEL


def crossings(one: Experiment, apart: Pairs, corrected: Corrected) -> list[Crossing]:
    """Return the pairs whose means change order along the levels, those that surely do first."""
    found = []
    for a, b in combinations(one.nets, 2):
        levels = [level for level in one.levels if (a, b, level) in apart]
        means = [apart[a, b, level].mean for level in levels]
        pairs = [(i, j) for i, j in combinations(range(len(levels)), 2) if means[i] * means[j] < 0]
        if not pairs:
            continue

        apart_here = [apart[a, b, level] for level in levels]
        clear = [lead(a, b, level, apart, corrected)[1] for level in levels]
        shown = [(i, j) for i, j in pairs if clear[i] and clear[j]]
        # Where leads are shown, the narrowest place between two of them; else the likeliest one.
        pair = min(shown, key=lambda p: p[1] - p[0]) if shown else max(pairs, key=lambda p: _chance_of(p, apart_here))
        found.append(_crossing(a, b, pair, levels, apart_here, bool(shown), one))
    return sorted(found, key=lambda crossing: (not crossing.shown, -crossing.probability))


def _chance_of(pair: tuple[int, int], apart: Sequence[Difference]) -> float:
    """Return the probability that the leads have the signs they seem to have at both places."""
    return math.prod(apart[i].probability if apart[i].mean > 0 else 1 - apart[i].probability for i in pair)


def _crossing(
    a: str,
    b: str,
    pair: tuple[int, int],
    levels: Sequence[float],
    apart: Sequence[Difference],
    shown: bool,
    one: Experiment,
) -> Crossing:
    probability = _chance_of(pair, apart)
    first, second = (a, b) if apart[pair[0]].mean > 0 else (b, a)
    i, j = pair
    # The narrowest place where the means change sign between the two.
    change = next(k for k in range(i, j) if apart[k].mean * apart[i].mean > 0 >= apart[k + 1].mean * apart[i].mean)
    ends = (levels[i], levels[j]) if shown else (levels[change], levels[change + 1])
    place: tuple[float, float, float] | None = None
    if shown:
        place = _place(levels[i : j + 1], apart[i : j + 1], one.turn in GEOMETRIC)
    seeds = min(apart[i].seeds, apart[j].seeds)
    return Crossing(first, second, *ends, shown, probability, seeds, *(place or (None, None, None)))


def _place(levels: Sequence[float], apart: Sequence[Difference], geometric: bool) -> tuple[float, float, float]:
    """Return where straight lines through the differences cross zero first, and the ends of its 95 % interval.

    Each draw moves every difference by its own interval, a Student's t of its seeds; draws that do not cross are left
    out.
    """
    from scipy.special import stdtrit

    random = np.random.default_rng(0)
    x = np.log(levels) if geometric and min(levels) > 0 else np.asarray(levels, float)
    means = np.array([difference.mean for difference in apart])
    freedom = np.array([max(1, difference.seeds - 1) for difference in apart])
    errors = np.array([(d.high - d.low) / 2 for d in apart]) / stdtrit(freedom, 0.975)
    drawn = means + errors * random.standard_t(freedom, (DRAWS, len(apart)))
    crosses = drawn[:, :-1] * drawn[:, 1:] <= 0
    drawn, crosses = drawn[crosses.any(axis=1)], crosses[crosses.any(axis=1)]
    places = [
        _first_zero(x, means),
        *(_zero(x, own, int(k)) for own, k in zip(drawn, crosses.argmax(axis=1), strict=True)),
    ]
    if geometric and min(levels) > 0:
        places = [math.exp(place) for place in places]
    low, high = np.quantile(places[1:] or places, [0.025, 0.975]).tolist()
    return places[0], low, high


def _first_zero(x: np.ndarray, values: np.ndarray) -> float:
    return _zero(x, values, int((values[:-1] * values[1:] <= 0).argmax()))


def _zero(x: np.ndarray, values: np.ndarray, k: int) -> float:
    step = values[k] - values[k + 1]
    return float(x[k] + (x[k + 1] - x[k]) * (values[k] / step if step else 0.5))
