"""Changing recipes field by field. No torch."""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_type_hints

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.spec.recipe import Optimizer, Recipe, Schedule
from bakeoff.spec.values import Value, to_dict

CHOICES: dict[str, Mapping[str, type[Value]]] = {
    field: {kind.__struct_config__.tag: kind for kind in get_args(union)}
    for field, union in {"optimizer": Optimizer, "schedule": Schedule}.items()
}
"""The tables of a recipe whose `name` decides which fields they have."""


LONGER = {"learning_rate": "lr", "rate": "lr", "wd": "weight_decay", "decay": "weight_decay"}
"""What fields are called elsewhere → the last part of their names here."""


def change(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with fields changed by dotted name, and its name telling what is another then.

    However the same recipe was asked for, it is named alike: in what order, and with what it has anyway.

    "none" empties a field that may be empty: stop, l2, images_per_class, image.size. Naming another optimiser or
    schedule starts from that one's own defaults (the learning rate stays).

    Raises:
        BakeoffError: there is no such field, or it cannot have that value.
    """
    if "name" in changes:
        raise BakeoffError("cannot set name: recipes are named after the settings that were changed; leave it out")
    if not changes:
        return recipe
    tree = to_dict(recipe, full=True)
    for name, value in changes.items():
        _set(tree, name, _meant(name, value))
    try:
        changed = msgspec.convert(tree, Recipe)
    except msgspec.ValidationError as error:
        field = field_of(error)
        wrong = {name: value for name, value in changes.items() if f"{field}.".startswith((f"{name}.", f"{name}["))}
        raise BakeoffError(f"cannot set {shortened(_told(wrong or changes))}: {sentence(error)}") from error
    return recipe if changed == recipe else named(changed, recipe.name, difference(recipe, changed))


def named(recipe: Recipe, name: str, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe under the name of the one it was made from, with the changes in the order of their fields."""
    told = f" ({_told(dict(sorted(changes.items())))})" if changes else ""
    return msgspec.structs.replace(recipe, name=f"{name}{told}")


def _told(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={tell_value(value, name)}" for name, value in changes.items())


def shortened(text: str, most: int = 100) -> str:
    """Return what a user typed, cut where it is longer than a sentence should be."""
    return text if len(text) <= most else f"{text[:most]}…"


def _set(tree: dict[str, Any], name: str, value: Any) -> None:
    table, *rest = name.split(".")
    if table not in tree:
        meant = _ending(name, field_names(tree))
        question = f"did you mean {' or '.join(f'{field}={tell_value(value, field)}' for field in meant)}?"
        raise BakeoffError(
            f"unknown recipe field {name!r}: {question}" if meant else unknown("recipe field", name, field_names(tree))
        )
    if table in CHOICES and rest in ([], ["name"]):
        return _choose(tree, table, value)
    if not rest:
        tree[table] = value
        return None
    known = _fields_of(tree, table)
    if len(rest) > 1 or rest[0] not in known:
        raise BakeoffError(unknown("recipe field", name, [f"{table}.{field}" for field in known] or field_names(tree)))
    inner = tree[table] if isinstance(tree[table], dict) else {}
    tree[table] = inner | {rest[0]: value}
    return None


def _ending(name: str, fields: Iterable[str]) -> list[str]:
    """Return the dotted fields that end with a name, or with what it is called here."""
    return [field for field in fields if field.endswith(f".{LONGER.get(name, name)}")]


def field_called(name: str) -> str | None:
    """Return the dotted field of a recipe that is called so, or ends so: optimizer.lr for lr; None if there is none."""
    tables = [field for field in Recipe.__struct_fields__ if field != "name"]
    inner = (f"{table}.{field}" for table in tables for field in _inner(table))
    return name if name in tables else next(iter(_ending(name, inner)), None)


def _inner(table: str) -> list[str]:
    """Return the fields that a table of a recipe may have, of whatever kind it is."""
    kinds = CHOICES[table].values() if table in CHOICES else _kinds(table)
    return [field for kind in kinds for field in kind.__struct_fields__]


def _kinds(table: str) -> list[type[Value]]:
    kind = Recipe.__annotations__[table]
    return [kind for kind in (kind, *get_args(kind)) if isinstance(kind, type) and issubclass(kind, Value)]


def _fields_of(tree: dict[str, Any], table: str) -> list[str]:
    """Return the fields that a table of the recipe may have, also where it is absent, such as `stop`."""
    if table in CHOICES:
        return ["name", *CHOICES[table][tree[table]["name"]].__struct_fields__]
    return _inner(table)


def _choose(tree: dict[str, Any], table: str, value: Any) -> None:
    """Set the optimiser or the schedule by its name, or as a whole."""
    whole = value if isinstance(value, dict) else {"name": value}
    if "name" not in whole:
        raise BakeoffError(f"{table} as a whole needs a name, one of {', '.join(CHOICES[table])}; or set {table}.FIELD")
    name = str(whole["name"])
    if name not in CHOICES[table]:
        raise BakeoffError(unknown(table, name, CHOICES[table]))
    if isinstance(value, dict):
        tree[table] = value
    elif tree[table]["name"] != name:
        tree[table] = {"name": name} | ({"lr": tree[table]["lr"]} if table == "optimizer" else {})


def _meant(name: str, value: Any) -> Any:
    """Let `image.size=64` mean 64 by 64, as 64x64 does, and "none" the absence of what may be absent."""
    if value == "none" and name in ("stop", "l2", "images_per_class", "image.size"):
        return None
    if name == "image.size" and isinstance(value, str):
        return parse_size(value, name)
    return [value, value] if name == "image.size" and isinstance(value, int) else value


def parse_size(text: str, option: str = "--size") -> list[int]:
    """Read "64" or "48x64" into height and width in pixels.

    Raises:
        BakeoffError: it is neither.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(re.fullmatch(r"0*[1-9][0-9]{0,5}", part.strip()) for part in parts):
        raise BakeoffError(f"{option} takes a side such as 64, or HEIGHTxWIDTH such as 48x64; got {shortened(text)!r}")
    return [int(parts[0]), int(parts[-1])]


UNITS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "": 1.0}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|min|m|s) ?)+|\d+(?:\.\d+)?")


def parse_seconds(text: str | float) -> float:
    """Read "2h", "90m", "1h30m", "45s" or a number of seconds.

    Raises:
        BakeoffError: it is none of these, or no time at all.
    """
    given = str(text).strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)([a-z]*)", given) if DURATION.fullmatch(given) else []
    seconds = math.fsum(float(number) * UNITS[unit] for number, unit in parts)
    if not 0 < seconds < math.inf:
        raise BakeoffError(f"a time limit for runs is written 2h, 90m or 1h30m; got {text!r}")
    return seconds


def tell_value(value: Any, field: str = "") -> str:
    """Return a value of a recipe's field (dotted) as names and sentences have it: true, none, [4, 8], 64x64."""
    if field == "image.size" and isinstance(value, list | tuple):
        return "x".join(map(str, value))
    return str(value).lower() if isinstance(value, bool | None) else str(value).replace("'", "")


def field_names(tree: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of the fields that can be set in a recipe given as nested dicts."""
    return [field for field in flatten(tree) if field != "name"]


def flatten(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe given as nested dicts as one level: {"optimizer.lr": 0.01}."""
    fields: dict[str, Any] = {}
    for key, value in tree.items():
        fields |= {f"{key}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {key: value}
    return fields


def difference(old: Recipe, new: Recipe) -> dict[str, Any]:
    """Return the fewest changes, by dotted field, by which `change` makes `old` into `new`, its nickname aside."""
    before, after = to_dict(old, full=True), to_dict(new, full=True)
    changes: dict[str, Any] = {}
    for field, value in after.items():
        had = before[field]
        if field == "name" or value == had:
            continue
        if field in CHOICES and value["name"] != had["name"]:
            changes[field] = value["name"]
            own = to_dict(getattr(new, field))
            stays = {"lr": had["lr"]} if field == "optimizer" else {}
            changes |= {f"{field}.{k}": v for k, v in own.items() if k != "name" and v != stays.get(k)}
        elif isinstance(value, dict):
            inside = had or {}
            changes |= {
                f"{field}.{inner}": "none" if v is None else v
                for inner, v in value.items()
                if inner not in inside or inside[inner] != v
            }
        else:
            changes[field] = "none" if value is None else value
    return changes


def tell_difference(old: Recipe, new: Recipe) -> list[str]:
    """Say field by field how `new` departs from `old`: "epochs 3 instead of 10"."""
    return tell_changes(old, difference(old, new))


def tell_changes(old: Recipe, changes: Mapping[str, Any]) -> list[str]:
    """Say field by field what changes, as `difference` gives them, do to a recipe."""
    before = to_dict(old, full=True)
    known = flatten(before)
    told = []
    for field, value in changes.items():
        if field in CHOICES:
            told.append(f"{field} {value} instead of {before[field]['name']}")
        elif field in known:
            told.append(f"{field} {tell_value(value, field)} instead of {tell_value(known[field], field)}")
        elif value == "none":
            told.append(f"no {field}")
        else:
            told.append(f"{field} {tell_value(value, field)}")
    return told


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read "optimizer.lr=0.01" into a dotted name and a value: a TOML value if it is one, else a string.

    Raises:
        BakeoffError: there is no "=".
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BakeoffError(f"--set takes FIELD=VALUE, such as epochs=3 or optimizer.lr=0.01; got {shortened(text)!r}")
    try:
        return name.strip(), read_toml(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()
    except BakeoffError as error:
        raise BakeoffError(f"cannot set {name.strip()}: {error}") from error


def read_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises:
        tomllib.TOMLDecodeError: it is none.
        BakeoffError: it is one that nobody would write: nested too deeply, or with a number of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError as error:
        raise BakeoffError("the value is nested too deeply: a list in a list is as deep as any field goes") from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise BakeoffError("a number in it has too many digits") from error


def field_of(error: msgspec.ValidationError) -> str:
    """Return the dotted field that a validation error speaks of."""
    message = str(error)
    path = message.rpartition("`$")[2].rstrip("`") if "`$" in message else ""
    return f"{path}.{unknown_field(message)}".strip(".")


def unknown_field(message: str) -> str:
    """Return the name in a validation error's message that no field has, or an empty text."""
    return message.partition("unknown field `")[2].partition("`")[0]


def sentence(error: msgspec.ValidationError, fields: Iterable[str] = ()) -> str:
    """Say in words what msgspec found; `fields` are those there are where an unknown one was found."""
    message = str(error)
    if fields and unknown_field(message):
        return unknown("field", unknown_field(message), fields)
    text, _, where = message.partition(" - at ")
    field = where.strip("`").removeprefix("$.")
    words = text[0].lower() + text[1:].replace("`", "")
    if text.startswith("Invalid enum value") and (choices := _choices(field)):
        words = unknown("value", text.partition("'")[2].rstrip("'"), choices)
    if field == "validation" and words.startswith("expected ") and ">" in words:
        words += ", or none"
    return f"{field}: {words}" if field else words


def _choices(field: str) -> tuple[str, ...]:
    """Return the words that a field of a recipe (dotted) can take, () if it takes other things than words."""
    kinds: list[Any] = [Recipe]
    for name in field.split("."):
        hints = [get_type_hints(kind) for kind in kinds]
        annotations = [hint[name] for hint in hints if name in hint]
        kinds = [part for annotation in annotations for part in (get_args(annotation) or (annotation,))]
    return tuple(kind for kind in kinds if isinstance(kind, str))
