"""`bakeoff dial`."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from bakeoff.cli.complete import data_sets, several, single
from bakeoff.cli.complete import dials as dial_names
from bakeoff.cli.options import as_list, json_option
from bakeoff.cli.results import FORMATS
from bakeoff.cli.running import CHANGES, GROUPS, HOW, WHAT, carry_out, options, wanted_study
from bakeoff.console.terminal import echo, echo_json
from bakeoff.errors import BakeoffError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bakeoff.analysis.dial import Response
    from bakeoff.studies.study import Study

click.rich_click.OPTION_GROUPS["bakeoff dial"] = [
    {"name": "What to turn", "options": ["--turn", "--steps", "--levels"]},
    *GROUPS,
]


@click.command()
@click.argument("data", shell_complete=single(data_sets))
@click.option(
    "--turn",
    "dials",
    shell_complete=several(dial_names),
    multiple=True,
    required=True,
    metavar="DIAL",
    help="colour, contrast, resolution, clutter, classes, label-noise, imbalance, images-per-class or upscale; may be "
    "given several times.",
)
@click.option(
    "--steps", type=int, default=5, show_default=True, help="Number of levels, starting from the unchanged images."
)
@click.option("--levels", metavar="X,Y", help="The levels themselves, instead of --steps.")
@options(*(option for option in WHAT if option not in WHAT[1:3]), *CHANGES, *HOW)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format.")
@json_option
def dial(
    data: str, dials: tuple[str, ...], steps: int, levels: str | None, form: str, as_json: bool, **asked: Any
) -> None:
    """Change one thing about a data set step by step, and see how each network responds.

    Makes graded versions of one real data set, the same every time, trains the networks on each, and says where one
    starts to win, which degrades first and where two curves cross. Resumes where it stopped, as [bold]bakeoff
    run[/] does; [bold]bakeoff report[/] draws the curves.

    A version can be used wherever a data set is named: [bold]mnist~contrast=0.25[/]. Colour, contrast, resolution and
    clutter change all images, classes all splits; label-noise, imbalance and images-per-class the training images only.
    images-per-class and upscale are settings of the recipe. Fewer images or classes at equal epochs are also fewer
    steps of training: give --epochs where that matters.

    \b
    [bold]Examples[/]
    bakeoff dial digits --turn contrast --turn label-noise --nets conv,lenet-afif --scale 4
    bakeoff dial mnist --turn images-per-class --levels 10,100,1000 --epochs 20 --nets lenet-afif,resnet20
    bakeoff dial folder:my-photos --turn colour --steps 3 --dry-run
    """
    from bakeoff import data as sets
    from bakeoff import studies
    from bakeoff.analysis.dial import make_study
    from bakeoff.console.progress import progress_bar
    from bakeoff.execution.session import known_data, known_networks
    from bakeoff.studies.study import dial_named

    data = known_data(data)
    chosen = [dial_named(name.strip()) for text in dials for name in text.split(",")]
    with progress_bar() as report:
        info = sets.info(data, progress=report, fetch=not asked["dry_run"])
    nets = known_networks(as_list(asked["nets"])) or studies.load("demo").nets
    study = make_study(data, list(dict.fromkeys(chosen)), info, steps, _numbers(levels), nets)
    study = wanted_study(study, asked | {"nets": None, "data": None, "data_as": ()})
    if done := carry_out(study, asked, as_json):
        print_study(done.plan.study, asked["store"], "json" if as_json else form)
        done.end()


LARGEST = 1e9
"""Level of any dial."""


def _numbers(text: str | None) -> "list[float] | None":
    try:
        levels = None if text is None else [float(level) for level in as_list(text) or ()]
    except ValueError as error:
        raise BakeoffError(f"--levels takes numbers by comma, such as 1,0.5,0.25: got {text!r}") from error
    if any(not 0 <= level <= LARGEST for level in levels or ()):
        raise BakeoffError(f"--levels takes numbers from 0 to {LARGEST:,.0f}: got {text!r}")
    return levels


def print_study(study: "Study", store: "Path", form: str = "table") -> None:
    """Print what came of the experiments of a study."""
    from bakeoff.analysis.dial import responses
    from bakeoff.store.store import Store

    with Store(store) as opened:
        print_responses(responses(opened, study), form)


def print_responses(found: "Sequence[Response]", form: str) -> None:
    """Print curves in one of `FORMATS`: as tables with what is to be said of them, JSON with all that is known."""
    from dataclasses import asdict

    from bakeoff.cli.tables import show
    from bakeoff.reporting.dial import RULE, Row, rows, said, table

    if form == "json":
        told = [asdict(one) | {"said": said(one)} for one in found]
        return echo_json(told)
    if not found:
        return echo("No run has finished yet.")
    if form == "csv":
        return show(form, rows(found), Row, (), (), RULE)
    for one in found[:-1]:
        show(form, (), Row, [table(one)], said(one), "")
    return show(form, (), Row, [table(found[-1])], said(found[-1]), RULE)
