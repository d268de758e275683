"""Results as HTML for a notebook cell: the answer and the ranking, with seeds and intervals drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.analysis.audit import Finding, describe_counts
from bakeoff.analysis.pairwise import PairwiseComparison
from bakeoff.analysis.ranking import RankBy, Row
from bakeoff.reporting.answer import write_answers
from bakeoff.reporting.contest import split_contest
from bakeoff.reporting.loading import arrange_tables, place_lines
from bakeoff.reporting.markup import make_environment
from bakeoff.reporting.model import ReportModel, Table
from bakeoff.reporting.severity import FindingIndex, worst_symbol
from bakeoff.reporting.strips import lay_out_strips
from bakeoff.spec.records import Result
from bakeoff.store.store import Store


def to_html(store: Path, results: Sequence[Result], findings: Sequence[Finding] = (), rank_by: RankBy = "test") -> str:
    """Return runs as an HTML fragment, with marks where the audit has findings.

    Only predicted classes are read: reading probabilities would take seconds with many runs.
    """
    ranked, contest = split_contest(_tables(store, results, rank_by))
    model = ReportModel(store.name, ranked, [], contest)
    lines = [line for table in model.tables for line in table.lines]
    index = FindingIndex(findings)
    template = make_environment().get_template("notebook.html")
    return template.render(
        model=model,
        answers=write_answers(model),
        strips={table.key: lay_out_strips(table) for table in model.tables},
        symbols={line.row.runs: worst_symbol(index, line.row) for line in lines},
        kinds={line.row.runs: ", ".join(kinds) for line in lines if (kinds := _list_kinds(index, line.row))},
        audited=describe_counts(findings) if findings else "",
        findings=list(dict.fromkeys(f"{f.severity}: {f.message}" for f in findings if f.severity != "note")),
    )


def _list_kinds(findings: FindingIndex, row: Row) -> list[str]:
    return list(dict.fromkeys(finding.kind for finding in findings.about(row) if finding.severity != "note"))


def _tables(store: Path, results: Sequence[Result], rank_by: RankBy) -> tuple[Table, ...]:
    """Return the tables; if the file of the store is gone, without predictions and comparisons."""
    if not store.exists():
        return arrange_tables(results, {}, rank_by=rank_by)
    with Store(store) as opened:
        records, every = opened.datasets(), opened.results()
        tables = arrange_tables(results, records, opened, rank_by=rank_by, measured=False)
        if {result.id for result in every} <= {result.id for result in results}:
            return tables
        whole = arrange_tables(every, records, opened, measured=False)
    of_run = {result.id: table for table in whole for result in table.results}
    return tuple(place_lines(table, _wider(table, of_run) or table.comparison) for table in tables)


def _wider(table: Table, of_run: Mapping[str, Table]) -> PairwiseComparison | None:
    """Return the comparison over the table in the store; None if the store no longer has all of its runs."""
    found = [of_run.get(result.id) for result in table.results if result.state == "done"]
    return found[0].comparison if found and found[0] and all(one is found[0] for one in found) else None
