"""Reading and writing study files."""

import codecs
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
    Cosine,
    OneCycle,
    Optimizer,
    Plateau,
    Recipe,
    Schedule,
    Steps,
)
from bakeoff.spec.validation import explain, field_of
from bakeoff.spec.values import Value, to_dict
from bakeoff.studies.study import Exceptional, Published, Study, Turn

TABLES: dict[str, type[Value]] = {"cells": Exceptional, "variants": Exceptional, "published": Published, "dials": Turn}
"""The tables of a study file that may occur several times."""


def read_study(path: Path) -> Study:
    """Read a study file. Paths in it that are not absolute are relative to its folder.

    Raises:
        BakeoffError: the file is absent, no TOML, or has a wrong field or makes an impossible change; with the line
            where it can be found.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise BakeoffError(f"cannot read the study file {path}: it is no file, but a folder, a pipe or a device")
    try:
        text = _decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise BakeoffError(f"cannot read the study file {path}: {error}") from error
    study = parse_study(text, str(path))
    _check_changes(study, text, str(path))
    return _located(study, path.parent)


MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""What a text begins with that some editors and shells of Windows write, and how it is read."""


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    text = content.decode(encoding).lstrip("\ufeff")  # some programs write the mark twice
    return text.replace("\r\n", "\n")


PATH = re.compile(r"folder:(?P<folder>.*)|(?P<file>.+\.py(:.*)?)", re.DOTALL)
"""Names of data sets and networks that are paths."""


def _located(study: Study, folder: Path) -> Study:
    """Return the study with the paths in it relative to where it is read, not to the folder of its file."""

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
        raise BakeoffError(f"{where}: {explain(error, known)}") from error


def checked(study: Study) -> Study:
    """Return the study if its fields have values that they can have.

    Raises:
        BakeoffError: one has not.
    """
    try:
        return msgspec.convert(to_dict(study), Study)
    except msgspec.ValidationError as error:
        raise BakeoffError(f"the study {study.name!r}: {explain(error, Study.__struct_fields__)}") from error


def write_study(study: Study) -> str:
    """Return the study as TOML text that `parse_study` reads back to an equal study."""
    return tomli_w.dumps(to_dict(study))


def line_of(text: str, field: str) -> int | None:
    """Return the number of the line of TOML `text` that sets `field` ("set.epochs", "cells[1].recipe").

    An element of an array is found at the line where the array begins. None if the field cannot be found.
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
SCHEDULES: tuple[Schedule, ...] = (Constant(), Steps((1,), 0.1), Plateau("train_loss", 0.1, 1), Cosine(), OneCycle())


def _check_changes(study: Study, text: str, origin: str) -> None:
    """Say of the first change that no recipe allows where it stands, whatever recipe the study names.

    Raises:
        BakeoffError: there is one.
    """
    for place, before, own in _changes(study):
        if own and (problem := _problem(before | own)):
            rest = {name: {k: v for k, v in own.items() if k != name} for name in own}
            wrong = next((name for name in own if not _problem(before | rest[name])), next(iter(own)))
            line = line_of(text, f"{place}.{wrong}")
            raise BakeoffError(f"{origin}{f', line {line}' if line else ''}: {problem}") from problem


def _changes(study: Study) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield where changes to recipes stand in a study file, those they come on top of, and the changes."""
    yield "set", {}, study.set
    for table in ("cells", "variants", "published"):
        for number, exception in enumerate(getattr(study, table)):
            yield f"{table}[{number}].set", study.set, exception.set


def _problem(changes: dict[str, Any]) -> BakeoffError | None:
    """Return what is wrong with changes under all optimisers and schedules, None if they are right under one."""
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
