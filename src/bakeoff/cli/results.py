"""`bakeoff results`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.complete import network_names, single
from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import json_option, rank_by_option, store_option
from bakeoff.cli.tables import print_fitting, wide_console
from bakeoff.console.terminal import echo, echo_json, escape
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import store_argument
from bakeoff.text.formats import count, percent, short, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bakeoff.analysis.ranking import RankBy, Row
    from bakeoff.console.terminal import Console
    from bakeoff.reporting.severity import Findings
    from bakeoff.spec.records import Result, Unreadable
    from bakeoff.store.store import Store

FORMATS = ("table", "json", "csv", "markdown")
"""What most commands print in; the ranking in LaTeX as well."""

COLOURS = {"!!": "red", "!": "yellow", "": "default"}
FLOPS_ARE = "FLOPs of one forward pass, multiply-add = 2"


@click.command()
@store_option()
@click.option(
    "--format",
    "form",
    type=click.Choice((*FORMATS, "latex")),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--curves", "what", flag_value="curves", help="Print the learning curves instead, as CSV: every epoch of every run."
)
@click.option(
    "--confusion",
    metavar="NET",
    shell_complete=single(network_names),
    help="Print the confusion matrix of NET instead, as CSV: how often each class was predicted as each.",
)
@rank_by_option
@click.option("--all", "every", is_flag=True, help="Also list trainings of contests and tuning, which were not tested.")
@click.option("--no-marks", is_flag=True, help="Leave out the audit's marks.")
@json_option
def results(
    store: Path,
    form: str,
    what: str | None,
    confusion: str | None,
    rank_by: "RankBy",
    every: bool,
    no_marks: bool,
    as_json: bool,
) -> None:
    """Print the ranking: accuracy with its interval over seeds, and what it cost.

    Accuracies are on the test images, intervals are 95 % Student's t over seeds, and each table says how the reported
    epoch was chosen. FLOPs are for one forward pass of one image, a multiply-add counted as 2. Times are for
    training only. Accuracies with audit findings are marked, !! for serious and ! for caution: [bold]bakeoff
    audit[/] says why. JSON and CSV have the kinds of all findings under [bold]findings[/]; Markdown and LaTeX explain
    them below the table. Trainings that [bold]bakeoff pick[/] and [bold]tune[/] evaluated on validation images only
    are left out in all formats; --all lists them. Runs that cannot be read, because they are damaged or written by a
    newer version, are listed, and the exit code is 1.

    \b
    [bold]Examples[/]
    bakeoff results --format latex --no-marks > table.tex
    bakeoff results --curves > curves.csv
    bakeoff results --confusion resnet20 --json
    """
    from bakeoff.store.store import Store

    form = "json" if as_json else form
    if what or confusion:
        return print_details(store, confusion, form)
    with Store(store) as opened:
        found, unreadable = opened.read()
        print_results(found, form, opened, rank_by, unreadable, marks=not no_marks, every=every)
    if unreadable:
        raise Exit(UNFINISHED)
    return None


def print_details(store: Path, net: str | None, form: str) -> None:
    """Print the confusions of a network, or the curves of all runs if there is none, as CSV or JSON.

    Raises:
        BakeoffError: another format was asked for, or no run of the network has finished.
    """
    from bakeoff.execution.names import known_network
    from bakeoff.reporting.details import ConfusionCount, CurvePoint, count_confusions, list_epochs
    from bakeoff.reporting.tables import to_csv
    from bakeoff.store.store import Store

    if form not in ("table", "csv", "json"):
        raise BakeoffError(f"--curves and --confusion come as csv or json, not as {form}")
    with Store(store) as opened:
        rows = count_confusions(opened, known_network(net)) if net else list_epochs(opened.results())
    if form == "json":
        return echo_json([asdict(row) for row in rows])
    return echo(to_csv(rows, ConfusionCount if net else CurvePoint).rstrip("\n"))


def print_results(
    results: "Sequence[Result]",
    form: str,
    store: "Store",
    rank_by: "RankBy" = "test",
    unreadable: "Sequence[Unreadable]" = (),
    *,
    marks: bool = True,
    every: bool = True,
) -> None:
    """Print the ranking of results of an open store in one of `FORMATS` or LaTeX, with what the audit found about them.

    In a table failures stand below it, and what cannot be read. Without `every`, trainings of contests and tuning that
    were not tested are left out, which stderr says.
    """
    from bakeoff.analysis.audit import describe_counts
    from bakeoff.analysis.ranking import group_by_table
    from bakeoff.analysis.shared_ranks import rank_and_audit
    from bakeoff.analysis.untested import describe_untested, leave_out_untested
    from bakeoff.console.terminal import Console

    rows, findings = rank_and_audit(store, results, rank_by, unreadable)
    findings = findings if marks else []
    rows, left_out = (rows, 0) if every else leave_out_untested(rows, results)
    if left_out:
        see = f"bakeoff results --all{store_argument(store.path)}"
        stderr = Console(stderr=True, highlight=False)
        stderr.print(f"[dim]{escape(describe_untested(left_out, see))}[/]", soft_wrap=True)
    if form != "table":
        from bakeoff.reporting.row_formats import format_rows
        from bakeoff.reporting.severity import add_findings

        if form == "json":
            return echo_json([asdict(row) for row in add_findings(rows, findings)])

        return echo(format_rows(rows, findings, form).rstrip("\n"))
    from bakeoff.reporting.severity import FindingIndex

    console, index = wide_console(), FindingIndex(findings)
    for group in group_by_table(rows):
        print_fitting(console, ranking_table(group, index), kept=4)
    if left_out and not rows:
        console.print("No run has been tested yet.")
    elif not rows:
        console.print("The store has no runs yet: train some with bakeoff run.")
    _print_failures(results, console)
    for lost in unreadable:
        console.print(f"[red]✗[/] {escape(f'{lost.label}: {lost.reason}')}", highlight=False, soft_wrap=True)
    if findings:
        see = f"bakeoff audit{store_argument(store.path)}"
        console.print(f"Audit: {describe_counts(findings)}; {escape(see)}", highlight=False, soft_wrap=True)
    return None


def _print_failures(results: "Sequence[Result]", console: "Console") -> None:
    """Say which runs failed and why, a line each."""
    failed = [(result.run, result.failure) for result in results if result.failure]
    if not failed:
        return
    from bakeoff.console.live import label, recipes_to_name  # slow to import

    recipes = recipes_to_name(result.run for result in results)
    for run, failure in failed:
        console.print(f"[red]✗[/] {label(run, recipes)}: {escape(failure.message)}", highlight=False)


def ranking_table(rows: "Sequence[Row]", findings: "Findings" = ()) -> "Table":
    """Return the rows of one data set and recipe as a table for the terminal; accuracies in doubt are marked."""
    from rich import box
    from rich.table import Table

    from bakeoff.analysis.budgets import describe_budget
    from bakeoff.analysis.cells import name_table
    from bakeoff.reporting.severity import worst_symbol
    from bakeoff.reporting.starts import SCRATCH
    from bakeoff.reporting.tables import (
        describe_intervals,
        describe_ranking,
        describe_times,
        format_rank,
        note_optimism,
    )

    marks = [worst_symbol(findings, row) for row in rows]
    widest = max(map(len, marks))
    rules = ", ".join(sorted({row.selection for row in rows if row.selection}))
    methods = describe_intervals(rows)
    version = escape(f"images {rows[0].version}") if rows[0].version else ""
    counted = "* all parameters, trainable or not" if any(row.parameters_are == "all" for row in rows) else ""
    table = Table(
        title=escape(f"{rows[0].data}, {name_table(rows[0].table, rows[0].recipe)}"),
        caption="; ".join(
            filter(
                None,
                (
                    version,
                    describe_ranking(rows),
                    f"reported epoch: {rules}",
                    methods,
                    describe_budget(rows),
                    FLOPS_ARE,
                    counted,
                    escape(describe_times(rows)),
                ),
            )
        )
        + "".join(f"\n{escape(note)}" for note in note_optimism(rows)),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    table.add_column("", justify="right", no_wrap=True, min_width=1)
    table.add_column("network", no_wrap=True)
    pretrained = any(row.starts_from for row in rows)
    if pretrained:
        table.add_column("starts from", no_wrap=True)
    validated = any(row.validation_accuracy is not None for row in rows)
    for name in (
        "test accuracy",
        *(["validation"] if validated else []),
        "seeds",
        "params",
        "FLOPs",
        "train s",
        "img/s",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for row, mark in zip(rows, marks, strict=True):
        table.add_row(
            format_rank(row),
            escape(row.label),
            *([escape(row.starts_from or SCRATCH)] if pretrained else []),
            _accuracy(row) + (f" [{COLOURS[mark]}]{mark:<{widest}}[/]" if widest else ""),
            *([percent(row.validation_accuracy, row.digits)] if validated else []),
            _seeds(row),
            short(row.parameters, "") + ("*" if row.parameters_are == "all" else ""),
            short(row.flops, ""),
            "–" if row.train_seconds is None else f"{row.train_seconds:,.1f}",
            count(row.images_per_second),
            style="bold" if row.rank == 1 else None,
        )
    return table


def _accuracy(row: "Row") -> str:
    if row.test_accuracy is None:
        return "–"
    interval = spread(row.test_accuracy, row.test_accuracy_low, row.test_accuracy_high, row.digits)
    return f"{percent(row.test_accuracy, row.digits)}{interval}"


def _seeds(row: "Row") -> str:
    text = str(row.seeds) if row.seeds == row.planned else f"{row.seeds} of {row.planned}"
    return f"{text}, {row.failed} failed" if row.failed else text
