"""Changing recipes field by field, and reading and writing study files. No torch."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import tomli_w

from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.spec import Count, Optimizer, Recipe, Schedule, Value, to_dict

CHOICES: dict[str, Mapping[str, type[Value]]] = {
    field: {kind.__struct_config__.tag: kind for kind in get_args(union)}
    for field, union in {"optimizer": Optimizer, "schedule": Schedule}.items()
}
"""The tables of a recipe whose `name` decides which fields they have."""


class Exceptional(Value, frozen=True):
    """Cells of a study's grid that are treated in their own way; an absent list means all."""

    nets: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    recipe: str | None = None
    set: dict[str, Any] = {}


class Study(Value, frozen=True, kw_only=True):
    """A grid of runs: every network on every data set under a recipe, with every seed."""

    name: str
    about: str = ""
    nets: tuple[str, ...]
    data: tuple[str, ...]
    recipe: str = "quick"
    seeds: Count = 3
    first_seed: int = 0
    set: dict[str, Any] = {}
    """Changes to the recipe, by dotted field: {"epochs": 3, "optimizer.lr": 0.01}."""
    cells: tuple[Exceptional, ...] = ()

    def treatment(self, net: str, data: str) -> tuple[str, dict[str, Any]]:
        """Return the recipe's name and the changes to it for one cell; later exceptions win over earlier ones."""
        recipe, changes = self.recipe, dict(self.set)
        for cell in self.cells:
            if (not cell.nets or net in cell.nets) and (not cell.data or data in cell.data):
                recipe, changes = cell.recipe or recipe, changes | cell.set
        return recipe, changes


def change(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with fields changed by dotted name, and its name telling so.

    Naming another optimiser or schedule starts from that one's own defaults (the learning rate stays).

    Raises:
        BakeoffError: there is no such field, or it cannot have that value.
    """
    if not changes:
        return recipe
    tree = to_dict(recipe, full=True)
    for name, value in changes.items():
        _set(tree, name, _square(name, value))
    told = ", ".join(f"{name}={_plain(value)}" for name, value in changes.items())
    try:
        changed = msgspec.convert(tree | {"name": f"{recipe.name} ({told})"}, Recipe)
    except msgspec.ValidationError as error:
        raise BakeoffError(f"cannot set {told}: {_sentence(error)}") from error
    return recipe if msgspec.structs.replace(changed, name=recipe.name) == recipe else changed


def _set(tree: dict[str, Any], name: str, value: Any) -> None:
    table, *rest = name.split(".")
    if table not in tree:
        raise BakeoffError(unknown("recipe field", name, field_names(tree)))
    if not rest:
        if table in CHOICES and isinstance(value, str):
            return _choose(tree, table, value)
        tree[table] = value
        return None
    if table in CHOICES and rest == ["name"]:
        return _choose(tree, table, str(value))
    inner = tree[table] if isinstance(tree[table], dict) else {}
    known = set(inner) | _optional_fields(table)
    if len(rest) > 1 or rest[0] not in known:
        raise BakeoffError(unknown("recipe field", name, [f"{table}.{field}" for field in known] or field_names(tree)))
    tree[table] = inner | {rest[0]: value}
    return None


def _optional_fields(table: str) -> set[str]:
    """Return the fields of a table that may be absent as a whole, such as `stop`."""
    for kind in get_args(Recipe.__annotations__[table]):
        if isinstance(kind, type) and issubclass(kind, Value):
            return set(kind.__struct_fields__)
    return set()


def _choose(tree: dict[str, Any], table: str, name: str) -> None:
    if name not in CHOICES[table]:
        raise BakeoffError(unknown(table, name, CHOICES[table]))
    if tree[table]["name"] != name:
        kept = {"lr": tree[table]["lr"]} if table == "optimizer" else {}
        tree[table] = {"name": name} | kept


def _square(name: str, value: Any) -> Any:
    """Let `image.size=64` mean 64 by 64."""
    return [value, value] if name == "image.size" and isinstance(value, int) else value


def parse_size(text: str) -> list[int]:
    """Read "64" or "48x64" into height and width in pixels.

    Raises:
        BakeoffError: it is neither.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise BakeoffError(f"--size takes a side such as 64, or HEIGHTxWIDTH such as 48x64; got {text!r}")
    return [int(parts[0]), int(parts[-1])]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", "")


def field_names(tree: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of all fields of a recipe given as nested dicts."""
    names: list[str] = []
    for key, value in tree.items():
        names += [f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key]
    return names


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read "optimizer.lr=0.01" into a dotted name and a value: a TOML value if it is one, else a string.

    Raises:
        BakeoffError: there is no "=".
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BakeoffError(f"--set takes FIELD=VALUE, such as epochs=3 or optimizer.lr=0.01; got {text!r}")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises:
        BakeoffError: the file is absent, no TOML, or has a wrong field; with the line where it can be found.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BakeoffError(f"cannot read the study file {path}: {error}") from error
    return parse_study(text, str(path))


def parse_study(text: str, origin: str) -> Study:
    """Read a study from TOML text; `origin` names it in errors.

    Raises:
        BakeoffError: as `read_study`.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Study)
    except tomllib.TOMLDecodeError as error:
        raise BakeoffError(f"{origin} is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        field = _field_of(error)
        line = line_of(text, field)
        where = f"{origin}, line {line}" if line else origin
        raise BakeoffError(f"{where}: {_sentence(error, Study.__struct_fields__)}") from error


def write_study(study: Study) -> str:
    """Return the study as TOML text that `parse_study` reads back to an equal study."""
    return tomli_w.dumps(to_dict(study))


def line_of(text: str, field: str) -> int | None:
    """Return the number of the line of TOML `text` that sets `field` (dotted), None if it cannot be found."""
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.strip("[]").strip() + "."
        key = stripped.partition("=")[0].strip().strip("\"'")
        if key and "=" in stripped and field in (table + key, key):
            return number
    return None


def _field_of(error: msgspec.ValidationError) -> str:
    """Return the dotted field that a validation error speaks of."""
    message = str(error)
    path = message.rpartition("`$")[2].rstrip("`") if "`$" in message else ""
    path = "".join(part for part in path.replace("[...]", "").split("[")[0]).strip(".")
    if "unknown field `" in message:
        unknown_field = message.partition("unknown field `")[2].partition("`")[0]
        return f"{path}.{unknown_field}".strip(".")
    return path


def _sentence(error: msgspec.ValidationError, fields: Iterable[str] = ()) -> str:
    """Say in words what msgspec found."""
    message = str(error)
    if "unknown field `" in message and " - at " not in message:
        return unknown("field", message.partition("unknown field `")[2].partition("`")[0], fields)
    text, _, where = message.partition(" - at ")
    field = where.strip("`").removeprefix("$.")
    words = text[0].lower() + text[1:].replace("`", "")
    return f"{field}: {words}" if field else words
