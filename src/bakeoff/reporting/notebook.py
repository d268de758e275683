"""Results as a cell of a notebook shows them: the answer, the ranking, seeds and intervals drawn beside it."""

from collections.abc import Sequence
from pathlib import Path

from bakeoff.audit import Finding, tell_counts
from bakeoff.errors import BakeoffError
from bakeoff.ranking import Row
from bakeoff.records import DataRecord, Result
from bakeoff.reporting.answer import answers
from bakeoff.reporting.facts import Facts, arrange
from bakeoff.reporting.marks import gravest, touches
from bakeoff.reporting.page import environment, strips
from bakeoff.store import Store


def to_html(store: Path, results: Sequence[Result], findings: Sequence[Finding] = ()) -> str:
    """Return runs as a piece of HTML, marked where there are findings about them.

    Predictions are not read: that would take seconds with many runs.
    """
    facts = Facts(store.name, arrange(results, _records(store)), [])
    lines = [line for table in facts.tables for line in table.lines]
    template = environment().get_template("notebook.html")
    return template.render(
        facts=facts,
        answers=answers(facts),
        strips={table.key: strips(table) for table in facts.tables},
        marks={line.row.runs: gravest(findings, line.row) for line in lines},
        kinds={line.row.runs: ", ".join(kinds) for line in lines if (kinds := _doubted(findings, line.row))},
        audited=tell_counts(findings) if findings else "",
        doubts=list(dict.fromkeys(f"{f.severity}: {f.message}" for f in findings if f.severity != "note")),
    )


def _doubted(findings: Sequence[Finding], row: Row) -> list[str]:
    return list(dict.fromkeys(f.kind for f in findings if f.severity != "note" and touches(f, row)))


def _records(store: Path) -> dict[str, DataRecord]:
    """Return what the store says of its data sets; results that outlive their file are shown without."""
    try:
        with Store(store) as opened:
            return opened.datasets()
    except BakeoffError:
        return {}
