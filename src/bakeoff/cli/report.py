"""`bakeoff report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import GivenPath, json_option, overwrite_option, rank_by_option, store_option
from bakeoff.console.terminal import echo, echo_json, echo_lines
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import store_argument

if TYPE_CHECKING:
    from bakeoff.analysis.ranking import RankBy
    from bakeoff.reporting.exports import Format


@click.command()
@store_option()
@click.option(
    "-o",
    "--output",
    type=GivenPath(path_type=Path, dir_okay=False),
    help="File to write. [dim]Default: report.html, or report with the ending of the format[/]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "latex", "csv", "parquet"]),
    default="html",
    show_default=True,
    help="The page, or the ranking for a paper or a spreadsheet.",
)
@click.option("--title", help="Page title.")
@click.option(
    "--figures",
    type=GivenPath(path_type=Path, file_okay=False),
    help="Also draw the main charts into this folder, as PNG, SVG and PDF.",
)
@click.option("--no-pictures", is_flag=True, help="Leave the images of the data sets out of the page.")
@click.option(
    "--images",
    type=click.IntRange(min=1),
    help="Test images to embed of each data set. [dim]Default: as many as make a page of about a megabyte[/]",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Show where the best network of each table looked in test images that it got wrong (needs Captum).",
)
@click.option("--watch", "follow", is_flag=True, help="Update the page as results come in; stop with Ctrl-C.")
@rank_by_option
@click.option("--no-marks", is_flag=True, help="Leave the audit's marks out of a table (--format latex, markdown).")
@click.option("--full-paths", is_flag=True, help="Show absolute paths on the page; by default, only their last part.")
@overwrite_option
@json_option
def report(
    store: Path,
    output: Path | None,
    form: "Format",
    title: str | None,
    figures: Path | None,
    no_pictures: bool,
    images: int | None,
    explain: bool,
    follow: bool,
    rank_by: "RankBy",
    no_marks: bool,
    full_paths: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write everything about the results on one page: a single HTML file that opens anywhere, offline.

    Test images are shown if the data set is on this machine; nothing is downloaded. The exit code is 1 if runs cannot
    be read, because they are damaged or written by a newer version.

    \b
    [bold]Examples[/]
    bakeoff report
    bakeoff report --watch
    bakeoff report --format latex -o table.tex
    bakeoff report --figures figures
    """
    from bakeoff.reporting.exports import default_output, write_report
    from bakeoff.spec.outputs import check_replaceable
    from bakeoff.store.store import Store

    if explain and (follow or form != "html"):
        raise BakeoffError("--explain adds pictures to a page that is written once: leave --watch and --format out")
    output = output or default_output(form)
    check_replaceable(output, overwrite=overwrite)
    if follow:
        _follow(store, output, form, title, figures, rank_by, pictures=not no_pictures, images=images)
        return
    output = write_report(
        store,
        output,
        form,
        title=title,
        pictures=not no_pictures,
        rank_by=rank_by,
        marks=not no_marks,
        full_paths=full_paths,
        images=images,
        explain=explain,
    )
    drawn = []
    if figures:
        from bakeoff.reporting.figures.charts import draw_figures

        drawn = draw_figures(store, figures, rank_by=rank_by, overwrite=overwrite)
    if as_json:
        echo_json({"report": str(output), "figures": [str(path) for path in drawn]}, indent=None)
    else:
        echo_lines([f"Report: {output}", *([f"Figures: {len(drawn)} in {figures}"] if drawn else [])])
    with Store(store) as opened:
        unreadable = opened.unreadable()
    if unreadable:
        see = f"bakeoff results{store_argument(store)}"
        from bakeoff.text.formats import counted

        echo(f"without {counted(len(unreadable), 'run')} that cannot be read: {see}", err=True)
        raise Exit(UNFINISHED)


def _follow(
    store: Path,
    output: Path,
    form: str,
    title: str | None,
    figures: Path | None,
    rank_by: "RankBy",
    *,
    pictures: bool,
    images: int | None,
) -> None:
    from bakeoff.reporting.watch import watch

    if form != "html" or figures:
        raise BakeoffError("--watch keeps the page up to date: leave --format and --figures out, or leave --watch out")
    watch(store, output, title=title, pictures=pictures, images=images, rank_by=rank_by, say=echo)
