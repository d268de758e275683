"""`bakeoff run`."""

import shlex
from typing import Any

import rich_click as click

from bakeoff.cli.options import json_option
from bakeoff.cli.running import CHANGES, GROUPS, HOW, WHAT, carry_out, options, wanted_study

click.rich_click.OPTION_GROUPS["bakeoff run"] = GROUPS


@click.command()
@click.argument("study", required=False, metavar="[STUDY]")
@options(*WHAT, *CHANGES, *HOW)
@json_option
def run(study: str | None, as_json: bool, **asked: Any) -> None:
    """Train networks on data sets and rank them.

    STUDY is a .toml file or the name of a built-in study (see [bold]bakeoff studies[/]); options change it. Without
    STUDY and options this is the demonstration: four networks on handwritten digits, three seeds.

    Finished runs are kept in the store, so the same command goes on where it was stopped, and a longer one
    (more nets, more seeds) only does what is missing.

    \b
    [bold]Examples[/]
    bakeoff run --nets lenet-afif --data mnist --recipe afif2018
    bakeoff run --nets conv,resnet20 --data folder:my-photos --size 64 --epochs 10
    bakeoff run --set optimizer=sgd --set optimizer.lr=0.1 --dry-run
    """
    from rich.console import Console
    from rich.markup import escape

    from bakeoff.cli.results import print_results
    from bakeoff.store import Store

    if plan := carry_out(wanted_study(study, asked), asked, as_json):
        with Store(asked["store"]) as opened:
            print_results(opened.results([run.id for run in plan.runs]), "json" if as_json else "table")
        store = escape(shlex.quote(str(asked["store"])))
        Console(stderr=True).print(f"[dim]See it on one page:[/] bakeoff report --store {store}")
