"""How the numbers were made: settings, machines, commands and the study to do it again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bakeoff.reporting.model import Facts, Line, Table, flat, text
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.records import Result
from bakeoff.spec.values import to_dict


@dataclass(frozen=True)
class Settings:
    """One recipe in full and what it was used for."""

    name: str
    keys: tuple[str, ...]
    """Of the tables."""
    used: str
    """The data sets, and the networks where not all of a table were trained so."""
    selection: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Environment:
    """One place where runs were trained."""

    runs: int
    facts: dict[str, str]


@dataclass(frozen=True)
class Method:
    """All that is needed to do it again."""

    settings: list[Settings]
    environments: list[Environment]
    """Commonest first."""
    commands: list[tuple[str, str]]
    """(time, command), oldest first."""
    studies: list[str]
    """As TOML."""
    data: list[dict[str, str]]
    """Facts of each data set, for people to read."""


def method(facts: Facts) -> Method:
    """Gather how the runs of a store were made."""
    return Method(
        settings=_settings(facts.tables),
        environments=_environments(facts.results),
        commands=[(at, command) for at, command, _ in facts.studies],
        studies=list(dict.fromkeys(study for _, _, study in facts.studies)),
        data=_data(facts.tables),
    )


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
            used="; ".join(_use(titles[key], lines) for key, lines in own.items()),
            selection=", ".join(dict.fromkeys(line.row.selection for lines in own.values() for line in lines)),
            fields=flat(to_dict(recipe, full=True)),
        )
        for recipe, own in uses.items()
    ]


def _use(table: Table, lines: Sequence[Line]) -> str:
    if len(lines) == len(table.lines):
        return table.data
    return f"{table.data} ({', '.join(line.label for line in lines)})"


def _environments(results: Iterable[Result]) -> list[Environment]:
    runs: dict[tuple[tuple[str, str], ...], int] = {}
    for result in results:
        if result.environment:
            key = tuple((name, text(value)) for name, value in result.environment.items())
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
                "content": table.record.content_hash[:16],
            }
    return list(found.values())
