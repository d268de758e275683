"""`bakeoff tune`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit
from rich import box
from rich.table import Table

from bakeoff.cli.complete import network_names, single
from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.option_groups import CONTEST_GROUPS
from bakeoff.cli.options import as_list, json_option, overwrite_option
from bakeoff.cli.tables import print_fitting, wide_console
from bakeoff.cli.training_options import NO_CONTEST, training_options
from bakeoff.console.terminal import Console, escape
from bakeoff.spec.paths import store_argument
from bakeoff.text.formats import percent
from bakeoff.text.shell import quote

if TYPE_CHECKING:
    from bakeoff.analysis.tune.answer import TunedRecipe
    from bakeoff.execution.options import RunOptions, StudyOptions

click.rich_click.OPTION_GROUPS["bakeoff tune"] = [
    {"name": "What to tune", "options": ["--budget", "--search", "--output", "--overwrite"]},
    *CONTEST_GROUPS,
]
SHOWN = 8
"""Trials in the table, the best first."""
ORDER = (
    "In the order of the accuracy expected after all epochs; → is the answer: of the trials trained that long, the one "
    "with the best validation accuracy, if it is better than the recipe as it was."
)


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
@overwrite_option
@training_options(leave_out=NO_CONTEST | {"nets", "track"}, refuse={"folds"})
@json_option
def tune(
    net: str,
    budget: str,
    search: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    as_json: bool,
    wanted: "StudyOptions",
    how: "RunOptions",
) -> None:
    """Find better values for the fields of a recipe, for one network and data set.

    Starts from the unchanged recipe (quick, or --recipe) on the images given with --data, and tries other values for
    the fields that matter most: learning rate, weight decay, batch size, label smoothing, augmentation. Optuna proposes
    them (pip install 'bakeoff\\[tune]'); each is trained in stages and dropped when its learning curve shows that it is
    unlikely to beat the best one. Fields given with --set are not tuned, nor is the number of epochs. The schedule
    becomes cooldown, as in bakeoff pick, so that short trainings predict longer ones.

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

    options = TuneOptions(budget=budget, search=search, output=output, overwrite=overwrite)
    found, is_interrupted = tune_recipe(replace(wanted, nets=as_list(net)), options, how)
    has_result = any(trial.epochs for trial in found.trials)
    if as_json:
        echo_json(asdict(found) | {"store": str(found.store)})
    else:
        print_tuning(found)
        if output is not None:
            text = (
                f"[dim]Compare it:[/] {escape(suggest_comparison(found, output, wanted))}"
                if has_result
                else escape(f"{output} was not written")
            )
            Console(stderr=True).print(text, soft_wrap=True, highlight=False)
    if is_interrupted:
        raise KeyboardInterrupt
    if not has_result:
        raise Exit(UNFINISHED)


def print_tuning(found: "TunedRecipe") -> None:
    """Print what was found: in words, then a table of the best trials."""
    from bakeoff.analysis.tune.words import describe_tuning

    console = wide_console()
    first, *rest = describe_tuning(found)
    console.print(f"[bold]{escape(first)}[/]", soft_wrap=True, highlight=False)
    for line in rest:
        console.print(escape(line), soft_wrap=True, highlight=False)
    if any(trial.epochs for trial in found.trials):
        print_fitting(console, _table(found), kept=4)
        console.print(ORDER, style="dim", soft_wrap=True, highlight=False)


def suggest_comparison(found: "TunedRecipe", output: Path, wanted: "StudyOptions") -> str:
    """Return the command that compares the tuned recipe with the one that the search started from.

    What was set for the search is set for both, so that they have the same budget.
    """
    from bakeoff.spec.overrides import format_value

    recipe = wanted.recipe if isinstance(wanted.recipe, str) else "quick"
    words = ["--nets", found.net, "--data", found.data, "--recipe", f"{recipe},{output}"]
    for field, value in ({"epochs": found.epochs} | dict(wanted.changes or {})).items():
        if field == "epochs":
            words += ["--epochs", str(value)]
        else:
            words += ["--set", f"{field}={format_value(value, field)}"]
    return f"bakeoff run {' '.join(map(quote, words))}{store_argument(found.store)}"


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
    answer = found.best if found.is_better else 0
    for trial in shown:
        name = "as it was" if trial.number == 0 else str(trial.number)
        table.add_row(
            f"→ {name}" if trial.number == answer else name,
            str(trial.epochs),
            percent(trial.validation_accuracy),
            percent(trial.expected, 1),
            *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in trial.values.values()),
        )
    return table
