"""Which runs of a store belong to what a study printed, and how they depart from it. No torch."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec

from bakeoff.data import stand_in
from bakeoff.spec.data import DataInfo, data_label
from bakeoff.spec.overrides import describe_difference
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.records import DataRecord, Result
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import GridCell, Published


@dataclass(frozen=True)
class Group:
    """Finished runs that differ only in their seed, and how they depart from a cell."""

    results: tuple[Result, ...] = ()
    departures: tuple[str, ...] = ()


def match(
    study: Study,
    results: Iterable[Result],
    stand_ins: Collection[tuple[str, str]],
    records: Mapping[str, DataRecord],
) -> list[Group]:
    """Return for each of the study's published entries the finished runs that are closest to its cell, if any.

    Runs belong to the cell of their network from whose recipe they depart in the fewest fields. `stand_ins` are pairs
    of a data set of the study and the one used in its place; `records` are the data sets by content hash.
    """
    printed = [_cell(study, entry) for entry in study.published]
    cells = {_key(cell): cell for cell in printed}
    found: dict[tuple[str, ...], Group] = {}

    def kind(result: Result) -> tuple[str, str, str, str, int]:
        run = result.run
        return run.net, run.data, run.data_hash, run.recipe.key, -run.protocol  # of equals, the newest comes first

    finished = sorted((result for result in results if result.state == "done"), key=kind)
    for _, members in groupby(finished, key=kind):
        group = tuple(members)
        run = group[0].run
        near: list[tuple[int, tuple[str, ...], tuple[str, ...]]] = []
        for key, cell in cells.items():
            stands_in = (cell.data, run.data) in stand_ins
            if run.net != cell.net or not (run.data == cell.data or stands_in):
                continue
            if run.recipe.name.partition(" (")[0] == cell.recipe:
                expected = recipe_for(cell, stand_in(_facts(records[run.data_hash]), cell.data))
                departures = _departures(expected, group, cell.data)
                near.append((len(departures), key, departures))
        if near:
            count, key, departures = min(near, key=lambda item: item[0])
            best = found.get(key)
            if best is None or (count, -len(group)) < (len(best.departures), -len(best.results)):
                found[key] = Group(group, departures)
    return [found.get(_key(cell), Group()) for cell in printed]


def _cell(study: Study, printed: Published) -> GridCell:
    """Return the place of the grid that was printed, or one beside it, made the same way."""
    recipe, changes = study.treatment(printed.net, printed.data)
    own = GridCell(printed.net, printed.data, recipe, changes, printed.set)
    same = (c for c in study.grid() if (c.net, c.data, c.all_changes) == (own.net, own.data, own.all_changes))
    return next(same, own)


def _key(cell: GridCell) -> tuple[str, ...]:
    return cell.net, cell.data, cell.recipe, str(cell.all_changes)


def _facts(record: DataRecord) -> DataInfo:
    return msgspec.convert({name: record.facts[name] for name in DataInfo.__struct_fields__}, DataInfo)


def _departures(expected: Recipe, group: Sequence[Result], data: str) -> tuple[str, ...]:
    run = group[0].run
    other_data = [] if run.data == data else [f"data {data_label(run.data)} instead of {data}"]
    precisions = {str(name or "fp32") for result in group for name in result.conditions("precision")} - {"fp32"}
    other_numbers = [f"computed in {name}" for name in sorted(precisions)]
    return (*other_data, *describe_difference(expected, run.recipe), *other_numbers)
