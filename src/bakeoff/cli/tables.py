"""Drawing tables of words in a terminal."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bakeoff.console.terminal import Console, echo, echo_json, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.measure import Measurement
    from rich.table import Table

    from bakeoff.reporting.text_table import TextTable

FILE_WIDTH = 160
"""Characters in a line of output to a file or another program, unless $COLUMNS says otherwise."""


def wide_console() -> "Console":
    """Return the console for tables: as wide as the terminal, and wide enough for all columns where there is none."""
    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=FILE_WIDTH)


def print_fitting(console: "Console", table: "Table", kept: int) -> None:
    """Print the table without the columns at the right that do not fit, all after `kept`: numbers are never cut."""
    left_out = []
    width = _measure(console, table).maximum
    while len(table.columns) > kept and width > console.width:
        left_out.append(str(table.columns.pop().header))
        width = _measure(console, table).maximum
    _print_as_wide(console, table, width)
    if left_out:
        console.print(f"Not shown in {console.width} columns: {', '.join(reversed(left_out))}", style="dim")


def print_table(console: "Console", table: "Table") -> None:
    """Print a table, wrapping where possible; a narrower terminal wraps the rest itself, so nothing is lost."""
    _print_as_wide(console, table, _measure(console, table).minimum)


def _measure(console: "Console", table: "Table") -> "Measurement":
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(max_width=10**4), table)


def _print_as_wide(console: "Console", table: "Table", width: int) -> None:
    own = console.width
    console.width = max(own, width)
    console.print(table)
    console.width = own


def print_tables(
    form: str, rows: "Sequence[Any]", kind: type, tables: "Sequence[TextTable]", sentences: "Sequence[str]", rule: str
) -> None:
    """Print rows of the dataclass `kind` in one of `FORMATS`: for people as tables, followed by sentences."""
    from bakeoff.reporting.tables import to_csv
    from bakeoff.reporting.text_table import to_markdown

    if form == "json":
        return echo_json([asdict(row) for row in rows])
    if form == "csv":
        return echo(to_csv(rows, kind).rstrip("\n"))
    if form == "markdown":
        return echo(to_markdown(tables, [*sentences, rule]).rstrip("\n"))
    console = Console(highlight=False)
    for table in tables:
        print_table(console, to_rich(table))
        console.print()
    console.print(escape(rule), style="dim")
    for sentence in sentences:
        console.print(escape(sentence))
    return None


def to_rich(table: "TextTable") -> "Table":
    """Return the table for a rich console, what stands below it as its caption."""
    from rich import box
    from rich.table import Table

    drawn = Table(
        title=escape(table.title),
        caption="\n".join(map(escape, table.below)) or None,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    for position, (name, numeric) in enumerate(table.columns):
        is_last = position == len(table.columns) - 1  # what does not fit is wrapped there
        texts = [name, *(row[position] for row in table.rows)]
        widest = max(len(line) for text in texts for line in text.split("\n"))
        drawn.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=not is_last,
            overflow="fold",
            min_width=min(widest, 8) if is_last else widest,
        )
    for row in table.rows:
        drawn.add_row(*map(escape, row))
    return drawn
