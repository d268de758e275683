"""Drawing tables of words in a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from bakeoff.reporting.text_table import TextTable


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
