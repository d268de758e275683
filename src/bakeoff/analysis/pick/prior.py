"""What earlier results suggest about the candidates of a contest. They only decide the order. No torch.

The logarithm of an error is modelled as a sum: how hard the data set is, plus how well the candidate does in general.
Data sets are weighted by how similar their properties are to those of the images of the contest.
"""

import math
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from statistics import fmean

import msgspec
import numpy as np

from bakeoff.analysis.cells import plain_name
from bakeoff.analysis.pick.candidates import Lineup
from bakeoff.data.properties import properties
from bakeoff.spec.values import to_dict
from bakeoff.store.reader import Reader
from bakeoff.text.formats import counted, listing

BUILT_IN = "built-in-prior.toml"
SPREADS = {
    "side": 1.0,
    "classes": 1.0,
    "train_images": 2.0,
    "intrinsic_dimension": 0.5,
    "compression": 0.7,
    "channels": 2.0,
    "colourfulness": 20.0,
    "edge_density": 0.3,
    "neighbour_error": 0.3,
}
"""Property → the difference at which data sets are moderately different; in logarithms for the first five."""
LOGARITHMIC = tuple(SPREADS)[:5]
LEAST_WEIGHT = 0.02
"""Weight of data sets that are not similar at all: better than nothing if there are no others."""
SHRINKAGE = 1.0
"""Weight of an average result that is added for every candidate."""
LEAST_ERROR = 1e-3


@dataclass(frozen=True)
class EarlierResults:
    """The errors of several candidates on one data set, found under the same conditions."""

    data: str
    source: str
    properties: Mapping[str, float | None]
    """As `bakeoff.data.properties.Properties` has them."""
    errors: Mapping[str, float]
    """"network recipe" → a fraction."""


@dataclass(frozen=True)
class CandidateOrder:
    """The order in which candidates are tried, and why."""

    expected: Mapping[str, float]
    """"network recipe" → logarithm of its error relative to the average candidate."""
    reason: str
    """The reason for the order, in words."""


def key_of(net: str, recipe: str) -> str:
    """Return the key for the errors of a network and recipe, regardless of changes to the recipe."""
    return f"{net} {plain_name(recipe)}"


def built_in_results() -> list[EarlierResults]:
    """Return the results that come with bakeoff; their file gives the source of each number."""
    text = files("bakeoff.analysis.pick").joinpath(BUILT_IN).read_text(encoding="utf-8")
    return [msgspec.convert(table, EarlierResults) for table in tomllib.loads(text)["results"]]


def read_results(store: Reader, without: Collection[str] = ()) -> list[EarlierResults]:
    """Return the results of a store by data set: validation errors of the longest trainings, never test errors.

    Args:
        store: with results of any data sets.
        without: ids of runs to ignore.
    """
    found: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for result in store.results():
        recipe, epochs = result.run.recipe, result.epochs
        is_whole = result.state == "done" or len(epochs) == recipe.epochs
        if result.id in without or not epochs or not is_whole or recipe.validation == "test" or result.parts:
            continue
        if (accuracy := epochs[-1].validation_accuracy) is not None:
            own = found[result.run.data_hash][key_of(result.run.net, recipe.name)]
            own.append((recipe.epochs, 1 - accuracy))
    records = store.datasets()
    return [
        EarlierResults(
            data=str(records[content].facts["name"]),
            source=str(store.path),
            properties=records[content].facts["properties"],
            errors={name: fmean(error for length, error in own if length == max(own)[0]) for name, own in each.items()},
        )
        for content, each in found.items()
        if content in records and records[content].facts.get("properties")
    ]


def similarity(one: Mapping[str, float | None], other: Mapping[str, float | None]) -> float:
    """Return how similar two data sets are by their properties: 1 for equal ones, near 0 for very different ones."""
    squares = []
    for name, spread in SPREADS.items():
        a, b = one.get(name), other.get(name)
        if a is None or b is None:
            continue
        if name in LOGARITHMIC:
            a, b = math.log(max(a, 1e-6)), math.log(max(b, 1e-6))
        squares.append(((a - b) / spread) ** 2)
    return math.exp(-fmean(squares)) if squares else 0.0


def expect(results: Sequence[EarlierResults], own: Mapping[str, float | None]) -> dict[str, float]:
    """Return the expectation for every candidate in the results: log error minus that of the average candidate.

    Fitted by least squares to the logarithms of all errors, as a term for each data set plus one for each candidate.
    """
    names = sorted({name for each in results for name in each.errors})
    column = {name: len(results) + number for number, name in enumerate(names)}
    rows, targets = [], []
    for number, each in enumerate(results):
        weight = math.sqrt(max(LEAST_WEIGHT, similarity(each.properties, own)))
        for name, error in each.errors.items():
            row = np.zeros(len(results) + len(names))
            row[[number, column[name]]] = weight
            rows.append(row)
            targets.append(weight * math.log(max(error, LEAST_ERROR)))
    for name in names:
        row = np.zeros(len(results) + len(names))
        row[column[name]] = math.sqrt(SHRINKAGE)
        rows.append(row)
        targets.append(0.0)
    if not rows:
        return {}
    terms = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
    return {name: float(terms[column[name]]) for name in names}


def order_of(lineup: Lineup, stores: Iterable[Sequence[EarlierResults]]) -> CandidateOrder:
    """Return the order for a contest: by the results of stores that name two of its candidates, else the built-in ones.

    Args:
        lineup: its candidates and images.
        stores: what `read_results` returns for each store.
    """
    names = {key_of(entry.run.net, entry.run.recipe.name) for entry in lineup.entries}
    own = to_dict(properties(lineup.plan.data[lineup.entries[0].run.data_hash]), full=True)
    known = [each for results in stores for each in results if len(names & each.errors.keys()) > 1]
    results = known or [each for each in built_in_results() if names & each.errors.keys()]
    expected = {name: value for name, value in expect(results, own).items() if name in names}
    if not expected:
        return CandidateOrder({}, "of estimated cost: there are no earlier results of these candidates")
    alike: dict[str, float] = {}
    for each in results:
        alike[each.data] = max(similarity(each.properties, own), alike.get(each.data, 0.0))
    closest = sorted(alike, key=lambda data: -alike[data])
    shown = listing([f"{data} ({alike[data]:.2f})" for data in closest], 3)
    whose = (
        f"the results in {listing(sorted({each.source for each in known}), 3)}" if known else "bakeoff's own results"
    )
    reason = (
        f"of expected gain per second, judging by {whose} for {counted(len(expected), 'candidate')} on other images "
        f"(similarity to yours, at most 1): {shown}"
    )
    return CandidateOrder(expected, reason)


def put_in_order(lineup: Lineup, order: CandidateOrder) -> Lineup:
    """Return the candidates with their expectations."""
    return replace(
        lineup,
        entries=tuple(
            replace(
                entry,
                candidate=replace(
                    entry.candidate, expected=order.expected.get(key_of(entry.run.net, entry.run.recipe.name))
                ),
            )
            for entry in lineup.entries
        ),
        order=order.reason,
    )
