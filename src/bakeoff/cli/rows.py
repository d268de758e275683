"""Rows of facts with the same keys, as a table or as JSON."""

from typing import TYPE_CHECKING, Any

from bakeoff.cli.tables import print_table
from bakeoff.console.terminal import echo_json

if TYPE_CHECKING:
    from rich.table import Table


def print_rows(rows: list[dict[str, Any]], as_json: bool, title: str, json_only: tuple[str, ...] = ()) -> None:
    """Print rows of the same keys as JSON or as a table without the keys that are for JSON only."""
    from bakeoff.console.terminal import Console

    if as_json:
        return echo_json(rows)
    shown = [{key: value for key, value in row.items() if key not in json_only} for row in rows]
    return print_table(Console(), _table(shown, title, one_line=len(rows) > 20))


def _table(rows: list[dict[str, Any]], title: str, one_line: bool) -> "Table":
    from rich import box
    from rich.table import Table

    from bakeoff.console.terminal import escape

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", expand=one_line)
    texts: dict[str, list[str]] = {}
    for position, key in enumerate(rows[0] if rows else ()):
        numeric = all(isinstance(row[key], int | None) for row in rows)
        is_last = position == len(rows[0]) - 1
        texts[key] = [plain_value(row[key], grouped=_is_grouped(rows, key)) for row in rows]
        widest = max(map(len, texts[key]))
        stays_whole = (one_line and not is_last) or numeric or position == 0
        table.add_column(
            key.replace("_", " "),
            justify="right" if numeric else "left",
            no_wrap=stays_whole or one_line,
            overflow="ellipsis" if one_line else "fold",
            min_width=max(widest, len(key)) if stays_whole else None,
            ratio=1 if one_line and is_last else None,
        )
    for row in zip(*texts.values(), strict=True):
        table.add_row(*map(escape, row))
    return table


def _is_grouped(rows: list[dict[str, Any]], key: str) -> bool:
    """Return whether the numbers of a column are long enough for thousands separators: all of them or none."""
    return any(isinstance(row[key], int) and row[key] >= 10_000 for row in rows)


def plain_value(value: Any, *, grouped: bool = False) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) and (grouped or value >= 10_000) else str(value)
