"""`bakeoff tune`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich import box
from rich.table import Table

from bakeoff.cli.complete import network_names, single
from bakeoff.cli.options import json_option
from bakeoff.cli.tables import print_fitting, wide_console
from bakeoff.cli.training_options import GROUPS, NO_CONTEST, training_options
from bakeoff.console.terminal import Console, escape, quote
from bakeoff.text.formats import percent

if TYPE_CHECKING:
    from bakeoff.analysis.tune.answer import TunedRecipe
    from bakeoff.execution.options import RunOptions, StudyOptions

click.rich_click.OPTION_GROUPS["bakeoff tune"] = [
    {"name": "What to tune", "options": ["--budget", "--search", "--output"]},
    *GROUPS,
]
SHOWN = 8
"""Trials in the table, the best first."""


@click.command()
@click.argument("net", shell_complete=single(network_names))
@click.option(
    "--budget", default="30m", show_default=True, metavar="TIME", help="How long the command may take: 30m, 1h30m, 90s."
)
@click.option(
    "--search",
    multiple=True,
    metavar="FIELD=LOW..HIGH",
    help="Values to try for a field, instead of the usual ones: optimizer.lr=1e-4..1e-1, batch_size=32,64. May be "
    "repeated.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.toml", help="Write the recipe to this file."
)
@training_options(leave_out=NO_CONTEST | {"nets", "track"}, refuse={"folds"})
@json_option
def tune(
    net: str,
    budget: str,
    search: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    wanted: "StudyOptions",
    how: "RunOptions",
) -> None:
    """Find better values for the fields of a recipe, for one network and data set.

    Starts from the unchanged recipe (quick, or --recipe) and tries other values for the fields that matter most:
    learning rate, weight decay, batch size, label smoothing, augmentation. Optuna proposes them (pip install
    'bakeoff\\[tune]'); each is trained in stages and dropped when its learning curve shows that it is unlikely to beat
    the best one. Fields given with --set are not tuned, nor is the number of epochs. The schedule becomes cooldown, as
    in bakeoff pick, so that short trainings predict longer ones.

    All choices are made on validation images; the test images are not read. The best of many trials owes part of its
    lead to luck, so it is trained once more with seeds that were not used in the search, as is the unchanged recipe.
    The reported gain is the difference between these. -o writes the tuned recipe, with its origin, to a file for
    --recipe.

    Ctrl-C stops it with an answer from the results so far; run the same command to continue, with a larger budget if
    you like.

    \b
    [bold]Examples[/]
    bakeoff tune resnet20 --data folder:my-photos --budget 30m -o tuned.toml
    bakeoff run --nets resnet20 --data folder:my-photos --recipe quick,tuned.toml
    bakeoff tune conv --data mnist --search optimizer.lr=1e-4..1e-1 --search augment.rotation=0..30
    """
    from dataclasses import replace

    from bakeoff.console.terminal import echo_json
    from bakeoff.console.tuning import TuneOptions, tune_recipe

    options = TuneOptions(budget=budget, search=search, output=output)
    found, is_interrupted = tune_recipe(replace(wanted, nets=(net,)), options, how)
    if as_json:
        echo_json(asdict(found) | {"store": str(found.store)})
    else:
        print_tuning(found, output)
    if is_interrupted:
        raise KeyboardInterrupt


def print_tuning(found: "TunedRecipe", output: Path | None) -> None:
    """Print what was found: in words, then a table of the best trials."""
    from bakeoff.analysis.tune.words import describe_tuning

    console = wide_console()
    first, *rest = describe_tuning(found)
    console.print(f"[bold]{escape(first)}[/]", soft_wrap=True, highlight=False)
    for line in rest:
        console.print(escape(line), soft_wrap=True, highlight=False)
    print_fitting(console, _table(found), kept=4)
    if output is not None and output.exists():
        what = f"--nets {quote(found.net)} --data {quote(found.data)} --recipe quick,{quote(output)}"
        Console(stderr=True).print(f"[dim]Compare it:[/] bakeoff run {escape(what)}", soft_wrap=True, highlight=False)


def _table(found: "TunedRecipe") -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("trial", justify="right", no_wrap=True)
    for heading in ("epochs", "validation", "expected"):
        table.add_column(heading, justify="right", no_wrap=True)
    fields = list(found.trials[0].values)
    for field in fields:
        table.add_column(field.rpartition(".")[2].replace("_", " "), justify="right", no_wrap=True)
    best = sorted((trial for trial in found.trials if trial.epochs), key=lambda trial: -(trial.expected or 0.0))
    shown = best[:SHOWN] + [trial for trial in best[SHOWN:] if trial.number in (0, found.best)]
    for trial in shown:
        table.add_row(
            "as it was" if trial.number == 0 else str(trial.number),
            str(trial.epochs),
            percent(trial.validation_accuracy),
            percent(trial.expected, 1),
            *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in trial.values.values()),
        )
    return table
