"""`bakeoff pick`."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit
from rich import box
from rich.table import Table

from bakeoff.cli.complete import data_set_names, single
from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.option_groups import CONTEST_GROUPS
from bakeoff.cli.options import as_data, json_option
from bakeoff.cli.tables import print_fitting, wide_console
from bakeoff.cli.training_options import NO_CONTEST, training_options
from bakeoff.console.terminal import Console, escape
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import store_argument
from bakeoff.text.shell import quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bakeoff.analysis.pick.answer import Pick
    from bakeoff.analysis.pick.standing import PickedNetwork
    from bakeoff.execution.options import RunOptions, StudyOptions

click.rich_click.OPTION_GROUPS["bakeoff pick"] = [
    {
        "name": "What to pick",
        "options": [
            "--budget",
            "--max-params",
            "--max-latency",
            "--max-size",
            "--target",
            "--margin",
            "--learn-from",
            "--tune",
        ],
    },
    *CONTEST_GROUPS,
]
UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


@click.command()
@click.argument("data", shell_complete=single(data_set_names))
@click.option(
    "--budget", default="20m", show_default=True, metavar="TIME", help="How long the command may take: 20m, 1h30m, 90s."
)
@click.option("--max-params", metavar="N", help="Upper limit on parameters: 500k, 1M.")
@click.option("--max-latency", metavar="MS", help="Upper limit on the time for one image on this machine: 5ms.")
@click.option("--max-size", metavar="MB", help="Upper limit on the size of the weights: 20MB.")
@click.option("--target", type=float, metavar="X", help="Stop at this validation accuracy, a fraction such as 0.95.")
@click.option(
    "--margin",
    type=float,
    default=0.5,
    show_default=True,
    metavar="POINTS",
    help="Accuracies that differ by less, in percentage points, count as equivalent.",
)
@click.option(
    "--learn-from",
    multiple=True,
    metavar="OTHER.db",
    help="Another store whose results on similar images decide what is tried first; may be repeated.",
)
@click.option("--tune", is_flag=True, help="Tune the recipe of the winner in two fifths of the budget; needs Optuna.")
@training_options(leave_out=NO_CONTEST | {"data"}, refuse={"folds"})
@json_option
def pick(
    data: str,
    budget: str,
    max_params: str | None,
    max_latency: str | None,
    max_size: str | None,
    target: float | None,
    margin: float,
    learn_from: tuple[str, ...],
    tune: bool,
    as_json: bool,
    wanted: "StudyOptions",
    how: "RunOptions",
) -> None:
    """Find the best network for your images within a budget of time.

    Trains the candidates in stages, drops those with almost no chance of becoming the best, and spends the remaining
    time on the others, with several seeds. No finished epoch is trained twice, except those in which the learning rate
    fell. Without --nets the candidates range from a linear model on pixels to the pretrained networks that are
    installed (pip install 'bakeoff\\[pretrained]').

    All choices are made on validation images; the test images are evaluated once, for the answer: the winner, the
    probability that it is the best of those tried, its test accuracy, and a smaller network that is about as accurate.

    Earlier results on similar images decide which candidates are tried first, and nothing else: those in the store and
    in --learn-from OTHER.db, or those that come with bakeoff.

    The budget includes everything, from reading the images to the answer and the page, which is written beside the
    store. Ctrl-C stops it with an answer from the results so far; run the same command to continue, with a larger
    budget if you like.

    \b
    [bold]Examples[/]
    bakeoff pick folder:my-photos --budget 20m
    bakeoff pick mnist --budget 10m --max-params 100k
    bakeoff pick folder:my-photos --nets conv,resnet20,my_net.py --target 0.9
    """
    from dataclasses import replace

    from bakeoff.analysis.pick.candidates import CandidateLimits
    from bakeoff.console.picking import PickOptions, hold_contest
    from bakeoff.console.terminal import echo_json

    if not 0 <= margin < 100:
        raise BakeoffError(f"--margin takes percentage points, at least 0 and below 100; got {margin:g}")
    limits = CandidateLimits(
        parameters=_quantity(max_params, "--max-params", ""),
        latency_ms=_quantity(max_latency, "--max-latency", "ms"),
        size_bytes=_quantity(max_size, "--max-size", "b"),
    )
    options = PickOptions(
        budget=budget, limits=limits, margin=margin / 100, target=target, learn_from=learn_from, tune=tune
    )
    outcome = hold_contest(replace(wanted, data=as_data([data])), options, how)
    found = outcome.pick
    if as_json:
        weights = str(found.weights) if found.weights else None
        page = str(outcome.page) if outcome.page else None
        echo_json(asdict(found) | {"store": str(found.store), "weights": weights, "page": page})
    else:
        print_pick(found, outcome.page)
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    if found.winner is None:
        raise Exit(UNFINISHED)


def print_pick(pick: "Pick", page: "Path | None") -> None:
    """Print the answer: in words, then a table of all candidates."""
    from bakeoff.analysis.pick.words import describe_pick

    console = wide_console()
    first, *rest = describe_pick(pick)
    console.print(f"[bold]{escape(first)}[/]", soft_wrap=True, highlight=False)
    for line in rest:
        console.print(escape(line), soft_wrap=True, highlight=False)
    print_fitting(console, _table(pick.standings), kept=5)
    if pick.weights:
        console.print(escape(f"Weights of the winner: {pick.weights}"), soft_wrap=True, highlight=False)
        use = f"bakeoff predict best new-photos/{store_argument(pick.store)}{_needed_data(pick)}"
        Console(stderr=True).print(f"[dim]Use it:[/] {escape(use)}", soft_wrap=True, highlight=False)
    if page:
        console.print(escape(f"Page: {page}"), soft_wrap=True, highlight=False)


def _needed_data(pick: "Pick") -> str:
    """Return the option that says which data set `best` is about; empty if the store has no models of others."""
    from bakeoff.inference.library import list_models
    from bakeoff.store.store import Store

    with Store(pick.store) as opened:
        sets = {one.path: one.data for one in list_models(opened)}
    return f" --data {quote(sets[pick.weights])}" if pick.weights in sets and len(set(sets.values())) > 1 else ""


def _table(standings: "Sequence[PickedNetwork]") -> Table:
    from bakeoff.analysis.pick.words import COLUMNS, fate, standing_cells

    table = Table(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(COLUMNS):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for one in standings:
        name, *cells = standing_cells(one)
        table.add_row(escape(name) + ("" if one.state == "tried" else f" [dim]({fate(one.state)})[/]"), *cells)
    return table


def _quantity(text: str | None, option: str, unit: str) -> float | None:
    """Parse "500k", "1M", "5ms" or "20MB".

    Raises:
        BakeoffError: the text is no such quantity.
    """
    if text is None:
        return None
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*([kmg]?)(?:{unit})?", text.strip().lower())
    if not found or not float(found[1]):
        example = {"": "500k or 1M", "ms": "5ms", "b": "20MB"}[unit]
        raise BakeoffError(f"{option} takes a quantity such as {example}; got {text!r}")
    return float(found[1]) * UNITS[found[2]]
