"""`bakeoff card`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.named_model import find_named_files
from bakeoff.cli.options import GivenPath, model_data_option, overwrite_option, store_option
from bakeoff.console.terminal import Console, echo, escape

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("model")
@click.option(
    "-o",
    "--output",
    type=GivenPath(path_type=Path),
    metavar="FILE",
    help="File to write, such as README.md. [dim]Default: print it[/]",
)
@click.option(
    "--licence", default="unknown", show_default=True, metavar="ID", help="Licence of the model, such as mit."
)
@overwrite_option
@store_option()
@model_data_option
def card(model: str, output: Path | None, licence: str, overwrite: bool, store: Path, data: str | None) -> None:
    """Write the model card of a trained model.

    MODEL is the id of a run, a network, [bold]best[/], or the file of a model; see [bold]bakeoff models[/]. The card is
    Markdown, with front matter that the Hugging Face hub reads: data, test results with intervals, a table by class,
    what the audit found, limitations, and all settings. It contains no paths of this machine.

    \b
    [bold]Examples[/]
    bakeoff card best
    bakeoff card resnet20 --licence mit -o README.md
    """
    from bakeoff.spec.outputs import check_replaceable

    if output is not None:
        check_replaceable(output, overwrite=overwrite)
    (path,) = find_named_files(model, store, data)
    text = make_card(path, path.name, licence)
    if output is None:
        return echo(text.rstrip("\n"))
    write_card(output, text)
    return None


def make_card(path: Path, file: str, licence: str, notes: "Sequence[str]" = ()) -> str:
    """Return the card of the model at `path`, for a `file` that was made of it.

    Raises:
        BakeoffError: the model cannot be read, or is of an older version.
    """
    from bakeoff.inference.findings import findings_about
    from bakeoff.reporting.card import CardContext, model_card
    from bakeoff.training.bundles import read_description

    bundle = read_description(path)
    findings, seeds = findings_about(path, bundle)
    return model_card(
        bundle, CardContext(file, findings, bool(seeds) or bundle.findings is not None, max(1, seeds), licence, notes)
    )


def write_card(output: Path, text: str) -> None:
    """Write a card, completely or not at all.

    Raises:
        BakeoffError: the file cannot be written.
    """
    from bakeoff.spec.paths import write_output

    write_output(output, text)
    Console(stderr=True, highlight=False).print(f"[green]✓[/] {escape(str(output))}", soft_wrap=True)
