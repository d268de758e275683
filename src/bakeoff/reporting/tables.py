"""Rows as JSON, CSV and Markdown. Keys are the rows' field names; fractions stay fractions."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from bakeoff.ranking import Row, by_table


def to_json(rows: Sequence[Any]) -> str:
    """Return a JSON list with one object per row, in the order given."""
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False, allow_nan=False)


def to_csv(rows: Sequence[Any], kind: type = Row) -> str:
    """Return CSV of rows of the dataclass `kind` with a header line.

    What is not known is an empty field; several texts in one field are joined with "; ".
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = asdict(row)
        writer.writerow({key: "; ".join(v) if isinstance(v, tuple) else v for key, v in values.items()})
    return text.getvalue()


def to_markdown(rows: Sequence[Row]) -> str:
    """Return one Markdown table per data set and recipe, with the selection rule in words above it."""
    return "\n".join(map(_markdown_table, by_table(rows)))


COLUMNS = ("rank", "network", "test accuracy", "seeds", "parameters", "FLOPs", "train seconds", "images/s")


def rules(rows: Sequence[Row]) -> str:
    """Return how the numbers of a table were chosen, in words."""
    selection = ", ".join(sorted({row.selection for row in rows}))
    methods = ", ".join(sorted({row.interval for row in rows if row.interval}))
    return f"Reported epoch: {selection}." + (f" Interval: {methods}." if methods else "")


def _markdown_table(rows: Sequence[Row]) -> str:
    lines = [
        f"### {rows[0].data}, recipe {rows[0].recipe}",
        "",
        rules(rows),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|--:|:--|" + "--:|" * (len(COLUMNS) - 2),
    ]
    lines += ["| " + " | ".join(_cell(value) for value in values(row)) + " |" for row in rows]
    return "\n".join([*lines, ""])


def values(row: Row) -> list[str]:
    """Return the texts of a row under `COLUMNS`."""
    return [
        _plain(row.rank),
        row.net,
        accuracy(row),
        f"{row.seeds} of {row.planned}" if row.seeds != row.planned else str(row.seeds),
        _plain(row.parameters),
        _plain(row.flops),
        "–" if row.train_seconds is None else f"{row.train_seconds:.1f}",
        "–" if row.images_per_second is None else f"{row.images_per_second:,.0f}",
    ]


def accuracy(row: Row) -> str:
    """Return "98.34 % [98.11, 98.57]", without the interval where one seed does not give one."""
    if row.test_accuracy is None:
        return "–"
    text = f"{100 * row.test_accuracy:.2f} %"
    if row.test_accuracy_low is None or row.test_accuracy_high is None:
        return text
    return f"{text} [{100 * row.test_accuracy_low:.2f}, {100 * row.test_accuracy_high:.2f}]"


def _plain(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
