"""Audit findings, numbered and grouped for the page, and the ranking lines they affect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from bakeoff.analysis.audit import FINDINGS, SEVERITIES, Finding, describe_counts
from bakeoff.analysis.audit.finding import Numbers
from bakeoff.reporting.model import Line, Table
from bakeoff.reporting.severity import SYMBOLS, FindingIndex
from bakeoff.store.folds import split_ids
from bakeoff.text.formats import listing

KIND_NAMES = {
    "under-trained": "undertrained",
    "shapes-depart": "layers do not match the named network",
    "parameters-depart": "parameters do not match the named network",
}
"""Kinds whose name in words is not the kind itself."""
MEANINGS = {
    "serious": "do not use the number",
    "caution": "interpret the number with care",
    "note": "for information",
}


class AffectedLine(NamedTuple):
    """A line of the ranking that a finding affects."""

    table: Table
    line: Line
    address: str
    """Id of its row on the page: "t1-3"."""


@dataclass(frozen=True)
class NumberedFinding:
    """One finding on the page."""

    number: int
    """From 1; its anchor is #finding-1."""
    finding: Finding
    affected: tuple[AffectedLine, ...]

    @property
    def symbol(self) -> str:
        """Symbol of its severity."""
        return SYMBOLS[self.finding.severity]

    @property
    def kind_name(self) -> str:
        """Its kind in words."""
        return describe_kind(self.finding.kind)

    @property
    def title(self) -> str:
        """Severity and kind."""
        return f"{self.finding.severity}: {describe_kind(self.finding.kind)}"

    @property
    def seeds(self) -> str:
        """The seeds it affects, if it affects a single line: "seeds 0 and 2"."""
        if len(self.affected) != 1:
            return ""
        results = self.affected[0].line.cell.results
        own = {run: result.run.seed for result in results for run in split_ids(result.id)}
        seeds = sorted({own[run] for run in self.finding.runs if run in own})
        return f"seed{'s' if len(seeds) > 1 else ''} {listing([str(seed) for seed in seeds], 12)}" if seeds else ""

    @property
    def columns(self) -> list[str]:
        """Names of the values in the evidence."""
        return list(dict.fromkeys(name for numbers in self.finding.evidence for name in numbers))

    @property
    def is_short(self) -> bool:
        """Whether the evidence fits on one or two lines."""
        evidence = self.finding.evidence
        return (
            len(evidence) == 1
            and sum(len(name) + len(format_evidence(value)) for name, value in evidence[0].items()) < 160
        )

    def rows(self) -> list[list[str]]:
        """Return the evidence under `columns`."""
        return [_format_row(numbers, self.columns) for numbers in self.finding.evidence]


@dataclass(frozen=True)
class KindGroup:
    """The findings of one kind and severity."""

    name: str
    findings: tuple[NumberedFinding, ...]

    @property
    def title(self) -> str:
        """What they are, as a heading."""
        text = describe_kind(self.name)
        return text[:1].upper() + text[1:]

    @property
    def advice(self) -> list[str]:
        """What to do about them, without repeats."""
        return list(dict.fromkeys(item.finding.advice for item in self.findings))


@dataclass(frozen=True)
class SeverityGroup:
    """The findings of one severity."""

    name: str
    symbol: str
    meaning: str
    kinds: tuple[KindGroup, ...]


@dataclass(frozen=True)
class NumberedFindings:
    """All findings of a store, numbered in the order they are listed."""

    groups: tuple[SeverityGroup, ...]
    by_line: Mapping[tuple[str, str], tuple[NumberedFinding, ...]]
    """(table key, line label) → findings about it."""
    counts: str
    """Number of findings by severity, as text."""
    kinds_checked: int
    """Number of kinds of findings the audit checks for."""

    @property
    def all(self) -> list[NumberedFinding]:
        """All findings, in order."""
        return [item for group in self.groups for kind in group.kinds for item in kind.findings]

    def about(self, table: Table, line: Line) -> tuple[NumberedFinding, ...]:
        """Return the findings about a line."""
        return self.by_line.get((table.key, line.label), ())

    def by_severity(self, table: Table, line: Line) -> list[tuple[str, str, list[NumberedFinding]]]:
        """Return the findings about a line as (severity, symbol, findings), most serious first."""
        found = self.about(table, line)
        own = {severity: [d for d in found if d.finding.severity == severity] for severity in SEVERITIES}
        return [(severity, SYMBOLS[severity], some) for severity, some in own.items() if some]

    def sort_key(self, table: Table, line: Line) -> int:
        """Return a sort key: serious findings count most, then cautions, then notes."""
        many = [item.finding.severity for item in self.about(table, line)]
        return sum(many.count(severity) * 1000**place for place, severity in enumerate(reversed(SEVERITIES)))

    def warn_about(self, table: Table) -> list[str]:
        """Return a warning that names the networks of a table with serious findings, if there are any."""
        concerned = []
        for line in table.measured:
            kinds = [d.finding.kind for d in self.about(table, line) if d.finding.severity == "serious"]
            if kinds:
                concerned.append(f"{line.label} ({listing([describe_kind(kind) for kind in dict.fromkeys(kinds)], 4)})")
        return (
            [f"The audit has serious findings on {listing(concerned, 4)}: read them before using the numbers."]
            if concerned
            else []
        )


def number_findings(findings: Sequence[Finding], tables: Sequence[Table]) -> NumberedFindings:
    """Number and group findings, most serious first, and find the lines they affect."""
    order = {kind: place for place, kind in enumerate(FINDINGS)}
    by_place = sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), order.get(f.kind, len(order))))
    affected = _find_affected(by_place, tables)
    numbered = [NumberedFinding(number, f, tuple(affected[id(f)])) for number, f in enumerate(by_place, start=1)]
    by_line: dict[tuple[str, str], tuple[NumberedFinding, ...]] = {}
    for item in numbered:
        for table, line, _ in item.affected:
            by_line[table.key, line.label] = (*by_line.get((table.key, line.label), ()), item)
    groups = tuple(
        SeverityGroup(
            severity,
            SYMBOLS[severity],
            MEANINGS[severity],
            tuple(KindGroup(kind, tuple(same)) for kind, same in groupby(own, key=lambda item: item.finding.kind)),
        )
        for severity, own in groupby(numbered, key=lambda item: item.finding.severity)
    )
    return NumberedFindings(groups, by_line, describe_counts(findings), len(FINDINGS))


def _find_affected(findings: Sequence[Finding], tables: Sequence[Table]) -> dict[int, list[AffectedLine]]:
    """Return the lines that each finding affects, by its `id`."""
    index = FindingIndex(findings)
    found: dict[int, list[AffectedLine]] = {id(finding): [] for finding in findings}
    for table in tables:
        for place, line in enumerate(table.lines, start=1):
            for finding in index.about(line.row):
                found[id(finding)].append(AffectedLine(table, line, f"{table.key}-{place}"))
    return found


def describe_kind(kind: str) -> str:
    """Return the name of a kind as text: "dead-classes" → "dead classes"."""
    return KIND_NAMES.get(kind, kind.replace("-", " "))


def format_evidence(value: Any) -> str:
    """Return a value of the evidence as text: numbers in four significant digits, large and whole ones in full."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"


def _format_row(numbers: Numbers, columns: Sequence[str]) -> list[str]:
    return [format_evidence(numbers[name]) if name in numbers else "" for name in columns]
