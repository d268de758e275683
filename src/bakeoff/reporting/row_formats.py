"""Rows of the ranking as text: JSON, CSV, Markdown and LaTeX, with what the audit found about them."""

import re
from collections.abc import Sequence

from bakeoff.analysis.audit import Finding
from bakeoff.analysis.cells import name_table
from bakeoff.analysis.ranking import Row, group_by_table
from bakeoff.reporting.severity import AuditedRow, FindingIndex, Findings, add_findings
from bakeoff.reporting.tables import (
    TEXT_COLUMNS,
    annotate_rows,
    describe_rules,
    name_columns,
    note_optimism,
    ranking_to_markdown,
    to_csv,
    to_json,
)
from bakeoff.text.safe import latex

TEXTS = ("json", "csv", "markdown", "latex")


def format_rows(rows: Sequence[Row], findings: Sequence[Finding], form: str) -> str:
    """Return rows with the findings about them in one of the formats `TEXTS`."""
    if form == "json":
        return to_json(add_findings(rows, findings))
    if form == "csv":
        return to_csv(add_findings(rows, findings), AuditedRow)
    return {"markdown": ranking_to_markdown, "latex": to_latex}[form](rows, findings)


def to_latex(rows: Sequence[Row], findings: Sequence[Finding] = ()) -> str:
    """Return one LaTeX table per data set and recipe; requires the package booktabs."""
    index = FindingIndex(findings)
    tables = "\n".join(_latex_table(table, index) for table in group_by_table(rows))
    return f"% In the preamble: \\usepackage{{booktabs}}\n{tables}"


def _latex_table(rows: Sequence[Row], findings: Findings) -> str:
    texts, notes = annotate_rows(rows, findings)

    def line(cells: Sequence[str]) -> str:
        return f"    {' & '.join(map(latex, cells))} \\\\"

    columns = name_columns(rows)
    title = latex(f"Networks on {rows[0].data}, {name_table(rows[0].table, rows[0].recipe)}. {describe_rules(rows)}")
    label = re.sub(r"[^a-z0-9]+", "-", f"{rows[0].data} {rows[0].table}".lower()).strip("-")
    return "\n".join(
        [
            "\\begin{table}",
            "  \\centering",
            f"  \\caption{{{title}}}",
            f"  \\label{{tab:{label}}}",
            f"  \\begin{{tabular}}{{{''.join('l' if column in TEXT_COLUMNS else 'r' for column in columns)}}}",
            "    \\toprule",
            line([column[:1].upper() + column[1:] for column in columns]),
            "    \\midrule",
            *map(line, texts),
            "    \\bottomrule",
            "  \\end{tabular}",
            *(f"  \\par\\smallskip\\footnotesize {latex(note)}" for note in (*notes, *note_optimism(rows))),
            "\\end{table}",
            "",
        ]
    )
