"""Which rows of the ranking an audit finding concerns, and the symbol of its severity."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TypeAlias

from bakeoff.analysis.audit import Finding
from bakeoff.analysis.ranking import Row

SYMBOLS = {"serious": "!!", "caution": "!", "note": "i"}
"""Shown next to a number, so that severity never depends on colour alone."""


@dataclass(frozen=True)
class AuditedRow(Row):
    """A row of the ranking with the findings about it."""

    findings: tuple[str, ...] = ()
    """Kinds of findings, most serious first."""


def concerns(finding: Finding, row: Row) -> bool:
    """Whether a finding is about a row: about one of its runs, or by names if either lacks runs.

    Names alone are not enough: a data set with several versions has other labels in a store than in a part of it.
    """
    if finding.runs and row.runs:
        return not set(finding.runs).isdisjoint(row.runs)
    return finding.data == row.data and finding.recipe in ("", row.recipe, row.table) and row.net in finding.nets


class FindingIndex:
    """Findings by what they are about, so that those about a row are found without looking at all others."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._findings = tuple(findings)
        self._places: dict[object, list[int]] = {}
        for place, finding in enumerate(self._findings):
            for key in (*finding.runs, *((finding.data, net) for net in finding.nets)):
                self._places.setdefault(key, []).append(place)

    @classmethod
    def of(cls, findings: "Findings") -> "FindingIndex":
        """Return the index of some findings, which may be one already."""
        return findings if isinstance(findings, FindingIndex) else cls(findings)

    def about(self, row: Row) -> list[Finding]:
        """Return the findings that concern a row, in their order."""
        keys = (*row.runs, (row.data, row.net))
        places = {place for key in keys for place in self._places.get(key, ())}
        return [self._findings[place] for place in sorted(places) if concerns(self._findings[place], row)]


Findings: TypeAlias = Iterable[Finding] | FindingIndex


def add_findings(rows: Iterable[Row], findings: Findings) -> list[AuditedRow]:
    """Return the rows with the kinds of the findings about them."""
    index = FindingIndex.of(findings)
    return [AuditedRow(**asdict(row), findings=tuple(dict.fromkeys(f.kind for f in index.about(row)))) for row in rows]


def worst_symbol(findings: Findings, row: Row) -> str:
    """Return the symbol of the most serious finding about a row; empty if there are only notes."""
    severities = {finding.severity for finding in FindingIndex.of(findings).about(row)}
    return next((SYMBOLS[severity] for severity in ("serious", "caution") if severity in severities), "")
