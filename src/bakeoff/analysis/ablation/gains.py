"""What each change of an ablation gained, from runs that differ in nothing but the change, compared seed by seed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from bakeoff.analysis.ablation.plan import Ablation, Change
from bakeoff.spec.data import data_label
from bakeoff.spec.records import Result
from bakeoff.stats.intervals import mean_interval

How = Literal["added alone", "taken out alone", "together"]
GainVerdict = Literal["gains", "loses", "cannot tell", "one seed: cannot tell", "not run"]


@dataclass(frozen=True)
class Gain:
    """What one change gained in test accuracy. The field names are the keys of the JSON and CSV: they stay."""

    data: str
    change: str
    """A change, or "all changes"."""
    how: How
    gain: float | None
    """Mean over seeds of the accuracy with it minus the accuracy without it."""
    low: float | None
    """Ends of the 95 % t interval of the paired differences."""
    high: float | None
    seeds: int
    with_it: float | None
    """Mean test accuracy of the runs that have it, over these seeds."""
    without_it: float | None
    verdict: GainVerdict
    what: str
    reason: str = ""
    """Why the gain is unknown."""


def compute_gains(ablation: Ablation, results: Iterable[Result]) -> list[Gain]:
    """Return what each change gained, from the runs that have finished: data set by data set, all changes last."""
    accuracies: dict[tuple[str, str, str], dict[int, float]] = {}
    for result in results:
        run = result.run
        if result.state == "done":
            cell = accuracies.setdefault((run.data, run.net, run.recipe.key), {})
            cell[run.seed] = result.measures["test_accuracy"]
    found: list[Gain] = []
    for data, changes in ablation.changes.items():
        own = {variation.made: variation for variation in ablation.variations if variation.data == data}
        used = ablation.study.used(data)
        seen = {made: accuracies.get((used, v.net, v.recipe.key), {}) for made, v in own.items()}
        for name, how, what, more, less in _comparisons(changes):
            why = own[more].impossible or own[less].impossible
            found.append(_gain(data_label(data), name, how, what, seen[more], seen[less], why))
    return found


def _comparisons(changes: Sequence[Change]) -> Iterator[tuple[str, How, str, frozenset[str], frozenset[str]]]:
    """Yield what is compared: a change's name, how, what it is, and the changes made with and without it."""
    everything = frozenset(each.name for each in changes)
    for each in changes:
        one = frozenset({each.name})
        yield each.name, "added alone", each.what, one, frozenset()
        yield each.name, "taken out alone", each.what, everything, everything - one
    yield "all changes", "together", "", everything, frozenset()


def _gain(
    data: str, change: str, how: How, what: str, more: Mapping[int, float], less: Mapping[int, float], why: str
) -> Gain:
    shared = sorted(more.keys() & less.keys())
    if not shared:
        return Gain(data, change, how, None, None, None, 0, None, None, "not run", what, why)
    interval = mean_interval([more[seed] - less[seed] for seed in shared], within=(-1.0, 1.0))
    verdict: GainVerdict = "one seed: cannot tell" if interval.n == 1 else "cannot tell"
    if interval.low is not None and interval.high is not None:
        verdict = "gains" if interval.low > 0 else "loses" if interval.high < 0 else "cannot tell"
    return Gain(
        data=data,
        change=change,
        how=how,
        gain=interval.mean,
        low=interval.low,
        high=interval.high,
        seeds=len(shared),
        with_it=fmean(more[seed] for seed in shared),
        without_it=fmean(less[seed] for seed in shared),
        verdict=verdict,
        what=what,
    )
