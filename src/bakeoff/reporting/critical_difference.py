"""The critical-difference diagram: mean ranks over data sets, and which of them cannot be told apart.

After Demšar 2006 (JMLR 7:1-30), with Wilcoxon's signed-rank test and Holm's correction beside Nemenyi's test, as
Benavoli, Corani & Mangili 2016 (JMLR 17:1-10) ask for: the verdict on two networks then does not depend on the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bakeoff.data.graded import is_graded
from bakeoff.reporting.model import Table
from bakeoff.stats.ranks import FEWEST, Ranking, rank_over_data, wilcoxon_holm

LEVEL = 0.05
MOST_TESTED = 60
"""With more networks there are thousands of pairs, of which a handful of data sets can tell none apart."""


@dataclass(frozen=True)
class Diagram:
    """Mean ranks of the networks that have a result on every data set of one recipe."""

    recipe: str
    data: tuple[str, ...]
    ranks: dict[str, float]
    """Label → mean rank, best first."""
    places: dict[str, tuple[float, ...]]
    """Label → its rank on each data set."""
    critical_difference: float | None
    """Of Nemenyi at 5 %; None where there are too few data sets to test."""
    groups: dict[str, tuple[tuple[str, ...], ...]]
    """Test → largest sets of neighbours in rank that are not told apart; empty where nothing was tested."""
    said: tuple[str, ...]

    @property
    def payload(self) -> dict[str, Any]:
        """What the chart draws from."""
        return asdict(self)


def diagrams(tables: Sequence[Table]) -> list[Diagram]:
    """Return a diagram for each recipe under which two networks or more have results on the same two data sets.

    Graded versions of a data set are not further data sets.
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
        places=_places(scores, list(ranking.ranks)),
        critical_difference=ranking.critical_difference if enough else None,
        groups=_groups(ranking, scores) if enough else {},
        said=tuple(_said(ranking, left_out)),
    )


def _places(scores: Mapping[str, Sequence[float]], order: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return the rank of each network on each data set, 1 the best; equals share the mean of their ranks."""
    from scipy.stats import rankdata

    ranks = rankdata([[-score for score in scores[label]] for label in order], axis=0)
    return {label: tuple(own) for label, own in zip(order, ranks.tolist(), strict=True)}


def _groups(ranking: Ranking, scores: Mapping[str, Sequence[float]]) -> dict[str, tuple[tuple[str, ...], ...]]:
    order = list(ranking.ranks)
    if ranking.p_value is not None and ranking.p_value >= LEVEL:
        return {"nemenyi": (tuple(order),), "holm": (tuple(order),)}  # the test before both tells nothing apart
    groups = {"nemenyi": ranking.groups}
    if len(order) <= MOST_TESTED:
        groups["holm"] = cliques(order, wilcoxon_holm(scores))
    return groups


def cliques(order: Sequence[str], p_values: Mapping[tuple[str, str], float]) -> tuple[tuple[str, ...], ...]:
    """Return the largest runs of neighbours in `order` of which no two differ at 5 %.

    `p_values` has every pair once, in either order.
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


def _said(ranking: Ranking, left_out: int) -> list[str]:
    said = []
    if left_out:
        said.append(f"Left out: {left_out} without a result on each of the {ranking.data_sets} data sets.")
    if ranking.data_sets < FEWEST:
        return [*said, ranking.caution]
    if ranking.p_value is not None:
        verdict = "they are not all alike" if ranking.p_value < LEVEL else "it tells none of them from another"
        said.append(f"Friedman’s test: p = {ranking.p_value:.2g}, {verdict}.")
    apart = f"Mean ranks less than {ranking.critical_difference:.2f} apart are not told apart by Nemenyi’s test at 5 %."
    return [*said, apart, *([ranking.caution] if ranking.caution else [])]
