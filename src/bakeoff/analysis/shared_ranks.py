"""Ranks that claim no more than is known. No torch.

Networks that do not differ significantly share ranks; those without a usable number have none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bakeoff.analysis.audit import Finding, audit_snapshot
from bakeoff.analysis.pairwise import PairwiseComparison
from bakeoff.analysis.ranking import RANK_BY, RankBy, Row, group_by_table, rank
from bakeoff.analysis.snapshot import Snapshot, read_snapshot
from bakeoff.spec.records import Result, Unreadable
from bakeoff.stats.draws import estimate_optimism
from bakeoff.store.store import Store


def rank_and_audit(
    store: Store, results: Iterable[Result], by: RankBy = "test", unreadable: Iterable[Unreadable] = ()
) -> tuple[list[Row], list[Finding]]:
    """Return the ranking of some results of a store, and what the audit finds about them.

    Raises:
        BakeoffError: ranking by validation accuracy, and a finished network has none.
    """
    rows = rank(results, by, unreadable)
    wanted = {run for row in rows for run in row.runs}
    if not wanted:
        return rows, []
    snapshot = read_snapshot(store, wanted)
    findings = [finding for finding in audit_snapshot(snapshot) if not wanted.isdisjoint(finding.runs)]
    return put_in_places(rows, snapshot), findings


def put_in_places(rows: Iterable[Row], snapshot: Snapshot) -> list[Row]:
    """Return rows with their possible ranks, table by table; networks with a flaw come last, without a rank.

    Ranks are those among the rows of a table, differences those of the whole table in the store.
    """
    cells = {run: cell for table in snapshot.tables for cell in table for run in cell.run_ids}
    found: list[Row] = []
    for table in group_by_table(rows):
        own = {row.runs: cells[row.runs[0]] for row in table if row.runs and row.runs[0] in cells}
        flaws = {runs: snapshot.flaw(cell) for runs, cell in own.items()}
        names = {runs: cell.results[0].id for runs, cell in own.items()}
        comparison = snapshot.comparisons[next(iter(names.values()))] if names else None
        table = [
            replace(row, test_images=snapshot.test_images(own[row.runs])) if row.runs in own else row for row in table
        ]
        placed = place_table(table, flaws, comparison, names)
        usable = [own[row.runs] for row in placed if row.rank is not None and row.runs in own]
        right = snapshot.shared(*usable) if len(usable) > 1 else np.zeros((0, 0, 0), bool)
        found += add_optimism(placed, right, usable[0].fold_sizes if usable else ())
    return found


def add_optimism(rows: Sequence[Row], right: np.ndarray, fold_sizes: Sequence[int] = ()) -> list[Row]:
    """Return the rows of one table, the first with the selection bias of its accuracy.

    Args:
        rows: in order.
        right: (K, S, N) bool, which test images the ranked networks classified correctly at the S seeds they share.
        fold_sizes: of a cross-validation; see `stats.folds`.
    """
    if len(right) < 2 or not right.shape[1] or rows[0].ranked_by != RANK_BY["test"]:
        return list(rows)
    return [replace(rows[0], optimism=estimate_optimism(right, fold_sizes=fold_sizes)), *rows[1:]]


def place_table(
    rows: Sequence[Row],
    flaws: Mapping[tuple[str, ...], str],
    comparison: PairwiseComparison | None,
    names: Mapping[tuple[str, ...], str],
) -> list[Row]:
    """Return the rows of one table in order, with ranks.

    Args:
        rows: ranked by their means.
        flaws: the runs of a row → its flaw, empty for none.
        comparison: the networks of the table, None if nothing was compared.
        names: the runs of a row → its name in the comparison.
    """
    ranked = [row for row in rows if row.rank is not None and not flaws.get(row.runs)]
    means = [row.rank for row in ranked if row.rank is not None]
    known = [names[row.runs] for row in ranked if row.runs in names]
    ranges = comparison.rank_ranges(known) if comparison else {}
    unknown = (None, None) if len(ranked) > 1 else (1, 1)

    def place(row: Row) -> Row:
        low, high = ranges.get(names.get(row.runs, ""), unknown)
        if row.ranked_by != RANK_BY["test"] or len(known) < len(ranked):
            low, high = None, None
        return replace(row, rank=1 + sum(other < (row.rank or 0) for other in means), rank_low=low, rank_high=high)

    flawed = [
        replace(row, rank=None, flaw=flaws[row.runs]) for row in rows if row.rank is not None and flaws.get(row.runs)
    ]
    return [*map(place, ranked), *flawed, *(row for row in rows if row.rank is None)]
