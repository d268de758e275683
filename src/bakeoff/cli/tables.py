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
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    for position, (name, numeric) in enumerate(table.columns):
        texts = [name, *(row[position] for row in table.rows)]
        stays_whole = numeric or position == 0  # what does not fit is wrapped in the others
        drawn.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=stays_whole,
            min_width=max(len(part) for text in texts for part in ([text] if stays_whole else text.split() or [""])),
        )
    for row in table.rows:
        drawn.add_row(*map(escape, row))
    return drawn
