"""Marks of what the audit found beside the numbers that it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from bakeoff.analysis.audit import Finding
from bakeoff.analysis.ranking import Row

MARKS = {"serious": "!!", "caution": "!", "note": "i"}
"""What stands beside a number; a severity is never told by a colour alone."""


@dataclass(frozen=True)
class AuditedRow(Row):
    """A row of the ranking with what was found about it."""

    findings: tuple[str, ...] = ()
    """Kinds of findings, the most serious first."""


def touches(finding: Finding, row: Row) -> bool:
    """Tell whether a finding is about a row: about one of its runs, or by names where either has no runs.

    Names alone do not do: a data set of several versions is called otherwise in a store than in a part of it.
    """
    if finding.runs and row.runs:
        return not set(finding.runs).isdisjoint(row.runs)
    return finding.data == row.data and finding.recipe in ("", row.recipe) and row.net in finding.nets


def audited(rows: Iterable[Row], findings: Sequence[Finding]) -> list[AuditedRow]:
    """Return the rows with the kinds of the findings about them."""
    return [
        AuditedRow(**asdict(row), findings=tuple(dict.fromkeys(f.kind for f in findings if touches(f, row))))
        for row in rows
    ]


def gravest(findings: Iterable[Finding], row: Row) -> str:
    """Return the mark of the most serious finding about a row, empty where there is none but notes."""
    severities = {finding.severity for finding in findings if touches(finding, row)}
    return next((MARKS[severity] for severity in ("serious", "caution") if severity in severities), "")
