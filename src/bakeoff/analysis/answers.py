"""The questions of a comparison, answered from measured runs: which network for these images, and which in general.

Which is best on a data set, and over whom that is certain; which are worth what they cost; the cheapest that is not
significantly worse; whether one network does well everywhere, and how much it loses where it loses. No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis.audit import Material
from bakeoff.analysis.pairwise import Lead
from bakeoff.analysis.ranking import RANK_BY, Cell, RankBy, score
from bakeoff.data.graded import is_graded
from bakeoff.stats.draws import optimism
from bakeoff.stats.pareto import COSTS, Front, chances
from bakeoff.stats.ranks import FEWEST, Belief, Ranking, rank_over_data, signed_rank_belief, wilcoxon_holm


@dataclass(frozen=True)
class OnData:
    """The answer for one data set under one recipe. The field names are the keys of the JSON: they stay."""

    data: str
    recipe: str
    best: str
    accuracy: float
    """Mean test accuracy of the best over its seeds."""
    ranked_by: str
    """What it is the best by; see `ranking.RANK_BY`."""
    optimism: float | None
    """By how much its test accuracy is probably too high because it was chosen by it, a fraction; 0 if it was chosen by
    validation accuracy, None where no seed is shared by all."""
    leads: tuple[Lead, ...]
    """Over every other network that shares a seed with it, in the order of their means."""
    not_compared: tuple[str, ...]
    """Networks that share no seed with it: of them nothing is said."""
    cheapest: str | None
    """The network of the fewest FLOPs that is not significantly worse than the best; may be the best itself.

    None where its FLOPs or those of the best are not known.
    """
    cheapest_accuracy: float | None
    flops_share: float | None
    """FLOPs of the cheapest over those of the best; None where the one or the other is not known."""
    flops_unknown: tuple[str, ...]
    """The best and networks not significantly worse whose FLOPs are not known: any of them may be the cheapest."""
    probability_best: dict[str, float]
    """By network, of being the best with other seeds and other test images; empty where no seed is shared by all."""
    fronts: tuple[Front, ...]
    """Of accuracy and each of `pareto.COSTS`."""
    shared_seeds: int
    """Seeds that all networks have finished; the probabilities rest on them. With one, other seeds are not in them."""


@dataclass(frozen=True)
class Elsewhere:
    """What the data sets say of the best mean rank against one other network on further data sets like these."""

    net: str
    belief: Belief
    """Bayesian signed-rank comparison; first: the best mean rank is better by more than a point of accuracy."""
    corrected: float | None
    """p value of Wilcoxon's signed-rank test, by Holm's correction for all pairs; None below five data sets."""


@dataclass(frozen=True)
class InGeneral:
    """The answer over all data sets of one recipe."""

    recipe: str
    data: tuple[str, ...]
    ranking: Ranking
    best: str
    """The network of the best mean rank."""
    most_lost: float
    """The most it is behind the best of a data set, a fraction; 0 if it is the best everywhere."""
    lost_on: str
    lost_to: str
    elsewhere: tuple[Elsewhere, ...]
    """Against every other network, in the order of their ranks."""


def on_each_data_set(material: Material, by: RankBy = "test") -> list[OnData]:
    """Return the answer for each table of a store with a finished run; the best is that of `by`.

    Raises:
        BakeoffError: it is to be the validation accuracy, and a network that finished has none.
    """
    return [_on_data(table, material, by) for table in material.tables]


def in_general(material: Material) -> list[InGeneral]:
    """Return the answer for each recipe under which two or more networks finished on two or more data sets.

    Graded versions of a data set are not further data sets.
    """
    tables = [table for table in material.tables if not is_graded(table[0].data)]
    recipes = dict.fromkeys(table[0].recipe for table in tables)
    found = [_in_general([table for table in tables if table[0].recipe == recipe]) for recipe in recipes]
    return [answer for answer in found if answer is not None]


def _on_data(table: Sequence[Cell], material: Material, by: RankBy) -> OnData:
    best, *others = sorted(table, key=lambda cell: -(score(cell, by) or 0.0))
    compared = [(other, lead) for other in others if (lead := material.lead(best, other)) is not None]
    leads = tuple(lead for _, lead in compared)
    as_good = [other for other, lead in compared if not (lead.is_significant and lead.difference.mean > 0)]
    cheapest = min([best, *as_good], key=lambda cell: cell.median("flops") or float("inf"))
    own, of_best = cheapest.median("flops"), best.median("flops")
    share = own / of_best if own and of_best else None
    everyone = [best, *others]
    costs = {cost: {cell.net: cell.median(cost) for cell in everyone} for cost in COSTS}
    right = material.shared(*everyone)
    likely = chances([cell.net for cell in everyone], right, costs)
    return OnData(
        data=best.data,
        recipe=best.recipe,
        best=best.net,
        accuracy=_accuracy(best),
        ranked_by=RANK_BY[by],
        optimism=0.0 if by != "test" else optimism(right) if right.shape[1] else None,
        leads=leads,
        not_compared=tuple(net for net in (o.net for o in others) if net not in {lead.net for lead in leads}),
        cheapest=cheapest.net if share is not None else None,
        cheapest_accuracy=_accuracy(cheapest) if share is not None else None,
        flops_share=share,
        flops_unknown=tuple(cell.net for cell in (best, *as_good) if not cell.median("flops")),
        probability_best=likely.best,
        fronts=likely.fronts,
        shared_seeds=likely.seeds,
    )


def _in_general(tables: Sequence[Sequence[Cell]]) -> InGeneral | None:
    found = [{cell.net: _accuracy(cell) for cell in table} for table in tables]
    shared = [net for net in found[0] if all(net in own for own in found)]
    if len(found) < 2 or len(shared) < 2:
        return None
    scores = {net: [own[net] for own in found] for net in shared}
    ranking = rank_over_data(scores)
    best = next(iter(ranking.ranks))
    lost = [max(own[net] for net in shared) - own[best] for own in found]
    worst = int(np.argmax(lost))
    winner = max(shared, key=lambda net: found[worst][net])
    data = tuple(table[0].data for table in tables)
    return InGeneral(
        recipe=tables[0][0].recipe,
        data=data,
        ranking=ranking,
        best=best,
        most_lost=lost[worst],
        lost_on=data[worst],
        lost_to=winner,
        elsewhere=_elsewhere(scores, ranking),
    )


def _elsewhere(scores: Mapping[str, Sequence[float]], ranking: Ranking) -> tuple[Elsewhere, ...]:
    best, *others = ranking.ranks
    tested = wilcoxon_holm(scores) if ranking.data_sets >= FEWEST else {}
    p_values = {frozenset(pair): p for pair, p in tested.items()}
    return tuple(
        Elsewhere(net, signed_rank_belief(scores[best], scores[net]), p_values.get(frozenset((best, net))))
        for net in others
    )


def _accuracy(cell: Cell) -> float:
    interval = cell.interval("test_accuracy")
    return interval.mean if interval else 0.0
