"""Which fields of a recipe are searched, and between which values. No torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.errors import BakeoffError
from bakeoff.spec.overrides import change, find_field, flatten, parse_assignment, shorten
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.values import to_dict

TENFOLD = ("optimizer.lr", "optimizer.weight_decay")
"""Fields that are searched from a tenth to ten times the recipe's own value, logarithmically."""
TWOFOLD = ("batch_size", "head_rate")
"""Fields that are searched from half to twice the recipe's own value: halved, kept or doubled."""
RANGES = {
    "label_smoothing": (0.0, 0.2),
    "augment.shift": (0.0, 0.2),
    "augment.rotation": (0.0, 20.0),
    "augment.brightness": (0.0, 0.4),
    "augment.mixup": (0.0, 0.4),
    "average": (0.0, 0.999),
    "layer_decay": (0.5, 1.0),
}
"""Fields that are searched between two values, whatever the recipe has."""
ONLY_IF_USED = ("augment.mixup", "average", "layer_decay", "head_rate")
"""Fields that are only searched where the recipe uses them."""
ONLY_PHOTOGRAPHS = ("augment.brightness",)
DIGITS = 3
"""Significant digits of the values that are tried."""


@dataclass(frozen=True)
class Searched:
    """A field of the recipe and the values that are tried for it."""

    field: str
    low: float = 0.0
    high: float = 0.0
    is_logarithmic: bool = False
    is_whole: bool = False
    choices: tuple[Any, ...] = ()
    """If given, these are tried instead of a range."""

    def contains(self, value: object) -> bool:
        """Return whether a value can be tried."""
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __str__(self) -> str:
        if self.choices:
            return f"{self.field}: {', '.join(map(str, self.choices))}"
        return f"{self.field}: {self.low:g} to {self.high:g}{', logarithmic' if self.is_logarithmic else ''}"


def search_space(
    recipe: Recipe, asked: Sequence[str] = (), fixed: Sequence[str] = (), *, photographs: bool = False
) -> tuple[Searched, ...]:
    """Return the fields that are searched: those that matter for most recipes, and those that were asked for.

    Args:
        recipe: its values are in the middle of the ranges.
        asked: texts such as "optimizer.lr=1e-4..1e-1" or "batch_size=32,64", which replace the usual range or add one.
        fixed: fields that have been set, which are not searched.
        photographs: whether the images are photographs, whose colours can be changed.

    Raises:
        BakeoffError: a text is no range of a field that this recipe has, a field is both searched and fixed, or nothing
            is left to search.
    """
    own = flatten(to_dict(recipe, full=True))
    space = {} if recipe.probe else {one.field: one for one in _usual(own, photographs) if one.field not in fixed}
    for text in asked:
        one = parse_searched(text, own)
        if one.field in fixed:
            raise BakeoffError(f"{one.field} is set with --set and searched with --search: leave out one of them")
        _check(recipe, one)
        space[one.field] = one
    if not space:
        fields = "a probe chooses its penalty itself" if recipe.probe else "all usual fields are fixed"
        raise BakeoffError(f"nothing to search: {fields}; name a field with --search FIELD=LOW..HIGH")
    return tuple(space.values())


def _usual(own: Mapping[str, Any], photographs: bool) -> list[Searched]:
    found = []
    for field in TENFOLD:
        if own.get(field):
            found.append(Searched(field, own[field] / 10, own[field] * 10, is_logarithmic=True))
    for field in TWOFOLD:
        value = own[field]
        if field not in ONLY_IF_USED or value != 1.0:
            found.append(
                Searched(field, choices=tuple(type(value)(value * by) for by in (0.5, 1, 2) if value * by >= 1))
            )
    for field, (low, high) in RANGES.items():
        value = own[field]
        is_used = value != (1.0 if field == "layer_decay" else 0.0)
        if (field in ONLY_IF_USED and not is_used) or (field in ONLY_PHOTOGRAPHS and not photographs):
            continue
        found.append(Searched(field, min(low, value), max(high, value)))
    return found


def parse_searched(text: str, own: Mapping[str, Any]) -> Searched:
    """Read "optimizer.lr=1e-4..1e-1", "batch_size=32,64" or "augment.flip=true,false".

    A range from above zero over at least a factor of ten is searched logarithmically. Where the recipe has a whole
    number, only whole ones are tried.

    Raises:
        BakeoffError: it is none of these, or the recipe has no such field.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if not (name and equals and values):
        raise BakeoffError(
            f"--search takes FIELD=LOW..HIGH or FIELD=A,B, such as optimizer.lr=1e-4..1e-1; got {shorten(text)!r}"
        )
    field = name if name in own else find_field(name)
    if field is None or field not in own:
        raise BakeoffError(
            f"--search {shorten(name)}: this recipe has no such field; see `bakeoff recipes NAME --net NET`"
        )
    if field in ("name", "epochs", "validation", "select", "images_per_class"):
        raise BakeoffError(
            f"--search {field}: recipes that differ in it cannot be compared; set it with --set {field}=…"
        )
    if ".." not in values:
        return Searched(field, choices=tuple(parse_assignment(f"{field}={part}")[1] for part in values.split(",")))
    try:
        low, high = (float(part) for part in values.split("..", 1))
    except ValueError:
        raise BakeoffError(
            f"--search {field} takes numbers, such as {field}=0.1..0.5; got {shorten(values)!r}"
        ) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BakeoffError(f"--search {field} takes the lower end first, and finite ends; got {shorten(values)!r}")
    is_whole = isinstance(own[field], int) and not isinstance(own[field], bool)
    return Searched(field, low, high, is_logarithmic=low > 0 and high >= 10 * low, is_whole=is_whole)


def _check(recipe: Recipe, searched: Searched) -> None:
    """Refuse values that the field cannot have."""
    for value in searched.choices or (searched.low, searched.high):
        change(recipe, {searched.field: int(value) if searched.is_whole else value})


def rounded(value: Any) -> Any:
    """Return a value rounded to few digits, so that recipes are readable."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def tried_values(recipe: Recipe, space: Sequence[Searched]) -> dict[str, Any] | None:
    """Return the searched fields of a recipe; None if a value is not among those that are tried."""
    own = flatten(to_dict(recipe, full=True))
    values = {one.field: own.get(one.field) for one in space}
    return values if all(one.contains(values[one.field]) for one in space) else None
