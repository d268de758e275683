"""`bakeoff ablate`."""

from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.complete import network_names, recipe_names, single
from bakeoff.cli.option_groups import GROUPS
from bakeoff.cli.options import json_option
from bakeoff.cli.results import FORMATS
from bakeoff.cli.running import carry_out, end
from bakeoff.cli.tables import print_table, print_tables, to_rich
from bakeoff.cli.training_options import SETTLE, training_options
from bakeoff.console.terminal import Console, escape

if TYPE_CHECKING:
    from bakeoff.analysis.ablation import Ablation
    from bakeoff.execution.options import RunOptions, StudyOptions

click.rich_click.OPTION_GROUPS["bakeoff ablate"] = [
    {"name": "What to compare", "options": ["--from", "--from-recipe", *GROUPS[0]["options"]]},
    *GROUPS[1:],
]


@click.command()
@click.argument("net", shell_complete=single(network_names))
@click.option(
    "--from",
    "base",
    required=True,
    metavar="NET",
    shell_complete=single(network_names),
    help="The network without the changes.",
)
@click.option(
    "--from-recipe",
    "base_recipe",
    metavar="NAME",
    shell_complete=single(recipe_names),
    help="Its recipe. [dim]Default: that of NET[/]",
)
@training_options(leave_out={"nets", "folds", *SETTLE})
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format.")
@json_option
def ablate(
    net: str,
    base: str,
    base_recipe: str | None,
    form: str,
    as_json: bool,
    wanted: "StudyOptions",
    how: "RunOptions",
) -> None:
    """Find out which of the changes between two networks and their recipes helped.

    Each change is added alone to one end and removed alone from the other, and compared over the same seeds. The
    default recipe is that of the built-in study that has both networks. Resumes where it stopped, as [bold]bakeoff
    run[/] does.

    \b
    [bold]Examples[/]
    bakeoff ablate vgg16-improved --from vgg16-tv --data cifar10 --dry-run
    bakeoff ablate resnet34-leaky --from resnet34-keras --data cifar10 --recipe srivastava2020
    bakeoff ablate conv --from conv --from-recipe clark2020 --recipe quick --data digits --scale 4
    """
    from bakeoff.analysis.ablation import Gain, choose_ablation, compute_gains
    from bakeoff.console.progress import progress_bar
    from bakeoff.reporting.ablation import RULE, gain_tables
    from bakeoff.store.store import Store

    with progress_bar() as report:
        ablation = choose_ablation(net, base, base_recipe, wanted, progress=report, fetch=not how.dry_run)
    if how.dry_run and not as_json:
        _print_changes(ablation)
    if done := carry_out(ablation.study, how, as_json):
        with Store(how.store) as opened:
            found = compute_gains(ablation, opened.results([run.id for run in done.plan.runs]))
        print_tables("json" if as_json else form, found, Gain, gain_tables(ablation, found), (), RULE)
        end(done)


def _print_changes(ablation: "Ablation") -> None:
    from bakeoff.reporting.text_table import TextTable

    for data, changes in ablation.changes.items():
        rows = tuple((change.name, change.what) for change in changes)
        title = f"{data}: from {ablation.base} to {ablation.target}, recipe {ablation.study.recipe}"
        print_table(Console(), to_rich(TextTable(title, (("change", False), ("what", False)), rows)))
        Console().print()
    for variation in ablation.variations:
        if variation.impossible:
            made = ", ".join(sorted(variation.made)) or "no change"
            Console().print(escape(f"Not possible with {made} on {variation.data}: {variation.impossible}"))
