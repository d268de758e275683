"""Drawing tables of words in a terminal."""

from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bakeoff.reporting.text_table import TextTable


def show(
    form: str, rows: "Sequence[Any]", kind: type, tables: "Sequence[TextTable]", said: "Sequence[str]", rule: str
) -> None:
    """Print rows of the dataclass `kind` in one of `FORMATS`: for people as tables, with what is to be said of them."""
    from rich.console import Console

    from bakeoff.reporting.tables import to_csv, to_json
    from bakeoff.reporting.text_table import to_markdown

    if form == "json":
        return click.echo(to_json(rows))
    if form == "csv":
        return click.echo(to_csv(rows, kind), nl=False)
    if form == "markdown":
        return click.echo(to_markdown(tables, [*said, rule]), nl=False)
    console = Console(highlight=False)
    for table in tables:
        console.print(draw(table), "")
    console.print(rule, style="dim")
    for sentence in said:
        console.print(sentence, markup=False)
    return None


def draw(table: "TextTable") -> "Table":
    """Return the table for a rich console, what stands below it as its caption."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(
        title=escape(table.title),
        caption=escape("\n".join(table.below)) or None,
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
