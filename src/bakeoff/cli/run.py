"""`bakeoff run`."""

import shlex
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from bakeoff.cli.options import as_list, json_option, store_option

click.rich_click.OPTION_GROUPS["bakeoff run"] = [
    {"name": "What to compare", "options": ["--nets", "--data", "--recipe", "--seeds", "--first-seed"]},
    {"name": "Changes to the recipe", "options": ["--epochs", "--size", "--scale", "--set"]},
    {
        "name": "How it runs",
        "options": ["--store", "--workers", "--threads", "--device", "--precision", "--compile"],
    },
    {"name": "What to do", "options": ["--dry-run", "--retry-failed", "--restart", "--fail-fast", "--json", "--help"]},
]


@click.command()
@click.argument("study", required=False, metavar="[STUDY]")
@click.option("--nets", metavar="A,B", help="Networks, by comma (see [bold]bakeoff nets[/]).")
@click.option("--data", metavar="X,Y", help="Data sets, by comma; your own images: [bold]folder:PATH[/].")
@click.option("--recipe", metavar="NAME", help="How to train (see [bold]bakeoff recipes[/]). [dim]Default: quick[/]")
@click.option("--seeds", type=click.IntRange(1), metavar="N", help="Runs per network and data set. [dim]Default: 3[/]")
@click.option("--first-seed", type=int, metavar="N", help="The first seed. [dim]Default: 0[/]")
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Short for --set epochs=N.")
@click.option("--size", metavar="64 or 48x64", help="Bring images to this height and width first.")
@click.option(
    "--scale", type=click.IntRange(1), metavar="N", help="Enlarge images N times. Short for --set image.scale=N."
)
@click.option(
    "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Change any field, e.g. optimizer.lr=0.01."
)
@store_option(create=True)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes. [dim]Default: one per core[/]")
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Threads of each. [dim]Default: cores / workers[/]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="auto is bf16 on GPUs that have it, fp32 elsewhere.",
)
@click.option("--compile", "compiled", is_flag=True, help="torch.compile the networks (pays on long GPU runs).")
@click.option("--dry-run", is_flag=True, help="Print the plan and an estimate of the time; train nothing.")
@click.option("--retry-failed", is_flag=True, help="Try failed runs again.")
@click.option("--restart", is_flag=True, help="Forget what the store has of these runs and start anew.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failed run instead of going on.")
@json_option
def run(
    study: str | None,
    store: Path,
    workers: int | None,
    threads: int | None,
    device: str,
    precision: str,
    compiled: bool,
    dry_run: bool,
    retry_failed: bool,
    restart: bool,
    fail_fast: bool,
    as_json: bool,
    **asked: Any,
) -> None:
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

    from bakeoff import session
    from bakeoff.cli.live import follow
    from bakeoff.data.progress import progress_bar

    console = Console(stderr=True)
    wanted = session.choose_study(
        study,
        nets=as_list(asked["nets"]),
        data=as_list(asked["data"]),
        recipe=asked["recipe"],
        seeds=asked["seeds"],
        first_seed=asked["first_seed"],
        changes=_changes(asked),
    )
    with progress_bar() as report:
        plan = session.make_plan(wanted, report)
    placement = session.choose_placement(plan, device, precision, workers, threads, compiled)
    if dry_run:
        from bakeoff.cli.dry_run import print_plan

        return print_plan(plan, placement, store, as_json)
    events = session.start(
        plan,
        store,
        placement,
        command=shlex.join(["bakeoff", *sys.argv[1:]]),
        retry_failed=retry_failed,
        restart=restart,
        fail_fast=fail_fast,
    )
    try:
        counts = follow(events, plan.runs, placement.workers, console)
    except KeyboardInterrupt:
        events.close()
        console.print("Stopped. What was finished is kept; the same command goes on from there.")
        raise
    return _conclude(plan, store, counts, as_json, console)


def _changes(asked: dict[str, Any]) -> dict[str, Any]:
    """Put --epochs, --size, --scale and --set together; --set comes last and wins."""
    from bakeoff.settings import parse_assignment, parse_size

    changes: dict[str, Any] = {}
    if asked["epochs"]:
        changes["epochs"] = asked["epochs"]
    if asked["size"]:
        changes["image.size"] = parse_size(asked["size"])
    if asked["scale"]:
        changes["image.scale"] = asked["scale"]
    return changes | dict(parse_assignment(text) for text in asked["changes"])


def _conclude(plan: Any, store: Path, counts: dict[str, int], as_json: bool, console: Any) -> None:
    from rich.markup import escape

    from bakeoff.cli.results import print_results
    from bakeoff.store import Store

    notes = {
        "kept": "{} runs were already in the store",
        "failed-before": "{} runs had failed before: --retry-failed tries them again",
        "elsewhere": "{} runs are being trained by another process",
        "failed": "{} runs failed: `bakeoff results` names them",
    }
    for kind, text in notes.items():
        if counts.get(kind):
            number = counts[kind]
            console.print(
                (
                    text
                    if number != 1
                    else text.replace("runs were", "run was")
                    .replace("runs had", "run had")
                    .replace("runs are", "run is")
                    .replace("runs failed", "run failed")
                ).format(number),
                style="dim",
            )
    with Store(store) as opened:
        print_results(opened.results([run.id for run in plan.runs]), "json" if as_json else "table")
    console.print(f"[dim]See it on one page:[/] bakeoff report --store {escape(shlex.quote(str(store)))}")
