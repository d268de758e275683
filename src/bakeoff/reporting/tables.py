"""Rows as JSON, CSV and Markdown. Keys are the field names of the rows; fractions are not converted to percent."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from bakeoff.analysis.audit import Finding
from bakeoff.analysis.budgets import describe_budget
from bakeoff.analysis.cells import name_table
from bakeoff.analysis.ranking import RANK_BY, Row, group_by_table
from bakeoff.analysis.timing import describe_calibrated
from bakeoff.reporting.leads import describe_optimism
from bakeoff.reporting.severity import FindingIndex, Findings
from bakeoff.reporting.starts import SCRATCH
from bakeoff.reporting.text_table import Footnotes
from bakeoff.text.formats import bracket, count, percent
from bakeoff.text.safe import csv_cell, finite, json_text, markdown


def to_json(rows: Sequence[Any]) -> str:
    """Return a JSON list with one object per row, in the order given."""
    return json_text([asdict(row) for row in rows])


def to_csv(rows: Sequence[Any], kind: type = Row) -> str:
    """Return CSV of rows of the dataclass `kind` with a header line.

    Unknown values are empty; several texts in a field are joined by "; ".
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = {key: "; ".join(to_texts(v)) if isinstance(v, list) else v for key, v in finite(asdict(row)).items()}
        writer.writerow({key: csv_cell(value) for key, value in values.items()})
    return text.getvalue()


def to_texts(values: Sequence[Any]) -> list[str]:
    """Return texts unchanged, and failures as seed and message."""
    return [f"seed {v['seed']}: {v['message']}" if isinstance(v, dict) else v for v in values]


def ranking_to_markdown(rows: Sequence[Row], findings: Sequence[Finding] = ()) -> str:
    """Return one Markdown table per data set and recipe, with the rule for the reported epoch above it.

    Accuracies with audit findings have footnotes.
    """
    index = FindingIndex(findings)
    return "\n".join(_markdown_table(table, index) for table in group_by_table(rows))


COLUMNS = (
    *("rank", "network", "test accuracy", "validation accuracy", "seeds"),
    *("parameters", "FLOPs", "train seconds", "images/s"),
)


TEXT_COLUMNS = ("network", "starts from")
"""Columns that hold no numbers."""


def name_columns(rows: Sequence[Row]) -> list[str]:
    """Return the columns of a table: `COLUMNS`, and what networks start from if some of them start from weights."""
    return _insert(list(COLUMNS), "starts from", rows)


def _insert(cells: list[str], cell: str, rows: Sequence[Row]) -> list[str]:
    """Return the cells of a line of `rows`, with one more after the network if any of the rows is pretrained."""
    return [*cells[:2], cell, *cells[2:]] if any(row.starts_from for row in rows) else cells


ALL_PARAMETERS = "* All parameters: these runs do not record which are trainable."


def describe_rules(rows: Sequence[Row]) -> str:
    """Return how the numbers of a table were selected and counted."""
    selection = ", ".join(sorted({row.selection for row in rows if row.selection}))
    methods = describe_intervals(rows)
    version = f"Images {rows[0].version}." if rows[0].version else ""
    budget = describe_budget(rows)
    parts = [
        version,
        f"{describe_ranking(rows).capitalize()}." if describe_ranking(rows) else "",
        f"Reported epoch: {selection}.",
        f"Interval: {methods}." if methods else "",
        f"{budget[:1].upper()}{budget[1:]}." if budget else "",
    ]
    counted = ALL_PARAMETERS if any(row.parameters_are == "all" for row in rows) else ""
    return " ".join(filter(None, (*parts, counted)))


def describe_intervals(rows: Sequence[Row]) -> str:
    """Return the methods of a table's intervals, without repeating what several have in common.

    A method may have a condition, ", which are alike: their deviation is …".
    """
    conditions: dict[str, list[str]] = {}
    for method in sorted({row.interval for row in rows if row.interval}):
        base, _, condition = method.partition(", which ")
        conditions.setdefault(base, []).append(condition)
    described = []
    for base, found in conditions.items():
        halves = [condition.partition(": ") for condition in found if condition]
        when = " or ".join(half[0] for half in halves)
        if not halves:
            described.append(base)
        elif "" in found:
            described.append(f"{base}; where they {when}, {halves[0][2]}")
        else:
            described.append(f"{base}, which {when}: {halves[0][2]}")
    return ", ".join(described)


