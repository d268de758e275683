"""`bakeoff reproduce` and `bakeoff compare`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.complete import single, study_names_and_files
from bakeoff.cli.option_groups import GROUPS
from bakeoff.cli.options import json_option, store_option
from bakeoff.cli.results import FORMATS
from bakeoff.cli.running import carry_out, end
from bakeoff.cli.tables import print_tables
from bakeoff.cli.training_options import SETTLE, training_options
from bakeoff.console.terminal import echo_lines
from bakeoff.lookup import hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.analysis.published import PublishedComparison
    from bakeoff.execution.options import RunOptions, StudyOptions
    from bakeoff.studies.study import Study

click.rich_click.OPTION_GROUPS["bakeoff reproduce"] = GROUPS

all_option = click.option(
    "--all", "everything", is_flag=True, help="Show every class, equal parameters, and what was not run."
)


@click.command()
@click.argument("study", shell_complete=single(study_names_and_files))
@training_options(leave_out={"folds", *SETTLE})
@all_option
@json_option
def reproduce(study: str, everything: bool, as_json: bool, wanted: "StudyOptions", how: "RunOptions") -> None:
    """Run a published study, or part of it, and compare what you measure with what it published.

    STUDY is the name of a built-in study (see [bold]bakeoff studies[/]) or a .toml file with published values. Each
    number gets a verdict with its rule, and every departure from the study is listed. Resumes where it
    stopped, as [bold]bakeoff run[/] does.

    \b
    [bold]Examples[/]
    bakeoff reproduce afif2018 --nets lenet-afif --data mnist,fashion-mnist
    bakeoff reproduce clark2020 --data cifar10 --data-as cifar10=folder:cifar10-jpeg
    bakeoff reproduce skoularikis2021 --seeds 1 --epochs 2 --dry-run
    """
    from bakeoff.analysis import published
    from bakeoff.execution.names import known_study
    from bakeoff.execution.session import choose_study
    from bakeoff.store.store import Store

    original = known_study(study)
    if not original.dials:
        published.check_has_numbers(original)
    chosen = choose_study(original, wanted)
    print_unknown_networks(original, chosen)
    if done := carry_out(chosen, how, as_json):
        form = "json" if as_json else "table"
        if done.plan.study.dials:
            from bakeoff.cli.dial import print_study

            print_study(done.plan.study, how.store, form)
        else:
            with Store(how.store) as opened:
                lines = published.compare_with_published(original, opened, [run.id for run in done.plan.runs])
            print_comparison(lines, form, everything)
        end(done)


def print_unknown_networks(original: "Study", chosen: "Study") -> None:
    """Say which networks a study does not have: they are trained, but there is nothing to compare them with."""
    for net in chosen.nets:
        if net not in original.nets:
            what = "it is trained under the same rules, without published numbers to compare with"
            echo_lines([f"{original.name} has no {net} ({hint(net, original.nets)}): {what}"], err=True)


@click.command()
@store_option()
@click.option(
    "--study",
    metavar="STUDY",
    shell_complete=single(study_names_and_files),
    help="A built-in study or a .toml file. [dim]Default: the store's last[/]",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Output format.")
@all_option
@json_option
def compare(store: Path, study: str | None, form: str, everything: bool, as_json: bool) -> None:
    """Compare what a store's runs measured with what a study published.

    A published number is a single run: it agrees if it could be one more seed of those measured here. JSON and CSV have
    every number, per-class accuracies included.

    \b
    [bold]Examples[/]
    bakeoff compare --study afif2018
    bakeoff compare --study skoularikis2021 --all --format markdown
    """
    from bakeoff.analysis import published
    from bakeoff.store.store import Store

    with Store(store) as opened:
        lines = published.compare_with_published(published.compared_study(study, opened), opened)
    print_comparison(lines, "json" if as_json else form, everything)


def print_comparison(lines: "Sequence[PublishedComparison]", form: str, everything: bool) -> None:
    """Print measured beside published in one of `FORMATS`."""
    from bakeoff.analysis.published import RULE, PublishedComparison
    from bakeoff.reporting.published import summarize_agreement, tabulate_published

    print_tables(
        form, lines, PublishedComparison, tabulate_published(lines, everything), summarize_agreement(lines), RULE
    )
