"""Which properties of data sets go with which family of networks leading: a description, not a claim. No torch.

A few data sets differ in everything at once, so many properties separate those where a family leads from the others.
Each tendency states the chance of that; an experiment (`bakeoff dial`) can show more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.analysis.cells import Cell
from bakeoff.analysis.dial.response import family
from bakeoff.analysis.snapshot import Snapshot
from bakeoff.data.graded import is_graded
from bakeoff.data.properties import LABELS
from bakeoff.text.formats import percent

FEWEST = 5
"""With fewer data sets, a property separates them by chance in more than one case of ten."""


@dataclass(frozen=True)
class LeadingFamily:
    """The families on one data set. Here and below the field names are keys of the JSON: they stay."""

    data: str
    family: str
    """That of the network with the highest mean test accuracy."""
    margin: float | None
    """Its lead over the best network of another family; None if there is none."""
    accuracies: dict[str, float]
    """Family → the mean accuracy of its best network."""
    properties: dict[str, float | None]


@dataclass(frozen=True)
class Tendency:
    """A family that leads on some data sets and not on others, and which properties separate these."""

    family: str
    leads_on: tuple[str, ...]
    not_on: tuple[str, ...]
    higher: tuple[str, ...]
    """Properties that are higher on all data sets where it leads than on any other."""
    lower: tuple[str, ...]
    chance: float
    """The probability that an unrelated property separates these data sets."""


@dataclass(frozen=True)
class Tendencies:
    """The description for one recipe."""

    recipe: str
    standings: tuple[LeadingFamily, ...]
    tendencies: tuple[Tendency, ...]
    sentences: tuple[str, ...]


def find_tendencies(snapshot: Snapshot) -> list[Tendencies]:
    """Return the description for each recipe with two families on two data sets of known properties."""
    by_recipe: dict[str, list[LeadingFamily]] = {}
    for table in snapshot.tables:
        standing = None if is_graded(table[0].data) else _leading_family(table, snapshot.facts)
        if standing is not None:
            by_recipe.setdefault(table[0].table, []).append(standing)
    return [_describe(recipe, standings) for recipe, standings in by_recipe.items() if len(standings) > 1]


def _leading_family(table: Sequence[Cell], facts: Mapping[str, Mapping[str, Any]]) -> LeadingFamily | None:
    known = facts.get(table[0].results[0].run.data_hash, {}).get("properties")
    best: dict[str, float] = {}
    for cell in table:
        if interval := cell.interval("test_accuracy"):
            best[family(cell.net)] = max(interval.mean, best.get(family(cell.net), 0.0))
    if not known or len(best) < 2:
        return None
    first, second = sorted(best, key=lambda name: -best[name])[:2]
    return LeadingFamily(
        table[0].data, first, best[first] - best[second], best, {name: known.get(name) for name in LABELS}
    )


def _describe(recipe: str, standings: Sequence[LeadingFamily]) -> Tendencies:
    leaders = list(dict.fromkeys(standing.family for standing in standings))
    found = tuple(_tendency(name, standings) for name in leaders) if len(leaders) > 1 else ()
    return Tendencies(recipe, tuple(standings), found, tuple(_say(standings, found)))


def _tendency(name: str, standings: Sequence[LeadingFamily]) -> Tendency:
    ours = [standing for standing in standings if standing.family == name]
    others = [standing for standing in standings if standing.family != name]
    higher, lower = [], []
    for field in LABELS:
        here = [value for own in ours if (value := own.properties[field]) is not None]
        there = [value for own in others if (value := own.properties[field]) is not None]
        if len(here) == len(ours) and len(there) == len(others):
            if min(here) > max(there):
                higher.append(field)
            elif max(here) < min(there):
                lower.append(field)
    chance = min(1.0, 2 / math.comb(len(standings), len(ours)))
    leads_on, not_on = (tuple(own.data for own in side) for side in (ours, others))
    return Tendency(name, leads_on, not_on, tuple(higher), tuple(lower), chance)


def _say(standings: Sequence[LeadingFamily], found: Sequence[Tendency]) -> list[str]:
    count = len(standings)
    if not found:
        return [
            f"The {standings[0].family} family leads on all {count} data sets: no property shows where it would not."
        ]
    sentences = []
    for one in found:
        begin = f"The {one.family} family leads on {', '.join(one.leads_on)} and not on {', '.join(one.not_on)}"
        differing = [f"{word} {LABELS[name]}" for word in ("higher", "lower") for name in getattr(one, word)]
        ending = f"; there: {', '.join(differing)}" if differing else "; no property separates these"
        sentences.append(f"{begin}{ending}.")
    least = min(one.chance for one in found)
    caution = f"A tendency of {count} data sets, not a claim: an unrelated property would separate them"
    sentences.append(f"{caution} with a chance of {percent(least, 0)}, and {len(LABELS)} properties were examined.")
    if count < FEWEST:
        sentences.append("To learn more, change one property alone: bakeoff dial.")
    return sentences
