"""`bakeoff studies`."""

from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.complete import single, study_names_and_files
from bakeoff.cli.options import json_option
from bakeoff.console.terminal import Console, echo_json, escape
from bakeoff.text.formats import counted

if TYPE_CHECKING:
    from bakeoff.execution.estimate import Speed
    from bakeoff.studies.study import Study


@click.command()
@click.argument("name", required=False, shell_complete=single(study_names_and_files))
@json_option
def studies(name: str | None, as_json: bool) -> None:
    """List the built-in studies, or show one: its questions, its cells, its known departures.

    Times are estimates for this machine when idle, from the FLOPs of the networks and a two-second benchmark, accurate
    to a factor of two or three. Early stopping may shorten a study.

    \b
    [bold]Examples[/]
    bakeoff studies
    bakeoff studies afif2018
    """
    from bakeoff import studies as builtin
    from bakeoff.cli.rows import print_rows
    from bakeoff.execution.estimate import speed_here
    from bakeoff.execution.names import with_known_names
    from bakeoff.machine.hardware import choose_device

    speed = speed_here(choose_device())
    if name is not None:
        return _show(with_known_names(builtin.load_study(name)), speed, as_json)
    rows = [_facts(builtin.load_study(each), speed) for each in builtin.study_names()]
    if not as_json:
        rows = [row | {"time here": roughly(row.pop("estimated_seconds"))} for row in rows]
        rows = [{key: row[key] for key in ("study", "runs", "time here", "about")} for row in rows]
    return print_rows(rows, as_json, "studies; bakeoff studies NAME shows one, bakeoff reproduce NAME runs it")


def _facts(study: "Study", speed: "Speed") -> dict:
    from bakeoff.execution.estimate import study_seconds

    return {
        "study": study.name,
        "runs": len(study.grid()) * study.seeds,
        "seeds": study.seeds,
        "estimated_seconds": study_seconds(study, speed),
        "nets": list(study.nets),
        "data": list(study.data),
        "recipe": study.recipe,
        "published": len(study.published),
        "citation": study.citation,
        "about": study.about,
    }


def _show(study: "Study", speed: "Speed", as_json: bool) -> None:
    import msgspec

    from bakeoff.analysis.published import name_changes
    from bakeoff.data.graded import format_level
    from bakeoff.text.formats import listing

    facts = _facts(study, speed)
    asks = (*study.questions, *(dial.asks for dial in study.dials if dial.asks))
    if as_json:
        more = {"questions": list(asks), "departures": list(study.departures)}
        cells = [
            {"net": cell.net, "data": cell.data, "recipe": cell.recipe, "changes": cell.all_changes}
            for cell in study.grid()
        ]
        return echo_json(facts | more | {"cells": cells})
    console = Console(highlight=False)
    console.print(escape(study.name), style="bold")
    for text in (study.citation, study.about):
        if text:
            console.print(escape(text))
    console.print(
        f"{counted(facts['runs'], 'run')}, {counted(study.seeds, 'seed')} each; "
        f"about {roughly(facts['estimated_seconds'])} on this machine."
    )
    for title, texts in (("It asks", asks), ("Known departures", study.departures)):
        if texts:
            console.print(f"\n{title}", style="bold")
        for text in texts:
            console.print(f"- {escape(text)}")
    console.print("\nIts cells", style="bold")
    grid = msgspec.structs.replace(study, dials=()).grid()
    recipes = f"recipe{'s' * (len(study.recipes) > 1)} {listing(study.recipes)}"
    for data in dict.fromkeys(cell.data for cell in grid):
        nets = [
            f"{cell.net} ({name_changes(cell.all_changes)})" if cell.all_changes else cell.net
            for cell in grid
            if cell.data == data
        ]
        console.print(escape(f"- {data}, {recipes}: {', '.join(dict.fromkeys(nets))}"))
    for dial in study.turns():
        changes = f" ({name_changes(dial.set)})" if dial.set else ""
        levels, nets = ", ".join(map(format_level, dial.levels)), list(dial.nets or study.nets)
        recipe = f"{dial.recipe or study.recipes[0]}{changes}"
        console.print(escape(f"- {dial.data}, recipe {recipe}, {dial.turn} at {levels}: {', '.join(nets)}"))
    return console.print(f"\nbakeoff reproduce {escape(study.name)} --dry-run plans it.", style="dim")


def roughly(seconds: float | None) -> str:
    """Return a time to two digits in the unit that suits it; "unknown" for None."""
    if seconds is None:
        return "unknown"
    for unit, size, upto in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48)):
        if seconds < upto * size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds / 86400)} days"


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):g}"
