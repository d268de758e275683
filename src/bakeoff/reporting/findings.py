"""What the audit found, numbered and grouped for the page, and where in its rankings the marks stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from bakeoff.analysis.audit import FINDINGS, SEVERITIES, Finding, tell_counts
from bakeoff.analysis.audit.finding import Numbers
from bakeoff.reporting.model import Line, Table
from bakeoff.reporting.severity import MARKS, touches
from bakeoff.text.formats import listing

MEANINGS = {
    "serious": "do not use the number",
    "caution": "read the number with this in mind",
    "note": "good to know",
}


class Touched(NamedTuple):
    """A line of the ranking that a finding is about."""

    table: Table
    line: Line
    address: str
    """Of its row on the page: "t1-3"."""


@dataclass(frozen=True)
class Doubt:
    """One finding on the page."""

    number: int
    """Counted from 1; #finding-1 is its address."""
    finding: Finding
    touched: tuple[Touched, ...]

    @property
    def mark(self) -> str:
        """Its symbol."""
        return MARKS[self.finding.severity]

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return f"{self.finding.severity}: {named(self.finding.kind)}"

    @property
    def seeds(self) -> str:
        """The seeds of the runs it is about, where these are not all of a single line's: "seeds 0 and 2"."""
        if len(self.touched) != 1:
            return ""
        own = {result.id: result.run.seed for result in self.touched[0].line.cell.results}
        seeds = sorted(own[run] for run in self.finding.runs if run in own)
        return f"seed{'s' if len(seeds) > 1 else ''} {listing([str(seed) for seed in seeds], 12)}" if seeds else ""

    @property
    def columns(self) -> list[str]:
        """Names in the evidence."""
        return list(dict.fromkeys(name for numbers in self.finding.evidence for name in numbers))

    @property
    def is_short(self) -> bool:
        """Whether the evidence fits on a line or two."""
        evidence = self.finding.evidence
        return len(evidence) == 1 and sum(len(name) + len(figure(value)) for name, value in evidence[0].items()) < 160

    def rows(self) -> list[list[str]]:
        """Return the evidence under `columns`."""
        return [_texts(numbers, self.columns) for numbers in self.finding.evidence]


@dataclass(frozen=True)
class Kind:
    """The findings of one kind and severity."""

    name: str
    doubts: tuple[Doubt, ...]

    @property
    def advice(self) -> list[str]:
        """What to do about them, each thing once."""
        return list(dict.fromkeys(doubt.finding.advice for doubt in self.doubts))


@dataclass(frozen=True)
class Severe:
    """The findings of one severity."""

    name: str
    mark: str
    meaning: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Doubts:
    """All findings of a store, numbered in the order they are told."""

    groups: tuple[Severe, ...]
    by_line: Mapping[tuple[str, str], tuple[Doubt, ...]]
    """(key of the table, label of the line) → what is found about it."""
    counts: str
    """In words."""
    looked_for: int
    """Kinds of findings."""

    @property
    def all(self) -> list[Doubt]:
        """Every one, in order."""
        return [doubt for group in self.groups for kind in group.kinds for doubt in kind.doubts]

    def about(self, table: Table, line: Line) -> tuple[Doubt, ...]:
        """Return what is found about a line."""
        return self.by_line.get((table.key, line.label), ())

    def marks(self, table: Table, line: Line) -> list[tuple[str, str, list[Doubt]]]:
        """Return what is found about a line as (severity, symbol, findings), the most serious first."""
        found = self.about(table, line)
        own = {severity: [d for d in found if d.finding.severity == severity] for severity in SEVERITIES}
        return [(severity, MARKS[severity], some) for severity, some in own.items() if some]

    def weight(self, table: Table, line: Line) -> int:
        """Return what a line is sorted by: its serious findings first, then cautions, then notes."""
        many = [doubt.finding.severity for doubt in self.about(table, line)]
        return sum(many.count(severity) * 1000**place for place, severity in enumerate(reversed(SEVERITIES)))

    def cautions(self, table: Table) -> list[str]:
        """Say which networks of a table the audit has serious findings on."""
        told = []
        for line in table.ranked:
            kinds = [d.finding.kind for d in self.about(table, line) if d.finding.severity == "serious"]
            if kinds:
                told.append(f"{line.label} ({listing([named(kind) for kind in dict.fromkeys(kinds)], 4)})")
        return (
            [f"The audit has serious findings on {listing(told, 4)}: see there before using the numbers."]
            if told
            else []
        )


def doubts(findings: Sequence[Finding], tables: Sequence[Table]) -> Doubts:
    """Number and group findings, the most serious first, and find the lines that they are about."""
    order = {kind: place for place, kind in enumerate(FINDINGS)}
    by_place = sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), order.get(f.kind, len(order))))
    numbered = [Doubt(number, f, _touched(f, tables)) for number, f in enumerate(by_place, start=1)]
    by_line: dict[tuple[str, str], tuple[Doubt, ...]] = {}
    for doubt in numbered:
        for table, line, _ in doubt.touched:
            by_line[table.key, line.label] = (*by_line.get((table.key, line.label), ()), doubt)
    groups = tuple(
        Severe(
            severity,
            MARKS[severity],
            MEANINGS[severity],
            tuple(Kind(kind, tuple(same)) for kind, same in groupby(own, key=lambda doubt: doubt.finding.kind)),
        )
        for severity, own in groupby(numbered, key=lambda doubt: doubt.finding.severity)
    )
    return Doubts(groups, by_line, tell_counts(findings), len(FINDINGS))


def _touched(finding: Finding, tables: Sequence[Table]) -> tuple[Touched, ...]:
    """Return the lines that the finding is about."""
    return tuple(
        Touched(table, line, f"{table.key}-{place}")
        for table in tables
        for place, line in enumerate(table.lines, start=1)
        if touches(finding, line.row)
    )


def named(kind: str) -> str:
    """Return a kind of finding in words: "dead-classes" → "dead classes"."""
    return kind.replace("-", " ")


def figure(value: Any) -> str:
    """Return a number of the evidence in four figures, large and whole ones in full, a text as it is."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"


def _texts(numbers: Numbers, columns: Sequence[str]) -> list[str]:
    return [figure(numbers[name]) if name in numbers else "" for name in columns]