def describe_ranking(rows: Sequence[Row]) -> str:
    """Return what the networks are ranked by, if it is not test accuracy; empty otherwise."""
    other = sorted({row.ranked_by for row in rows} - {RANK_BY["test"]})
    return f"ranked by {', '.join(other)}" if other else ""


def annotate_rows(rows: Sequence[Row], findings: Findings) -> tuple[list[list[str]], tuple[str, ...]]:
    """Return the texts of a table's rows, with footnote letters at accuracies with findings, and the footnotes.

    Notes do not affect how far a number can be trusted, and are left out.
    """
    notes = Footnotes()
    index = FindingIndex.of(findings)
    texts = []
    for row in rows:
        place, *others = format_row(row)
        telling = [finding for finding in index.about(row) if finding.severity != "note"]
        about = [f"{f.severity}, {f.kind.replace('-', ' ')}: {f.message}" for f in telling]
        cells = [place, others[0], f"{others[1]}{notes.refer(about)}", *others[2:]]
        texts.append(_insert(cells, row.starts_from or SCRATCH, rows))
    return texts, notes.lines()


def note_optimism(rows: Sequence[Row]) -> list[str]:
    """Return what to know of the accuracy of the best of a table; nothing if its selection hardly flatters it."""
    ranked = [row for row in rows if row.rank is not None]
    found = describe_optimism(ranked[0].optimism, len(ranked), ranked[0].test_images) if ranked else ""
    return [f"{found[:1].upper()}{found[1:]}."] if found else []


def _markdown_table(rows: Sequence[Row], findings: Findings) -> str:
    texts, notes = annotate_rows(rows, findings)
    columns = name_columns(rows)
    lines = [
        f"### {markdown(f'{rows[0].data}, {name_table(rows[0].table, rows[0].recipe)}')}",
        "",
        markdown(describe_rules(rows)),
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "|".join(":--" if column in TEXT_COLUMNS else "--:" for column in columns) + "|",
    ]
    lines += ["| " + " | ".join(map(markdown, row)) + " |" for row in texts]
    for note in (*notes, *note_optimism(rows)):
        lines += ["", markdown(note)]
    return "\n".join([*lines, ""])


def format_row(row: Row) -> list[str]:
    """Return the texts of a row under `COLUMNS`."""
    return [
        format_rank(row),
        row.label,
        format_accuracy(row),
        percent(row.validation_accuracy, row.digits),
        f"{row.seeds} of {row.planned}" if row.seeds != row.planned else str(row.seeds),
        count(row.parameters) + ("*" if row.parameters_are == "all" else ""),
        count(row.flops),
        "–" if row.train_seconds is None else f"{row.train_seconds:.1f}",
        count(row.images_per_second),
    ]


def describe_times(rows: Sequence[Row]) -> str:
    """Say of the rows of a table that their training times are not comparable, and in which unit they are, if so."""
    caution = next((row.time_caution for row in rows if row.time_caution), None)
    seconds = {row.label: row.calibrated_seconds for row in rows if row.calibrated_seconds is not None}
    return f"train s not comparable: {caution}{describe_calibrated(seconds)}" if caution else ""


def format_rank(row: Row) -> str:
    """Return the ranks it may have, "1–4" where it shares them, and "–" if it has none."""
    if row.rank is None or row.rank_low is None or row.rank_low == row.rank_high:
        return count(row.rank)
    return f"{row.rank_low}–{row.rank_high}"


def format_accuracy(row: Row) -> str:
    """Return "98.34 % [98.11, 98.57]", without the interval for a single seed."""
    interval = bracket(row.test_accuracy_low, row.test_accuracy_high, row.digits)
    return f"{percent(row.test_accuracy, row.digits)}{interval}"
