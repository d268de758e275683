"""`bakeoff track`."""

from dataclasses import asdict
from pathlib import Path

import rich_click as click

from bakeoff.cli.options import GivenPath, json_option
from bakeoff.text.formats import counted


@click.command()
@click.argument("store", default="bakeoff.db", metavar="[STORE]", type=GivenPath(path_type=Path, dir_okay=False))
@click.option(
    "--to",
    required=True,
    metavar="mlflow:URI | tensorboard:DIR | wandb:PROJECT",
    help="The tracker; without a place, $MLFLOW_TRACKING_URI or this machine's server, runs/, or the project bakeoff.",
)
@click.option("--no-page", is_flag=True, help="Send the runs only, not the page.")
@click.option("--while", "parent", type=int, hidden=True, help="Continue as long as this process runs.")
@json_option
def track(store: Path, to: str, no_page: bool, parent: int | None, as_json: bool) -> None:
    """Send results to an experiment tracker: settings, curves, results and the page.

    Finished and failed runs that the tracker does not have are sent; what it has is left alone, so the command can be
    repeated at any time, such as after the tracker was down. [bold]--track[/] of commands that train does the same in
    the background. [bold]WANDB_MODE=offline[/] writes files for `wandb sync` instead.

    \b
    [bold]Examples[/]
    bakeoff track bakeoff.db --to mlflow:http://localhost:5000
    bakeoff track bakeoff.db --to tensorboard:runs
    bakeoff track bakeoff.db --to wandb:my-project
    """
    from bakeoff.console.terminal import echo_json, echo_lines
    from bakeoff.tracking.background import follow
    from bakeoff.tracking.mirror import mirror
    from bakeoff.tracking.target import parse_target

    target = parse_target(to)
    if parent is not None:
        follow(store, target, parent)
        return
    done = mirror(store, target, page=not no_page)
    if as_json:
        echo_json(asdict(done))
    else:
        page = " and the page" if done.page else ""
        echo_lines([f"{done.target}: sent {counted(len(done.sent), 'run')}{page}; {done.kept:,} were there already"])
