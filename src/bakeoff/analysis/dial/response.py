"""The response curves of an experiment: which network leads where, which degrades first, which cross. No torch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis.cells import accuracy_interval
from bakeoff.analysis.dial.crossing import Crossing, LevelComparisons, compare_at_levels, find_crossings
from bakeoff.analysis.dial.experiment import GEOMETRIC, Experiment, experiments
from bakeoff.analysis.dial.guess import Guess, judge_guess
from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.spec.records import DataRecord, Result
from bakeoff.store.store import Store
from bakeoff.studies.study import Study


@dataclass(frozen=True)
class Point:
    """One network at one level. Here and below the field names are the keys of the JSON: they stay."""

    level: float
    accuracy: float
    """Mean test accuracy over seeds."""
    low: float | None
    """Ends of the 95 % t interval over seeds."""
    high: float | None
    seeds: int
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """One network over the levels at which it has a result."""

    net: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Ahead:
    """Which network leads at a level."""

    level: float
    net: str
    clear_of: tuple[str, ...]
    """Networks over which its lead is significant after Holm's correction for all pairs and levels."""
    not_clear_of: tuple[str, ...]


@dataclass(frozen=True)
class Fall:
    """Where a network has lost half of its accuracy above chance."""

    net: str
    family: str
    before: float | None
    """The last level at which it keeps more than half; None where it never falls."""
    level: float | None
    """The first at which it keeps less."""
    sure: bool
    """Whether its whole interval there lies below half."""
    least: float
    """The smallest share of its accuracy above chance that it keeps at any level."""


@dataclass(frozen=True)
class Response:
    """What turning one dial of one data set did to the networks."""

    data: str
    turn: str
    about: str
    recipe: str
    levels: tuple[float, ...]
    """From what changes nothing to the strongest; only those with a result."""
    chance: tuple[float, ...]
    """At each level, the share of the most common class among the test images."""
    curves: tuple[Curve, ...]
    ahead: tuple[Ahead, ...]
    falls: tuple[Fall, ...]
    crossings: tuple[Crossing, ...]
    guesses: tuple[Guess, ...]
    planned: int
    finished: int

    @property
    def is_geometric(self) -> bool:
        """Whether the axis of its levels is logarithmic."""
        return self.turn in GEOMETRIC and min(self.levels) > 0


def family(net: str) -> str:
    """Return the family that a network's name begins with: "resnet20v1-keras" → "resnet"."""
    match = re.match(r"[a-z]+?(?=v?\d|-|\+|$)", net)
    return match[0] if match else net


def read_responses(store: Store, study: Study | None = None) -> list[Response]:
    """Return the responses of all experiments in a store, or of those of one study."""
    records = store.datasets()
    return [respond(one, store, records) for one in experiments(store, study)]


def respond(one: Experiment, store: Store, records: Mapping[str, DataRecord]) -> Response:
    """Return the response of an experiment."""
    levels = one.levels
    curves = tuple(
        Curve(net, tuple(_point(level, one.found[net, level]) for level in levels if (net, level) in one.found))
        for net in one.nets
    )
    labels = {level: _labels(one, level, records) for level in levels}
    chance = {level: float(np.bincount(own).max() / len(own)) for level, own in labels.items()}
    comparisons = compare_at_levels(one, store, labels)
    dial = DIALS.get(one.turn) or IN_THE_RECIPE[one.turn]
    return Response(
        data=one.data,
        turn=one.turn,
        about=dial.about,
        recipe=one.recipe,
        levels=levels,
        chance=tuple(chance[level] for level in levels),
        curves=curves,
        ahead=tuple(_find_leader(level, curves, comparisons) for level in levels),
        falls=tuple(_measure_degradation(curve, chance) for curve in curves),
        crossings=tuple(find_crossings(one, comparisons)),
        guesses=tuple(judge_guess(asks, own, one) for asks, own in one.guesses.items()),
        planned=len(one.planned),
        finished=sum(len(own) for own in one.found.values()),
    )


def _point(level: float, results: Mapping[int, Result]) -> Point:
    own = [results[seed] for seed in sorted(results)]
    values = [result.measures["test_accuracy"] for result in own]
    interval = accuracy_interval(values, own)
    return Point(level, interval.mean, interval.low, interval.high, interval.n, tuple(values))


def _labels(one: Experiment, level: float, records: Mapping[str, DataRecord]) -> np.ndarray:
    own = next(results for (_, other), results in one.found.items() if other == level)
    return records[next(iter(own.values())).run.data_hash].test_labels


def _find_leader(level: float, curves: Sequence[Curve], comparisons: LevelComparisons) -> Ahead:
    accuracies = {curve.net: point.accuracy for curve in curves for point in curve.points if point.level == level}
    best = max(accuracies, key=lambda net: accuracies[net])
    others = [net for net in accuracies if net != best]
    beaten = tuple(
        net for net in others if comparisons.is_significant(best, net, level) and comparisons.lead(best, net, level) > 0
    )
    return Ahead(level, best, beaten, tuple(net for net in others if net not in beaten))


def _measure_degradation(curve: Curve, chance: Mapping[float, float]) -> Fall:
    """Measure a curve by its accuracy above chance, relative to that at its first level."""

    def kept(accuracy: float, level: float) -> float:
        return (accuracy - chance[level]) / (1 - chance[level]) if chance[level] < 1 else 0.0

    first = curve.points[0]
    whole = kept(first.accuracy, first.level)
    shares = [kept(point.accuracy, point.level) / whole if whole > 0 else 0.0 for point in curve.points]
    fallen = next((i for i, share in enumerate(shares) if share < 0.5 and i), None)
    if fallen is None or whole <= 0:
        return Fall(curve.net, family(curve.net), None, None, False, min(shares))
    point = curve.points[fallen]
    sure = point.high is not None and kept(point.high, point.level) / whole < 0.5
    return Fall(curve.net, family(curve.net), curve.points[fallen - 1].level, point.level, sure, min(shares))
