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

    from bakeoff.execution.forget import Kept


@click.command()
@store_option()
@click.option("--nets", metavar="A,B", help="Of these networks.")
@click.option("--data", multiple=True, metavar="NAME", help="On this data set; may be given several times.")
@click.option("--recipe", multiple=True, metavar="NAME", help="Under this recipe; may be given several times.")
@click.option(
    "--state", metavar="A,B", help="In these states: waiting, running, done, failed, damaged (or newer: not readable)."
)
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
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
    """Remove runs from a store, with their checkpoints and weights, after saying what goes.

    What is given must all be true of a run. Of a folder that changed, a table calls each version by the beginning of
    its hash: [bold]--data "folder:photos (1a2b3c)"[/] is that one alone. Runs that another command is at stay; the exit
    code is 1 then. The same command as before trains what was removed anew.

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
        gone, spared = runs, list[forget.Kept]()
        if not as_json:
            for line in _told(runs):
                Console().print(line, markup=False, highlight=False, soft_wrap=True)
        if runs and not dry_run:
            _ask(len(runs), yes, as_json)
            gone, spared = forget.forget(opened, runs)
    if as_json:
        told = {"forgotten": [asdict(run) for run in gone], "spared": [asdict(run) for run in spared]}
        echo_json(told | {"dry_run": dry_run})
    elif spared:
        Console().print(f"{len(spared)} of them stayed: another command is at them.")
    if spared:
        raise Exit(UNFINISHED)


def _told(runs: "Sequence[Kept]") -> list[str]:
    """Say which runs these are, a line for each network, data set and recipe, and what is in their files."""
    if not runs:
        return ["No run is like that."]
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
        raise BakeoffError("nobody can be asked here whether to forget them: add --yes, or --dry-run to see them")
    if not click.confirm(f"Forget {'it' if number == 1 else f'these {number}'}?", err=True):
        raise Exit(0)
