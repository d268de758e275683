"""`bakeoff dial`."""

from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.complete import data_set_names, dial_names, several, single
from bakeoff.cli.option_groups import GROUPS
from bakeoff.cli.options import as_list, json_option
from bakeoff.cli.results import FORMATS
from bakeoff.cli.running import carry_out, end
from bakeoff.cli.training_options import SETTLE, training_options
from bakeoff.console.terminal import echo, echo_json
from bakeoff.errors import BakeoffError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bakeoff.analysis.dial import Response
    from bakeoff.execution.options import RunOptions, StudyOptions
    from bakeoff.studies.study import Study

click.rich_click.OPTION_GROUPS["bakeoff dial"] = [
    {"name": "What to turn", "options": ["--turn", "--steps", "--levels"]},
    *GROUPS,
]


@click.command()
@click.argument("data", shell_complete=single(data_set_names))
@click.option(
    "--turn",
    "dials",
    shell_complete=several(dial_names),
    multiple=True,
    required=True,
    metavar="DIAL",
    help="colour, contrast, resolution, clutter, classes, label-noise, imbalance, images-per-class or upscale; may be "
    "repeated.",
)
@click.option(
    "--steps", type=int, default=5, show_default=True, help="Number of levels, starting from the unchanged images."
)
@click.option("--levels", metavar="X,Y", help="The levels themselves, instead of --steps.")
@training_options(leave_out={"data", "data_as", "folds", *SETTLE})
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format.")
@json_option
def dial(
    data: str,
    dials: tuple[str, ...],
    steps: int,
    levels: str | None,
    form: str,
    as_json: bool,
    wanted: "StudyOptions",
    how: "RunOptions",
) -> None:
    """Change one thing about a data set step by step, and see how each network responds.

    Makes graded versions of one real data set, the same every time, trains the networks on each, and says where one
    starts to win, which degrades first and where two curves cross. Resumes where it stopped, as [bold]bakeoff
    run[/] does; [bold]bakeoff report[/] draws the curves.

    A version can be used wherever a data set is named: [bold]mnist~contrast=0.25[/]. Colour, contrast, resolution and
    clutter change all images, classes all splits; label-noise, imbalance and images-per-class the training images only.
    images-per-class and upscale are settings of the recipe. Fewer images or classes also mean fewer
    training steps at the same number of epochs: raise --epochs if that matters.

    \b
    [bold]Examples[/]
    bakeoff dial digits --turn contrast --turn label-noise --nets conv,lenet-afif --scale 4
    bakeoff dial mnist --turn images-per-class --levels 10,100,1000 --epochs 20 --nets lenet-afif,resnet20
    bakeoff dial folder:my-photos --turn colour --steps 3 --dry-run
    """
    from bakeoff.analysis.dial import choose_dials
    from bakeoff.console.progress import progress_bar

    with progress_bar() as report:
        study = choose_dials(
            data,
            [name for text in dials for name in text.split(",")],
            wanted,
            steps=steps,
            levels=_numbers(levels),
            progress=report,
            fetch=not how.dry_run,
        )
    if done := carry_out(study, how, as_json):
        print_study(done.plan.study, how.store, "json" if as_json else form)
        end(done)


LARGEST = 1e9
"""Level of any dial."""


def _numbers(text: str | None) -> "list[float] | None":
    try:
        levels = None if text is None else [float(level) for level in as_list(text) or ()]
    except ValueError as error:
        raise BakeoffError(f"--levels takes numbers separated by commas, such as 1,0.5,0.25: got {text!r}") from error
    if any(not 0 <= level <= LARGEST for level in levels or ()):
        raise BakeoffError(f"--levels takes numbers from 0 to {LARGEST:,.0f}: got {text!r}")
    return levels


def print_study(study: "Study", store: "Path", form: str = "table") -> None:
    """Print the responses of the experiments of a study."""
    from bakeoff.analysis.dial import read_responses
    from bakeoff.store.store import Store

    with Store(store) as opened:
        print_responses(read_responses(opened, study), form)


def print_responses(found: "Sequence[Response]", form: str) -> None:
    """Print curves in one of `FORMATS`: tables come with comments, JSON has everything."""
    from dataclasses import asdict

    from bakeoff.cli.tables import print_tables
    from bakeoff.reporting.dial import RULE, DialRow, describe_response, list_points, tabulate_response

    if form == "json":
        records = [asdict(one) | {"sentences": describe_response(one)} for one in found]
        return echo_json(records)
    if not found:
        return echo("No run has finished yet.")
    if form == "csv":
        return print_tables(form, list_points(found), DialRow, (), (), RULE)
    for one in found[:-1]:
        print_tables(form, (), DialRow, [tabulate_response(one)], describe_response(one), "")
    return print_tables(form, (), DialRow, [tabulate_response(found[-1])], describe_response(found[-1]), RULE)
