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
        texts = [name, *(row[position] for row in table.rows)]
        stays_whole = numeric or position == 0  # what does not fit is wrapped in the others, most of all in the last
        words = texts if stays_whole else " ".join(texts).split()
        widest = max(map(len, words), default=0)
        drawn.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=stays_whole,
            overflow="fold",
            min_width=min(widest, 8) if position == len(table.columns) - 1 else widest,
        )
    for row in table.rows:
        drawn.add_row(*map(escape, row))
    return drawn
