"""Labels for the recipes of a store: a recipe has one label, and two recipes of one network never share one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

import msgspec

from bakeoff.spec.overrides import flatten, format_value
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import Run
from bakeoff.spec.values import digest, to_dict

CHANGED = re.compile(r"([^()]+) \(([\w.]+=[^()]*)\)(.*)")
"""A recipe's name, the changes to it, and the name of a variant."""

SIZE = re.compile(r"\[(\d+), (\d+)\]")
"""How older versions wrote an image size."""

LONGEST = 150
"""Characters of a label that lists all changes; longer ones say how many there are."""

ABSENT = "none"
"""Shown for a field that a recipe does not have."""


class LabelKey(NamedTuple):
    """What a label is for: a recipe on one data set, by one protocol."""

    data_hash: str
    recipe_key: str
    protocol: int


def label_key(run: Run) -> LabelKey:
    """Return what the label of a run's recipe is for."""
    return LabelKey(run.data_hash, run.recipe.key, run.protocol)


def label_recipes(runs: Iterable[Run]) -> dict[LabelKey, str]:
    """Return the labels of the recipes of runs, which do not depend on the order in which changes were typed.

    Variants of a recipe for different networks share its name. If one network was trained with two recipes of the same
    name on a data set, their labels list the settings that differ; if there are several protocols, the protocol.
    """
    by_data: dict[str, list[Run]] = {}
    for run in runs:
        by_data.setdefault(run.data_hash, []).append(run)
    named = {data_hash: _on_one_data_set(own) for data_hash, own in by_data.items()}
    places = dict.fromkeys(label_key(run) for own in by_data.values() for run in own)
    has_several = len({place.protocol for place in places}) > 1
    return {
        place: named[place.data_hash][place.recipe_key] + (f" (protocol {place.protocol})" if has_several else "")
        for place in places
    }


def _on_one_data_set(runs: Iterable[Run]) -> dict[str, str]:
    """Return the label of each recipe, by its key."""
    settings: dict[str, dict[str, str]] = {}
    labels: dict[str, str] = {}
    met: dict[str, dict[str, None]] = {}
    for run in runs:
        key = run.recipe.key
        met.setdefault(run.net, {})[key] = None
        if key not in labels:
            labels[key] = _label(run.recipe)
            flat = flatten(to_dict(run.recipe, full=True))
            settings[key] = {field: format_value(value, field) for field, value in flat.items() if field != "name"}
    while clashes := _clashes(labels, met):
        for label, pairs in clashes.items():
            fields = _distinguishing(pairs, settings)
            for key in [key for key, own in labels.items() if own == label]:
                apart = {field: settings[key].get(field, ABSENT) for field in fields}
                labels[key] = with_changes(label, apart) if apart else f"{label} #{key[:6]}"
    return labels


def _clashes(labels: Mapping[str, str], met: Mapping[str, Iterable[str]]) -> dict[str, list[tuple[str, str]]]:
    """Return the labels that two recipes of one network share, with all pairs of such recipes."""
    found: dict[str, list[tuple[str, str]]] = {}
    for keys in met.values():
        for first, second in combinations(keys, 2):
            if labels[first] == labels[second]:
                found.setdefault(labels[first], []).append((first, second))
    return found


def _distinguishing(pairs: Iterable[tuple[str, str]], settings: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a few fields that distinguish the recipes of each pair."""
    fields: list[str] = []
    for first, second in pairs:
        apart = sorted(_differences(settings[first], settings[second]))
        if not set(apart) & set(fields):
            fields += apart[:1]
    return fields


def _differences(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[str]:
    """Yield the fields whose values look different in a label; a table that is not set counts as absent."""
    return (field for field in first.keys() | second.keys() if first.get(field, ABSENT) != second.get(field, ABSENT))


def sort_changes(name: str) -> str:
    """Return the name of a recipe with its changes in order and spelled as now: older versions kept what was typed."""
    return with_changes(name, {}) if CHANGED.fullmatch(name) else name


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return the recipe with another number of epochs, which its name states."""
    if epochs == recipe.epochs:
        return recipe
    return msgspec.structs.replace(recipe, epochs=epochs, name=with_changes(recipe.name, {"epochs": str(epochs)}))


def _label(recipe: Recipe) -> str:
    """Return the name of a recipe, with the right number of epochs, and short enough for a table.

    Older versions named all stages of a training after the last one, and listed a dozen fields of tuned recipes.
    """
    name = sort_changes(recipe.name)
    found = CHANGED.fullmatch(name)
    if found and "epochs" in _assignments(found[2]):
        name = with_changes(name, {"epochs": str(recipe.epochs)})
    if len(name) <= LONGEST or not found:
        return name
    number = len(re.findall(r"[(,] ?[\w.]+=", name))
    return f"{found[1]} ({number} changes #{digest(name)[:6]})"


def _assignments(settings: str) -> dict[str, str]:
    """Return the values of "epochs=3, image.size=[4, 8]" by field."""
    return dict(part.split("=", 1) for part in re.split(r", (?=[\w.]+=)", settings) if part)


def with_changes(name: str, changes: Mapping[str, str]) -> str:
    """Return the name of a recipe with more changes among those it has."""
    found = CHANGED.fullmatch(name)
    base, settings, variant = found.groups() if found else (name, "", "")
    known = _assignments(settings)
    if size := SIZE.fullmatch(known.get("image.size", "")):
        known["image.size"] = "x".join(size.groups())
    whole = ", ".join(f"{field}={value}" for field, value in sorted((known | dict(changes)).items()))
    return f"{base} ({whole}){variant}"
