"""Changing recipes field by field (`--set FIELD=VALUE`). No torch."""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.lookup import question, unknown
from bakeoff.spec.recipe import Optimizer, Recipe, Schedule
from bakeoff.spec.validation import explain_error, field_of
from bakeoff.spec.values import Value, to_dict

CHOICES: dict[str, Mapping[str, type[Value]]] = {
    field: {kind.__struct_config__.tag: kind for kind in get_args(union)}
    for field, union in {"optimizer": Optimizer, "schedule": Schedule, "head_schedule": Schedule}.items()
}
"""Tables of a recipe whose `name` decides which other fields they have."""

ALIASES = {"learning_rate": "lr", "rate": "lr", "wd": "weight_decay", "decay": "weight_decay"}
"""Field names of other libraries → the last part of the field name here."""


def change(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with fields changed by dotted name, named after its changes.

    The name depends only on the resulting recipe, not on the order of changes or on changes without effect.

    "none" clears an optional field, such as stop or image.size. Another optimizer or schedule starts from its own
    defaults, but keeps the learning rate. A probe has no epochs and ignores a number of them, so that the
    recipes of a study can share `--epochs`.

    Raises:
        BakeoffError: the field does not exist, or the value is not valid for it.
    """
    if "name" in changes:
        raise BakeoffError("cannot set name: recipes are named after their changes; leave it out")
    if not changes:
        return recipe
    tree = to_dict(recipe, full=True)
    shown = flatten(tree)
    for name, value in changes.items():
        _set(tree, name, _interpret(name, value, is_switch=isinstance(shown.get(name), bool)))
    if recipe.probe and tree["probe"]:
        tree["epochs"] = recipe.epochs
    try:
        changed = msgspec.convert(tree, Recipe)
    except msgspec.ValidationError as error:
        field = field_of(error)
        wrong = {name: value for name, value in changes.items() if f"{field}.".startswith((f"{name}.", f"{name}["))}
        raise BakeoffError(f"cannot set {shorten(_assignments(wrong or changes))}: {explain_error(error)}") from error
    return recipe if changed == recipe else named(changed, recipe.name, difference(recipe, changed))


def named(recipe: Recipe, name: str, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe named "base (changes)", with changes sorted by field: "quick (epochs=3)"."""
    changed = f" ({_assignments(dict(sorted(changes.items())))})" if changes else ""
    return msgspec.structs.replace(recipe, name=f"{name}{changed}")


def _assignments(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={format_value(value, name)}" for name, value in changes.items())


def shorten(text: str, most: int = 100) -> str:
    """Return user input cut to at most `most` characters, for error messages."""
    return text if len(text) <= most else f"{text[:most]}…"


def _set(tree: dict[str, Any], name: str, value: Any) -> None:
    table, *rest = name.split(".")
    if table not in tree:
        meant = _fields_ending_with(name, field_names(tree))
        meant_so = question(f"{field}={format_value(value, field)}" for field in meant)
        raise BakeoffError(
            f"unknown recipe field {name!r}: {meant_so}" if meant else unknown("recipe field", name, field_names(tree))
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


def _fields_ending_with(name: str, fields: Iterable[str]) -> list[str]:
    """Return the dotted fields whose last part is `name`, or what `name` is an alias of."""
    return [field for field in fields if field.endswith(f".{ALIASES.get(name, name)}")]


def find_field(name: str) -> str | None:
    """Return the dotted field with this name or last part (optimizer.lr for lr); None if there is none."""
    tables = [field for field in Recipe.__struct_fields__ if field != "name"]
    inner = (f"{table}.{field}" for table in tables for field in _inner(table))
    return name if name in tables else next(iter(_fields_ending_with(name, inner)), None)


def _inner(table: str) -> list[str]:
    """Return all fields that a table of a recipe can have."""
    kinds = CHOICES[table].values() if table in CHOICES else _kinds(table)
    return [field for kind in kinds for field in kind.__struct_fields__]


def _kinds(table: str) -> list[type[Value]]:
    kind = Recipe.__annotations__[table]
    return [kind for kind in (kind, *get_args(kind)) if isinstance(kind, type) and issubclass(kind, Value)]


def _fields_of(tree: dict[str, Any], table: str) -> list[str]:
    """Return the fields that a table of this recipe can have, even if it is None, as `stop` may be."""
    if table in CHOICES and tree[table] is not None:
        return ["name", *CHOICES[table][tree[table]["name"]].__struct_fields__]
    return _inner(table)


def _choose(tree: dict[str, Any], table: str, value: Any) -> None:
    """Set the optimizer or a schedule, given by name or as a table, or clear it."""
    if value is None:
        tree[table] = None
        return
    whole = value if isinstance(value, dict) else {"name": value}
    if "name" not in whole:
        raise BakeoffError(
            f"a whole {table} needs a name ({', '.join(CHOICES[table])}); to change one field, set {table}.FIELD"
        )
    name = str(whole["name"])
    if name not in CHOICES[table]:
        raise BakeoffError(unknown(table, name, CHOICES[table]))
    if isinstance(value, dict):
        tree[table] = value
    elif not tree[table] or tree[table]["name"] != name:
        tree[table] = {"name": name} | ({"lr": tree[table]["lr"]} if table == "optimizer" else {})


OPTIONAL = ("stop", "l2", "images_per_class", "image.size", "clip_norm", "head_schedule", "thaw_after", "probe")
"""Fields that "none" clears."""
SWITCHES = {"yes": True, "no": False}
"""Values as tables show them."""


def _interpret(name: str, value: Any, *, is_switch: bool) -> Any:
    """Read `image.size=64` as 64x64, "none" or "–" as None for an optional field, and "yes" and "no" of a switch."""
    if value in ("none", "–") and name in OPTIONAL:
        return None
    if is_switch and isinstance(value, str):
        return SWITCHES.get(value, value)
    if name == "image.size" and isinstance(value, str):
        return parse_size(value, name)
    return [value, value] if name == "image.size" and isinstance(value, int) else value


def parse_size(text: str, option: str = "--size") -> list[int]:
    """Parse "64" or "48x64" into [height, width] in pixels.

    Raises:
        BakeoffError: the text is neither.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(re.fullmatch(r"0*[1-9][0-9]{0,5}", part.strip()) for part in parts):
        raise BakeoffError(f"{option} takes a side such as 64, or HEIGHTxWIDTH such as 48x64; got {shorten(text)!r}")
    return [int(parts[0]), int(parts[-1])]


UNITS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "": 1.0}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|min|m|s) ?)+|\d+(?:\.\d+)?")


def parse_seconds(text: str | float) -> float:
    """Parse "2h", "90m", "1h30m", "45s" or a number of seconds.

    Raises:
        BakeoffError: the text is none of these, or zero.
    """
    given = str(text).strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)([a-z]*)", given) if DURATION.fullmatch(given) else []
    seconds = math.fsum(float(number) * UNITS[unit] for number, unit in parts)
    if not 0 < seconds < math.inf:
        raise BakeoffError(f"a time limit must be a duration such as 2h, 90m or 1h30m; got {text!r}")
    return seconds


def format_value(value: Any, field: str = "") -> str:
    """Return the value of a dotted field as shown in names and messages: true, none, [4, 8], 64x64."""
    if field == "image.size" and isinstance(value, list | tuple):
        return "x".join(map(str, value))
    return str(value).lower() if isinstance(value, bool | None) else str(value).replace("'", "")


def field_names(tree: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of all fields that can be set in a recipe given as nested dicts."""
    return [field for field in flatten(tree) if field != "name"]


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested dicts: {"optimizer.lr": 0.01}."""
    fields: dict[str, Any] = {}
    for key, value in tree.items():
        fields |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return fields


def difference(old: Recipe, new: Recipe) -> dict[str, Any]:
    """Return the smallest set of changes, by dotted field, with which `change` turns `old` into `new`."""
    before, after = to_dict(old, full=True), to_dict(new, full=True)
    changes: dict[str, Any] = {}
    for field, value in after.items():
        had = before[field]
        if field == "name" or value == had:
            continue
        if field in CHOICES and value and (not had or value["name"] != had["name"]):
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


def describe_difference(old: Recipe, new: Recipe) -> list[str]:
    """Describe field by field how `new` differs from `old`: "epochs 3 instead of 10"."""
    return describe_changes(old, difference(old, new))


def describe_changes(old: Recipe, changes: Mapping[str, Any]) -> list[str]:
    """Describe field by field what changes, as returned by `difference`, do to a recipe."""
    before = to_dict(old, full=True)
    known = flatten(before)
    parts = []
    for field, value in changes.items():
        if field in CHOICES and before[field]:
            parts.append(f"{field} {value} instead of {before[field]['name']}")
        elif field in known:
            parts.append(f"{field} {format_value(value, field)} instead of {format_value(known[field], field)}")
        elif value == "none":
            parts.append(f"no {field}")
        else:
            parts.append(f"{field} {format_value(value, field)}")
    return parts


def parse_assignment(text: str) -> tuple[str, Any]:
    """Parse "optimizer.lr=0.01" into a dotted name and a value: a TOML value if it is valid TOML, else a string.

    Raises:
        BakeoffError: there is no "=", no name before it, or the value is not acceptable TOML.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BakeoffError(f"--set takes FIELD=VALUE, such as epochs=3 or optimizer.lr=0.01; got {shorten(text)!r}")
    try:
        return name.strip(), read_toml(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()
    except BakeoffError as error:
        raise BakeoffError(f"cannot set {name.strip()}: {error}") from error


def read_toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        tomllib.TOMLDecodeError: it is not valid TOML.
        BakeoffError: the value is nested too deeply, or a number has thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError as error:
        raise BakeoffError("the value is nested too deeply: no field takes more than a list of lists") from error
    except ValueError as error:  # Python refuses integers of more than 4,300 digits
        raise BakeoffError("a number in the value has too many digits") from error
