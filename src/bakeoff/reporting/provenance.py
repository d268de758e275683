"""How the results were produced: settings, machines, commands, and the study to reproduce them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bakeoff.reporting.model import Line, ReportModel, Table
from bakeoff.spec.overrides import flatten
from bakeoff.spec.recipe import Recipe, describe_settings
from bakeoff.spec.records import Result


@dataclass(frozen=True)
class Settings:
    """All settings of a recipe, and where it was used."""

    name: str
    keys: tuple[str, ...]
    """Keys of the tables that use it."""
    used: str
    """The data sets, and the networks if only some of a table use it."""
    selection: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Environment:
    """One machine and set of versions that runs were trained with."""

    runs: int
    facts: dict[str, str]


@dataclass(frozen=True)
class Provenance:
    """What is needed to reproduce the results."""

    settings: list[Settings]
    environments: list[Environment]
    """Most frequent first."""
    commands: list[tuple[str, str]]
    """(time, command), oldest first."""
    studies: list[str]
    """As TOML."""
    common: dict[str, str]
    """Settings that several recipes have in common; empty for a single one."""
    data: list[dict[str, str]]
    """Facts about each data set, for people to read."""


def collect_provenance(model: ReportModel) -> Provenance:
    """Return how the runs of a store were produced."""
    settings = _settings(model.tables)
    return Provenance(
        settings=settings,
        common=_find_common(settings) if len(settings) > 1 else {},
        environments=_environments(model.results),
        commands=[(at, command) for at, command, _ in model.studies],
        studies=list(dict.fromkeys(study for _, _, study in model.studies)),
        data=_data(model.tables),
    )


def _find_common(settings: Sequence[Settings]) -> dict[str, str]:
    first, *others = (own.fields.items() for own in settings)
    return dict(pair for pair in first if all(pair in own for own in others))


def _settings(tables: Iterable[Table]) -> list[Settings]:
    uses: dict[Recipe, dict[str, list[Line]]] = {}
    titles = {table.key: table for table in tables}
    for table in titles.values():
        for line in table.lines:
            uses.setdefault(line.cell.results[0].run.recipe, {}).setdefault(table.key, []).append(line)
    return [
        Settings(
            name=recipe.name,
            keys=tuple(own),
            used="; ".join(_describe_use(titles[key], lines) for key, lines in own.items()),
            selection=", ".join(dict.fromkeys(line.row.selection for lines in own.values() for line in lines)),
            fields=_format_fields(recipe),
        )
        for recipe, own in uses.items()
    ]


def _describe_use(table: Table, lines: Sequence[Line]) -> str:
    if len(lines) == len(table.lines):
        return table.data
    return f"{table.data} ({', '.join(line.label for line in lines)})"


def _environments(results: Iterable[Result]) -> list[Environment]:
    runs: dict[tuple[tuple[str, str], ...], int] = {}
    for result in results:
        if result.environment:
            key = tuple((name, format_setting(value)) for name, value in result.environment.items())
            runs[key] = runs.get(key, 0) + 1
    return [Environment(count, dict(key)) for key, count in sorted(runs.items(), key=lambda item: -item[1])]


def _data(tables: Iterable[Table]) -> list[dict[str, str]]:
    found = {}
    for table in tables:
        if table.record and table.record.content_hash not in found:
            kept = table.record.facts
            shape = kept.get("shape")
            found[table.record.content_hash] = {
                "name": str(kept.get("name", table.data)),
                "shape": " × ".join(str(side) for side in shape.values()) if isinstance(shape, dict) else "mixed sizes",
                "classes": str(len(kept.get("classes", ()))),
                "training images": f"{kept.get('train_images', 0):,}",
                "test images": f"{kept.get('test_images', 0):,}",
                "source": str(kept.get("source", "")),
                "licence": str(kept.get("licence", "")),
                "content hash": table.record.content_hash[:16],
            }
    return list(found.values())


def _format_fields(recipe: Recipe) -> dict[str, str]:
    """Return the settings of a recipe by dotted name as texts: {"optimizer.lr": "0.1"}."""
    fields = flatten(describe_settings(recipe))
    return {
        name: _format_size(value) if name == "image.size" else format_setting(value) for name, value in fields.items()
    }


def _format_size(value: object) -> str:
    return f"{value[0]}×{value[1]} pixels" if isinstance(value, list | tuple) else format_setting(value)


def format_setting(value: object) -> str:
    """Return the value of a setting as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(format_setting(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {format_setting(item)}" for name, item in value.items())
    return str(value)
