"""`bakeoff merge`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import GivenPath, json_option
from bakeoff.text.formats import byte_size, counted

if TYPE_CHECKING:
    from bakeoff.store.merge import Merged


@click.command()
@click.argument("stores", nargs=-1, required=True, metavar="STORE...", type=GivenPath(path_type=Path, dir_okay=False))
@click.option(
    "-o",
    "--output",
    required=True,
    type=GivenPath(path_type=Path, dir_okay=False),
    help="The new store. It appears once it is complete.",
)
@click.option("--overwrite", is_flag=True, help="Replace the new store if it exists; it may be one of those merged.")
@json_option
def merge(stores: tuple[Path, ...], output: Path, overwrite: bool, as_json: bool) -> None:
    """Put several stores together in a new one, such as those of several machines.

    Runs, data sets, studies, checkpoints and weights are carried over; the stores stay as they are. A run that several
    stores have is kept once, whatever its training cost. If its results differ, the one that was finished first is
    kept, the other is listed, and the exit code is 1, as for damaged runs, which are left out.

    With one store, this makes a copy, even of a store in use.

    \b
    [bold]Examples[/]
    bakeoff merge laptop.db server.db -o all.db
    bakeoff merge all.db new.db -o all.db --overwrite
    """
    from bakeoff.console.terminal import echo_json, echo_lines
    from bakeoff.store.merge import merge

    merged = merge(stores, output, overwrite=overwrite)
    if as_json:
        echo_json(asdict(merged))
    else:
        echo_lines(_describe(merged))
    if merged.conflicts or merged.left_out:
        raise Exit(UNFINISHED)


def _describe(merged: "Merged") -> list[str]:
    copied = f", {byte_size(merged.copied_bytes)} of them copied" if merged.copied_bytes else ""
    shared = f", {merged.shared:,} of them in several stores with equal results" if merged.shared else ""
    files = f"{counted(merged.files, 'file')} beside it{copied}"
    lines = [f"{merged.output}: {counted(merged.runs, 'run')}{shared}; {files}"]
    for one in merged.conflicts:
        lines.append(
            f"{one.label} (run {one.id}) differs: kept that of {one.kept}, not that of {one.dropped}: "
            f"{'; '.join(one.differences)}"
        )
    for lost in merged.left_out:
        lines.append(f"{lost.label} of {lost.store} is left out: {lost.reason}")
    return lines
