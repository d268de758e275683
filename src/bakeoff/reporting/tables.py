"""Rows as JSON, CSV and Markdown. Keys are the rows' field names; fractions stay fractions."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from bakeoff.analysis.audit import Finding
from bakeoff.analysis.ranking import RANK_BY, Row, by_table
from bakeoff.reporting.severity import touches
from bakeoff.reporting.text_table import Footnotes
from bakeoff.text.formats import bracket, count, percent
from bakeoff.text.safe import csv_cell, finite, json_text, markdown


def to_json(rows: Sequence[Any]) -> str:
    """Return a JSON list with one object per row, in the order given."""
    return json_text([asdict(row) for row in rows])


def to_csv(rows: Sequence[Any], kind: type = Row) -> str:
    """Return CSV of rows of the dataclass `kind` with a header line.

    What is not known is an empty field; several texts in one field are joined with "; ".
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = {key: "; ".join(in_words(v)) if isinstance(v, list) else v for key, v in finite(asdict(row)).items()}
        writer.writerow({key: csv_cell(value) for key, value in values.items()})
    return text.getvalue()


def in_words(values: Sequence[Any]) -> list[str]:
    """Return texts as they are, and of failures the seed and the message."""
    return [f"seed {v['seed']}: {v['message']}" if isinstance(v, dict) else v for v in values]


def to_markdown(rows: Sequence[Row], findings: Sequence[Finding] = ()) -> str:
    """Return one Markdown table per data set and recipe, with the selection rule in words above it.

    Accuracies that findings of the audit throw a doubt on have a letter, which is explained below the table.
    """
    return "\n".join(_markdown_table(table, findings) for table in by_table(rows))


COLUMNS = (
    *("rank", "network", "test accuracy", "validation accuracy", "seeds"),
    *("parameters", "FLOPs", "train seconds", "images/s"),
)


ALL_PARAMETERS = "* all parameters, trainable or not: these runs do not say which are trainable."


def rules(rows: Sequence[Row]) -> str:
    """Return how the numbers of a table were chosen and counted, in words."""
    selection = ", ".join(sorted({row.selection for row in rows if row.selection}))
    methods = ", ".join(sorted({row.interval for row in rows if row.interval}))
    version = f"Images {rows[0].version}." if rows[0].version else ""
    told = [
        version,
        f"{ranked_by(rows).capitalize()}." if ranked_by(rows) else "",
        f"Reported epoch: {selection}.",
        f"Interval: {methods}." if methods else "",
    ]
    counted = ALL_PARAMETERS if any(row.parameters_are == "all" for row in rows) else ""
    return " ".join(filter(None, (*told, counted)))


def ranked_by(rows: Sequence[Row]) -> str:
    """Return by what the networks are ranked, where it is not the accuracy that is read first."""
    other = sorted({row.ranked_by for row in rows} - {RANK_BY["test"]})
    return f"ranked by {', '.join(other)}" if other else ""


def doubted(rows: Sequence[Row], findings: Sequence[Finding]) -> tuple[list[list[str]], tuple[str, ...]]:
    """Return the texts of a table's rows, a letter at each accuracy that is in doubt, and what the letters say.

    Findings that are only good to know throw no doubt on a number, and are left out.
    """
    notes = Footnotes()
    telling = [finding for finding in findings if finding.severity != "note"]
    texts = []
    for row in rows:
        place, *others = values(row)
        about = [f"{f.severity}, {f.kind.replace('-', ' ')}: {f.message}" for f in telling if touches(f, row)]
        texts.append([place, others[0], f"{others[1]}{notes.refer(about)}", *others[2:]])
    return texts, notes.lines()


def _markdown_table(rows: Sequence[Row], findings: Sequence[Finding]) -> str:
    texts, notes = doubted(rows, findings)
    lines = [
        f"### {markdown(f'{rows[0].data}, recipe {rows[0].recipe}')}",
        "",
        markdown(rules(rows)),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|--:|:--|" + "--:|" * (len(COLUMNS) - 2),
    ]
    lines += ["| " + " | ".join(map(markdown, row)) + " |" for row in texts]
    for note in notes:
        lines += ["", markdown(note)]
    return "\n".join([*lines, ""])


def values(row: Row) -> list[str]:
    """Return the texts of a row under `COLUMNS`."""
    return [
        count(row.rank),
        row.net,
        accuracy(row),
        percent(row.validation_accuracy),
        f"{row.seeds} of {row.planned}" if row.seeds != row.planned else str(row.seeds),
        count(row.parameters) + ("*" if row.parameters_are == "all" else ""),
        count(row.flops),
        "–" if row.train_seconds is None else f"{row.train_seconds:.1f}",
        count(row.images_per_second),
    ]


def accuracy(row: Row) -> str:
    """Return "98.34 % [98.11, 98.57]", without the interval where one seed does not give one."""
    return f"{percent(row.test_accuracy)}{bracket(row.test_accuracy_low, row.test_accuracy_high)}"
