"""Results as a cell of a notebook shows them: the answer, the ranking, seeds and intervals drawn beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bakeoff.analysis.audit import Finding, tell_counts
from bakeoff.analysis.pairwise import Comparison
from bakeoff.analysis.ranking import RankBy, Row
from bakeoff.reporting.answer import answers
from bakeoff.reporting.model import Facts, Table, arrange
from bakeoff.reporting.page import environment, strips
from bakeoff.reporting.severity import gravest, touches
from bakeoff.spec.records import Result
from bakeoff.store.store import Store


def to_html(store: Path, results: Sequence[Result], findings: Sequence[Finding] = (), rank_by: RankBy = "test") -> str:
    """Return runs as a piece of HTML, marked where there are findings about them.

    Of the predictions only the classes are read: probabilities would take seconds with many runs.
    """
    facts = Facts(store.name, _tables(store, results, rank_by), [])
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


def _tables(store: Path, results: Sequence[Result], rank_by: RankBy) -> tuple[Table, ...]:
    """Return the tables; of results that outlive their file, without what only the store knows."""
    if not store.exists():
        return arrange(results, {}, rank_by=rank_by)
    with Store(store) as opened:
        records, every = opened.datasets(), opened.results()
        tables = arrange(results, records, opened, rank_by=rank_by, measured=False)
        if {result.id for result in every} <= {result.id for result in results}:
            return tables
        whole = arrange(every, records, opened, measured=False)
    of_run = {result.id: table for table in whole for result in table.results}
    return tuple(replace(table, wider=_wider(table, of_run)) for table in tables)


def _wider(table: Table, of_run: Mapping[str, Table]) -> Comparison | None:
    """Return the comparison in the store of what a table compares; None if the store no longer has all of it."""
    found = [of_run.get(result.id) for result in table.results if result.state == "done"]
    return found[0].comparison if found and found[0] and all(one is found[0] for one in found) else None
