"""Which properties of data sets go with which family of networks doing well: described, never claimed. No torch.

A handful of data sets differ in everything at once, so that many properties tell apart where a family leads and where
it does not. How easily one does so by chance stands beside it; an experiment (`bakeoff dial`) can go further.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.analysis.audit import Material
from bakeoff.analysis.dial.response import family
from bakeoff.analysis.ranking import Cell
from bakeoff.data.graded import is_graded
from bakeoff.data.properties import LABELS

FEWEST = 5
"""With fewer data sets no property can tell them apart in a way that chance would not do in one case of ten."""


@dataclass(frozen=True)
class Standing:
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
    """A family that leads on some data sets and not on others, and what tells these apart."""

    family: str
    leads_on: tuple[str, ...]
    not_on: tuple[str, ...]
    higher: tuple[str, ...]
    """Properties that are higher on all data sets where it leads than on any other."""
    lower: tuple[str, ...]
    chance: float
    """The chance of a property that has nothing to do with it to tell these data sets apart."""


@dataclass(frozen=True)
class Tendencies:
    """What can be described for one recipe."""

    recipe: str
    standings: tuple[Standing, ...]
    tendencies: tuple[Tendency, ...]
    said: tuple[str, ...]


def tendencies(material: Material) -> list[Tendencies]:
    """Return the description for each recipe under which two families met on two data sets of known properties."""
    by_recipe: dict[str, list[Standing]] = {}
    for table in material.tables:
        standing = None if is_graded(table[0].data) else _standing(table, material.facts)
        if standing is not None:
            by_recipe.setdefault(table[0].recipe, []).append(standing)
    return [_describe(recipe, standings) for recipe, standings in by_recipe.items() if len(standings) > 1]


def _standing(table: Sequence[Cell], facts: Mapping[str, Mapping[str, Any]]) -> Standing | None:
    known = facts.get(table[0].results[0].run.data_hash, {}).get("properties")
    best: dict[str, float] = {}
    for cell in table:
        if interval := cell.interval("test_accuracy"):
            best[family(cell.net)] = max(interval.mean, best.get(family(cell.net), 0.0))
    if not known or len(best) < 2:
        return None
    first, second = sorted(best, key=lambda name: -best[name])[:2]
    return Standing(table[0].data, first, best[first] - best[second], best, {name: known.get(name) for name in LABELS})


def _describe(recipe: str, standings: Sequence[Standing]) -> Tendencies:
    leaders = list(dict.fromkeys(standing.family for standing in standings))
    found = tuple(_tendency(name, standings) for name in leaders) if len(leaders) > 1 else ()
    return Tendencies(recipe, tuple(standings), found, tuple(_say(standings, found)))


def _tendency(name: str, standings: Sequence[Standing]) -> Tendency:
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


def _say(standings: Sequence[Standing], found: Sequence[Tendency]) -> list[str]:
    count = len(standings)
    if not found:
        return [
            f"The {standings[0].family} family leads on all {count} data sets: no property tells where it would not."
        ]
    said = []
    for one in found:
        begin = f"The {one.family} family leads on {', '.join(one.leads_on)} and not on {', '.join(one.not_on)}"
        told = [f"{word} {LABELS[name]}" for word in ("higher", "lower") for name in getattr(one, word)]
        apart = f"; there: {', '.join(told)}" if told else "; no property tells these apart"
        said.append(f"{begin}{apart}.")
    least = min(one.chance for one in found)
    caution = (
        f"A tendency of {count} data sets, no claim: a property that has nothing to do with it would tell them apart"
    )
    said.append(f"{caution} with a chance of {least:.0%}, and {len(LABELS)} properties were looked at.")
    if count < FEWEST:
        said.append("Turning one property alone can tell more: bakeoff dial.")
    return said
