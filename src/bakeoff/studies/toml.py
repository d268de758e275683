"""Reads and writes study files."""

import re
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from bakeoff.errors import BakeoffError
from bakeoff.spec.overrides import change, read_toml
from bakeoff.spec.recipe import (
    SGD,
    Adadelta,
    Adam,
    AdamW,
    Constant,
    Cooldown,
    Cosine,
    OneCycle,
    Optimizer,
    Plateau,
    Recipe,
    Schedule,
    Steps,
)
from bakeoff.spec.validation import explain_error, field_of
from bakeoff.spec.values import Value, to_dict
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional, Published, Turn
from bakeoff.text.decoding import decoded

TABLES: dict[str, type[Value]] = {"cells": Exceptional, "variants": Exceptional, "published": Published, "dials": Turn}
"""The arrays of tables in a study file."""


def read_study(path: Path) -> Study:
    """Read a study file. Relative paths in it are relative to its folder.

    Raises:
        BakeoffError: the file is missing, not valid TOML, or has a wrong field or an impossible change; the message
            names the line.
    """
    if path.exists() and not path.is_file():  # reading a pipe would block
        raise BakeoffError(f"cannot read the study {path}: expected a file, found a folder, pipe or device")
    try:
        text = decoded(path.read_bytes()).replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BakeoffError(f"cannot read the study {path}: {error}") from error
    study = parse_study(text, str(path))
    _check_changes(study, text, str(path))
    return _located(study, path.parent)


PATH = re.compile(r"(folder|csv|npz):(?P<folder>.*)|(?P<file>.+\.py(:.*)?)", re.DOTALL)
"""Names of data sets and networks that contain a path."""


def _located(study: Study, folder: Path) -> Study:
    """Return the study with its paths relative to the working directory instead of the folder of its file."""

    def name(given: str) -> str:
        match = PATH.fullmatch(given)
        own = match and (match["folder"] or match["file"])
        if not match or not own or own.startswith("~") or Path(own).is_absolute() or folder == Path():
            return given
        return f"{given.removesuffix(own)}{folder.as_posix()}/{own}"

    def located(item: Any) -> Any:
        changed: dict[str, Any] = {}
        for field in {"nets", "data"}.intersection(item.__struct_fields__):
            value = getattr(item, field)
            changed[field] = name(value) if isinstance(value, str) else tuple(map(name, value))
        return msgspec.structs.replace(item, **changed)

    tables = {table: tuple(map(located, getattr(study, table))) for table in ("cells", "variants", "dials")}
    printed = tuple(msgspec.structs.replace(p, net=name(p.net), data=name(p.data)) for p in study.published)
    stand_ins = {name(data): name(other) for data, other in study.data_as.items()}
    return msgspec.structs.replace(located(study), **tables, published=printed, data_as=stand_ins)


def parse_study(text: str, origin: str) -> Study:
    """Read a study from TOML text; `origin` names it in errors.

    Raises:
        BakeoffError: as `read_study`.
    """
    try:
        return msgspec.convert(read_toml(text), Study)
    except tomllib.TOMLDecodeError as error:
        raise BakeoffError(f"{origin} is not valid TOML: {error}") from error
    except BakeoffError as error:
        raise BakeoffError(f"cannot read {origin}: {error}") from error
    except msgspec.ValidationError as error:
        field = field_of(error)
        line = line_of(text, field)
        where = f"{origin}, line {line}" if line else origin
        known = TABLES.get(field.partition("[")[0], Study).__struct_fields__
        raise BakeoffError(f"{where}: {explain_error(error, known)}") from error


def checked(study: Study) -> Study:
    """Return the study if all its fields are valid.

    Raises:
        BakeoffError: a field is not valid.
    """
    try:
        return msgspec.convert(to_dict(study), Study)
    except msgspec.ValidationError as error:
        raise BakeoffError(f"the study {study.name!r}: {explain_error(error, Study.__struct_fields__)}") from error


def write_study(study: Study) -> str:
    """Return the study as TOML text; the inverse of `parse_study`."""
    return tomli_w.dumps(to_dict(study))


def line_of(text: str, field: str) -> int | None:
    """Return the number of the line in TOML `text` that sets `field` ("set.epochs", "cells[1].recipe").

    For an element of an array, return the first line of the array. None if the field is not found.
    """
    tables: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("[["):
            table = stripped.partition("]")[0].strip("[ ")
            tables[table] = tables.get(table, -1) + 1
            prefix = f"{table}[{tables[table]}]."
        elif stripped.startswith("["):
            prefix = stripped.partition("]")[0].strip("[ ") + "."
        found = prefix + stripped.partition("=")[0].strip(" \t\"'")
        if "=" in stripped and (field == found or field.startswith((f"{found}[", f"{found}."))):
            return number
    return None


OPTIMIZERS: tuple[Optimizer, ...] = (SGD(0.1), Adam(0.1), AdamW(0.1), Adadelta(0.1))
SCHEDULES: tuple[Schedule, ...] = (
    Constant(),
    Steps((1,), 0.1),
    Plateau("train_loss", 0.1, 1),
    Cosine(),
    OneCycle(),
    Cooldown(),
)


def _check_changes(study: Study, text: str, origin: str) -> None:
    """Check that every change is possible with at least one optimiser and schedule, regardless of the recipe.

    Raises:
        BakeoffError: a change is not possible; the message names its line.
    """
    for place, before, own in _changes(study):
        if own and (problem := _problem(before | own)):
            rest = {name: {k: v for k, v in own.items() if k != name} for name in own}
            wrong = next((name for name in own if not _problem(before | rest[name])), next(iter(own)))
            line = line_of(text, f"{place}.{wrong}")
            raise BakeoffError(f"{origin}{f', line {line}' if line else ''}: {problem}") from problem


def _changes(study: Study) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield (place in the file, changes applied before, changes)."""
    yield "set", {}, study.set
    for table in ("cells", "variants", "published"):
        for number, exception in enumerate(getattr(study, table)):
            yield f"{table}[{number}].set", study.set, exception.set


def _problem(changes: dict[str, Any]) -> BakeoffError | None:
    """Return what is wrong with changes under all optimisers and schedules, None if they are valid under one."""
    problems = []
    for optimizer, schedule in product(OPTIMIZERS, SCHEDULES):
        recipe = Recipe(
            name="any",
            epochs=1,
            batch_size=1,
            validation=0.5,
            select="last",
            normalize="unit",
            optimizer=optimizer,
            schedule=schedule,
        )
        try:
            change(recipe, changes)
        except BakeoffError as problem:
            problems.append(problem)
        else:
            return None
    return min(problems, key=lambda problem: str(problem).startswith("unknown"))
