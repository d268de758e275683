"""`bakeoff ablate`."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from bakeoff.cli.complete import networks, recipes, single
from bakeoff.cli.options import as_data, json_option
from bakeoff.cli.results import FORMATS
from bakeoff.cli.running import CHANGES, GROUPS, HOW, WHAT, carry_out, changes_of, options, stand_ins_of
from bakeoff.cli.tables import draw, print_table, show
from bakeoff.console.terminal import Console, escape
from bakeoff.errors import BakeoffError

if TYPE_CHECKING:
    from bakeoff.analysis.ablation import Ablation

click.rich_click.OPTION_GROUPS["bakeoff ablate"] = [
    {"name": "What to compare", "options": ["--from", "--from-recipe", *GROUPS[0]["options"]]},
    *GROUPS[1:],
]


@click.command()
@click.argument("net", shell_complete=single(networks))
@click.option(
    "--from",
    "base",
    required=True,
    metavar="NET",
    shell_complete=single(networks),
    help="The network without the changes.",
)
@click.option(
    "--from-recipe",
    "base_recipe",
    metavar="NAME",
    shell_complete=single(recipes),
    help="Its recipe. [dim]Default: that of NET[/]",
)
@options(*(option for option in WHAT if option is not WHAT[0]), *CHANGES, *HOW)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format.")
@json_option
def ablate(net: str, base: str, base_recipe: str | None, form: str, as_json: bool, **asked: Any) -> None:
    """Find out which of the changes between two networks and their recipes helped.

    Each change is made alone, then left out alone, and compared over the same seeds. The default recipe is that of the
    built-in study that has both networks. Resumes where it stopped, as [bold]bakeoff run[/] does.

    \b
    [bold]Examples[/]
    bakeoff ablate vgg16-improved --from vgg16-tv --data cifar10 --dry-run
    bakeoff ablate resnet34-leaky --from resnet34-keras --data cifar10 --recipe srivastava2020
    bakeoff ablate conv --from conv --from-recipe clark2020 --recipe quick --data digits --scale 4
    """
    from bakeoff.analysis.ablation import plan_ablation
    from bakeoff.analysis.gains import Gain, gains
    from bakeoff.console.progress import progress_bar
    from bakeoff.execution.session import known_data_sets, known_network
    from bakeoff.reporting.ablation import RULE, gain_tables
    from bakeoff.store.store import Store

    data = known_data_sets(as_data(asked["data"]))
    if not data:
        raise BakeoffError("say which images to try the changes on: --data cifar10")
    with progress_bar() as report:
        ablation = plan_ablation(
            known_network(net),
            known_network(base),
            data,
            data_as=stand_ins_of(asked),
            recipe=asked["recipe"],
            base_recipe=base_recipe,
            changes=changes_of(asked),
            seeds=asked["seeds"] or 3,
            first_seed=asked["first_seed"] or 0,
            progress=report,
            fetch=not asked["dry_run"],
        )
    if asked["dry_run"] and not as_json:
        _print_changes(ablation)
    if done := carry_out(ablation.study, asked, as_json):
        with Store(asked["store"]) as opened:
            found = gains(ablation, opened.results([run.id for run in done.plan.runs]))
        show("json" if as_json else form, found, Gain, gain_tables(ablation, found), (), RULE)
        done.end()


def _print_changes(ablation: "Ablation") -> None:

    from bakeoff.reporting.text_table import TextTable

    for data, changes in ablation.changes.items():
        rows = tuple((change.name, change.what) for change in changes)
        title = f"{data}: from {ablation.base} to {ablation.target}, recipe {ablation.study.recipe}"
        print_table(Console(), draw(TextTable(title, (("change", False), ("what", False)), rows)))
        Console().print()
    for variation in ablation.variations:
        if variation.impossible:
            made = ", ".join(sorted(variation.made)) or "no change"
            Console().print(escape(f"Not possible with {made} on {variation.data}: {variation.impossible}"))
