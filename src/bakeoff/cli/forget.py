"""`bakeoff forget`."""

import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import as_list, json_option, store_option
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import byte_size, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.execution.forget import StoredRun


@click.command()
@store_option()
@click.option("--nets", metavar="A,B", help="Runs of these networks.")
@click.option("--data", multiple=True, metavar="NAME", help="Runs on this data set; may be repeated.")
@click.option("--recipe", multiple=True, metavar="NAME", help="Runs with this recipe; may be repeated.")
@click.option(
    "--state",
    metavar="A,B",
    help="Runs in these states: waiting, running, done, failed, damaged, newer (not readable).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed; remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def forget(
    store: Path,
    nets: str | None,
    data: tuple[str, ...],
    recipe: tuple[str, ...],
    state: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove runs from a store, with their checkpoints and weights, after listing them.

    A run is removed if it matches all options given. If a folder has changed, tables show each version with the
    beginning of its hash: [bold]--data "folder:photos (1a2b3c)"[/] selects only that version. Runs that another command
    is training are kept, and the exit code is 1. To train removed runs again, repeat the command that trained them.

    \b
    [bold]Examples[/]
    bakeoff forget --state failed,damaged
    bakeoff forget --nets conv --data mnist --dry-run
    """
    from bakeoff.console.terminal import Console, echo_json
    from bakeoff.execution import forget
    from bakeoff.store.store import Store

    with Store(store) as opened:
        runs = forget.choose(opened, nets=as_list(nets) or (), data=data, recipes=recipe, states=as_list(state) or ())
        gone, spared = runs, list[forget.StoredRun]()
        if not as_json:
            for line in _describe(runs):
                Console().print(line, markup=False, highlight=False, soft_wrap=True)
        if runs and not dry_run:
            _ask(len(runs), yes, as_json)
            gone, spared = forget.forget(opened, runs)
    if as_json:
        record = {"forgotten": [asdict(run) for run in gone], "spared": [asdict(run) for run in spared]}
        echo_json(record | {"dry_run": dry_run})
    elif spared:
        Console().print(f"{len(spared)} of them were kept: another command is training them.")
    if spared:
        raise Exit(UNFINISHED)


def _describe(runs: "Sequence[StoredRun]") -> list[str]:
    """Say which runs these are, a line for each network, data set and recipe, and what is in their files."""
    if not runs:
        return ["No run matches."]
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for run in runs:
        groups.setdefault((run.data, run.recipe, run.net), Counter())[run.state] += 1
    lines = [
        f"{net or 'unknown'} on {data or 'unknown'}, {recipe or 'unknown'}: "
        + ", ".join(f"{number} {state}" for state, number in states.items())
        for (data, recipe, net), states in groups.items()
    ]
    files = sum(run.bytes for run in runs)
    return [*lines, f"{counted(len(runs), 'run')}, {byte_size(files)} of checkpoints and weights"]


def _ask(number: int, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise BakeoffError("cannot ask for confirmation here: add --yes, or --dry-run to see the runs")
    if not click.confirm(f"Forget {'it' if number == 1 else f'these {number}'}?", err=True):
        raise Exit(0)
