"""The critical-difference diagram: mean ranks over data sets, and which of them do not differ significantly.

After Demšar 2006 (JMLR 7:1-30), with Nemenyi's test, and with Wilcoxon's signed-rank test and Holm's correction
as recommended by Benavoli, Corani & Mangili 2016 (JMLR 17:1-10): the result for two networks then does not depend on
the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bakeoff.analysis.answers import MANY
from bakeoff.data.graded import is_graded
from bakeoff.reporting.model import Table
from bakeoff.stats.rank_tests import mean_ranks
from bakeoff.stats.ranks import FEWEST, Ranking, rank_over_data, wilcoxon_holm
from bakeoff.stats.ratings import Standing, rate
from bakeoff.text.formats import counted

LEVEL = 0.05


@dataclass(frozen=True)
class Diagram:
    """Mean ranks of the networks with a result on every data set of one recipe."""

    recipe: str
    data: tuple[str, ...]
    ranks: dict[str, float]
    """Label → mean rank, best first."""
    places: dict[str, tuple[float, ...]]
    """Label → its rank on each data set."""
    critical_difference: float | None
    """Nemenyi at 5 %; None if there are too few data sets to test."""
    groups: dict[str, tuple[tuple[str, ...], ...]]
    """Test → largest sets of neighbours in rank without a significant difference; empty if nothing was tested."""
    notes: tuple[str, ...]
    standing: dict[str, Standing]
    """Label → win rate and rating, best first; empty for very many networks."""

    @property
    def payload(self) -> dict[str, Any]:
        """Input of the chart."""
        return asdict(self)


def build_diagrams(tables: Sequence[Table]) -> list[Diagram]:
    """Return a diagram for each recipe with results of two or more networks on the same two data sets.

    Graded versions of a data set do not count as further data sets.
    """
    tables = [table for table in tables if not is_graded(table.data)]
    recipes = dict.fromkeys(table.recipe for table in tables)
    found = [_diagram([table for table in tables if table.recipe == recipe and table.ranked]) for recipe in recipes]
    return [diagram for diagram in found if diagram is not None]


def _diagram(tables: Sequence[Table]) -> Diagram | None:
    found = [{line.label: line.row.test_accuracy or 0.0 for line in table.ranked} for table in tables]
    shared = [label for label in found[0] if all(label in own for own in found)] if found else []
    if len(found) < 2 or len(shared) < 2:
        return None
    scores = {label: [own[label] for own in found] for label in shared}
    ranking = rank_over_data(scores)
    enough = len(found) >= FEWEST
    left_out = len({label for own in found for label in own}) - len(shared)
    return Diagram(
        recipe=tables[0].recipe,
        data=tuple(table.data for table in tables),
        ranks=ranking.ranks,
        places=_rank_each(scores, list(ranking.ranks)),
        critical_difference=ranking.critical_difference if enough else None,
        groups=_groups(ranking, scores) if enough else {},
        notes=tuple(_write_notes(ranking, left_out)),
        standing=rate(scores) if len(scores) <= MANY else {},
    )


def _rank_each(scores: Mapping[str, Sequence[float]], order: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return the rank of each network on each data set, 1 is the best; ties share their mean rank."""
    ranks, _ = mean_ranks(-np.array([scores[label] for label in order], float).T)
    return {label: tuple(own) for label, own in zip(order, ranks.T.tolist(), strict=True)}


def _groups(ranking: Ranking, scores: Mapping[str, Sequence[float]]) -> dict[str, tuple[tuple[str, ...], ...]]:
    order = list(ranking.ranks)
    if ranking.p_value is not None and ranking.p_value >= LEVEL:
        return {
            "nemenyi": (tuple(order),),
            "holm": (tuple(order),),
        }  # Friedman's test, which precedes both, finds no difference
    groups = {"nemenyi": ranking.groups}
    if len(order) <= MANY:
        groups["holm"] = find_cliques(order, wilcoxon_holm(scores))
    return groups


def find_cliques(order: Sequence[str], p_values: Mapping[tuple[str, str], float]) -> tuple[tuple[str, ...], ...]:
    """Return the largest runs of neighbours in `order` in which no pair differs at 5 %.

    `p_values` has each pair once, in either order.
    """

    def alike(one: str, other: str) -> bool:
        return p_values.get((one, other), p_values.get((other, one), 1.0)) >= LEVEL

    found: list[tuple[int, int]] = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and all(alike(own, order[last + 1]) for own in order[first : last + 1]):
            last += 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(tuple(order[first : last + 1]) for first, last in found)


def _write_notes(ranking: Ranking, left_out: int) -> list[str]:
    notes = []
    if left_out:
        notes.append(f"Left out: {counted(left_out, 'network')} without a result on all {ranking.data_sets} data sets.")
    if ranking.data_sets < FEWEST:
        return [*notes, ranking.caution]
    if ranking.p_value is not None:
        verdict = "the networks differ" if ranking.p_value < LEVEL else "no significant difference"
        notes.append(f"Friedman’s test: p = {ranking.p_value:.2g}, {verdict}.")
    nemenyi = f"Mean ranks closer than {ranking.critical_difference:.2f} do not differ by Nemenyi’s test at 5\u202f%."
    return [*notes, nemenyi, *([ranking.caution] if ranking.caution else [])]
