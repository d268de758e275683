"""`bakeoff results`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.complete import networks, single
from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import json_option, rank_by_option, store_option
from bakeoff.cli.tables import print_fitting, wide_console
from bakeoff.console.terminal import echo, echo_json, escape, quote
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import count, percent, short, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bakeoff.analysis.audit import Finding
    from bakeoff.analysis.ranking import RankBy, Row
    from bakeoff.spec.records import Result, Unreadable

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
    shell_complete=single(networks),
    help="Print the confusion matrix of NET instead, as CSV: how often each class was taken for which.",
)
@rank_by_option
@click.option("--no-marks", is_flag=True, help="Leave out the audit's marks.")
@json_option
def results(
    store: Path, form: str, what: str | None, confusion: str | None, rank_by: "RankBy", no_marks: bool, as_json: bool
) -> None:
    """Print the ranking: accuracy with its interval over seeds, and what it cost.

    Accuracies are on the test images, intervals are 95 % Student's t over seeds, and each table says how the reported
    epoch was chosen. FLOPs are for one forward pass of one image, a multiply-add counted as 2. Seconds are of
    training alone. Accuracies that the audit doubts are marked, !! for serious and ! for caution: [bold]bakeoff
    audit[/] says why. JSON and CSV have the kinds of all findings under [bold]findings[/]; Markdown and LaTeX explain
    them below the table. Runs that cannot be read, because they are damaged or a newer version wrote them, are named;
    the exit code is 1 then.

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
    print_results(found, form, store, rank_by, unreadable, marks=not no_marks)
    if unreadable:
        raise Exit(UNFINISHED)
    return None


def print_details(store: Path, net: str | None, form: str) -> None:
    """Print the confusions of a network, or the curves of all runs if there is none, as CSV or JSON.

    Raises:
        BakeoffError: another format was asked for, or no run of the network has finished.
    """
    from bakeoff.execution.session import known_network
    from bakeoff.reporting.details import Confused, CurvePoint, confusions, curves
    from bakeoff.reporting.tables import to_csv
    from bakeoff.store.store import Store

    if form not in ("table", "csv", "json"):
        raise BakeoffError(f"--curves and --confusion come as csv or json, not as {form}")
    with Store(store) as opened:
        rows = confusions(opened, known_network(net)) if net else curves(opened.results())
    if form == "json":
        return echo_json([asdict(row) for row in rows])
    return echo(to_csv(rows, Confused if net else CurvePoint).rstrip("\n"))


def print_results(
    results: "Sequence[Result]",
    form: str,
    store: Path,
    rank_by: "RankBy" = "test",
    unreadable: "Sequence[Unreadable]" = (),
    *,
    marks: bool = True,
) -> None:
    """Print the ranking of results of a store in one of `FORMATS` or LaTeX, with what the audit found about them.

    In a table failures stand below it, and what cannot be read.
    """

    from bakeoff.analysis.audit import tell_counts
    from bakeoff.analysis.ranking import by_table, rank
    from bakeoff.console.live import label
    from bakeoff.spec.data import data_label

    rows = rank(results, rank_by, unreadable)
    findings = findings_about(rows, store) if marks else []
    if form != "table":
        from bakeoff.reporting.exports import written
        from bakeoff.reporting.severity import audited

        if form == "json":
            return echo_json([asdict(row) for row in audited(rows, findings)])

        return echo(written(rows, findings, form).rstrip("\n"))
    console = wide_console()
    for group in by_table(rows):
        print_fitting(console, ranking_table(group, findings), kept=4)
    if not rows:
        console.print("The store has no runs yet: bakeoff run makes some.")
    for result in results:
        if result.failure:
            run = result.run
            console.print(f"[red]✗[/] {label(run)}: {escape(result.failure.message)}", highlight=False)
    for lost in unreadable:
        name = f"{lost.net} · {data_label(lost.data)} · seed {lost.seed}" if lost.net else f"run {lost.id}"
        console.print(f"[red]✗[/] {escape(f'{name}: {lost.reason}')}", highlight=False, soft_wrap=True)
    if findings:
        see = f"bakeoff audit --store {quote(store)}"
        console.print(f"Audit: {tell_counts(findings)}; {escape(see)}", highlight=False, soft_wrap=True)
    return None


def findings_about(rows: "Sequence[Row]", store: Path) -> "list[Finding]":
    """Return what the audit finds in the runs of rows, the rest of their store aside."""
    from bakeoff.analysis.audit import audit
    from bakeoff.store.store import Store

    if not rows:
        return []
    with Store(store) as opened:
        return audit(opened, [run for row in rows for run in row.runs])


def ranking_table(rows: "Sequence[Row]", findings: "Sequence[Finding]" = ()) -> "Table":
    """Return the rows of one data set and recipe as a table for the terminal; accuracies in doubt are marked."""
    from rich import box
    from rich.table import Table

    from bakeoff.reporting.severity import gravest
    from bakeoff.reporting.tables import ranked_by

    marks = [gravest(findings, row) for row in rows]
    widest = max(map(len, marks))
    rules = ", ".join(sorted({row.selection for row in rows if row.selection}))
    methods = ", ".join(sorted({row.interval for row in rows if row.interval}))
    version = escape(f"images {rows[0].version}") if rows[0].version else ""
    counted = "* all parameters, trainable or not" if any(row.parameters_are == "all" for row in rows) else ""
    table = Table(
        title=f"{escape(rows[0].data)}, recipe {escape(rows[0].recipe)}",
        caption="; ".join(
            filter(None, (version, ranked_by(rows), f"reported epoch: {rules}", methods, FLOPS_ARE, counted))
        ),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    table.add_column("", justify="right", no_wrap=True, min_width=1)
    table.add_column("network", no_wrap=True)
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
            "–" if row.rank is None else str(row.rank),
            escape(row.net),
            _accuracy(row) + (f" [{COLOURS[mark]}]{mark:<{widest}}[/]" if widest else ""),
            *([percent(row.validation_accuracy)] if validated else []),
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
    return f"{percent(row.test_accuracy)}{spread(row.test_accuracy, row.test_accuracy_low, row.test_accuracy_high)}"


def _seeds(row: "Row") -> str:
    text = str(row.seeds) if row.seeds == row.planned else f"{row.seeds} of {row.planned}"
    return f"{text}, {row.failed} failed" if row.failed else text
