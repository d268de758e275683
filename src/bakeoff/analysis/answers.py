"""The questions of a comparison, answered from measured runs: which network for these images, and which in general.

Which is best on a data set, and significantly better than which others; which are worth their cost; the cheapest that
is not significantly worse; whether one network does well everywhere, and how far behind it is elsewhere. No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bakeoff.analysis.budgets import describe_budget, has_budget
from bakeoff.analysis.cells import Cell
from bakeoff.analysis.pairwise import Lead
from bakeoff.analysis.ranking import RANK_BY, RankBy, rank_cells, score
from bakeoff.analysis.snapshot import Snapshot
from bakeoff.data.graded import is_graded
from bakeoff.stats.draws import estimate_optimism
from bakeoff.stats.pareto import COSTS, Front, estimate_chances
from bakeoff.stats.ranks import FEWEST, Belief, Ranking, rank_over_data, signed_rank_belief, wilcoxon_holm

MANY = 60
"""With more networks there are thousands of pairs, and a handful of data sets has no power to test them."""


@dataclass(frozen=True)
class OnData:
    """The answer for one table: a data set under one recipe, or under several that are compared.

    Where several are, a network is called by its label: "conv · quick". The field names are the keys of the JSON: they
    stay.
    """

    data: str
    recipe: str
    best: str | None
    """None if no network has a usable number; see `unusable`."""
    accuracy: float | None
    """Mean test accuracy of the best over its seeds."""
    ranked_by: str
    """What it is the best by; see `ranking.RANK_BY`."""
    optimism: float | None = None
    """By how much its test accuracy is probably too high because it was chosen by it, a fraction; 0 if it was chosen by
    validation accuracy, None where no seed is shared by all."""
    leads: tuple[Lead, ...] = ()
    """Over every other network that shares a seed with it, in the order of their means."""
    not_compared: tuple[str, ...] = ()
    """Networks that share no seed with it: of them nothing is said."""
    cheapest: str | None = None
    """The network with the fewest FLOPs that is not significantly worse than the best, not even without correction for
    the number of comparisons; may be the best itself.

    None if its FLOPs or those of the best are unknown.
    """
    cheapest_accuracy: float | None = None
    flops_share: float | None = None
    """FLOPs of the cheapest divided by those of the best; None if either is unknown."""
    flops_unknown: tuple[str, ...] = ()
    """The best and networks not significantly worse with unknown FLOPs: any of them may be the cheapest."""
    probability_best: dict[str, float] = field(default_factory=dict)
    """Network → probability of being the best with other seeds and test images; empty if no seed is shared by all."""
    fronts: tuple[Front, ...] = ()
    """Of accuracy and each of `pareto.COSTS`."""
    shared_seeds: int = 0
    """Seeds that all networks have finished, as the probabilities need them. With one, they ignore other seeds."""
    compared: tuple[str, ...] = ()
    """The recipes, if several are compared."""
    budget: str = ""
    """What they had: epochs, images seen, seconds; empty for one recipe."""
    starts_from: dict[str, str | None] = field(default_factory=dict)
    """By network, the weights it starts from; None if it starts from scratch."""
    folds: int = 0
    """Of a cross-validation; 0 if the test images are always the same."""
    unusable: dict[str, str] = field(default_factory=dict)
    """Networks without a usable number, which are not compared, with the reason, a key of `flaws.WORDS`."""
    test_images: int | None = None
    """Images that each seed was tested on."""


@dataclass(frozen=True)
class Elsewhere:
    """How the network with the best mean rank compares with another one on further data sets like these."""

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
    """How far it is behind the best of a data set at most, a fraction; 0 if it is the best everywhere."""
    lost_on: str
    lost_to: str
    lost_images: int | None
    """Test images of that data set."""
    elsewhere: tuple[Elsewhere, ...]
    """Against every other network, in the order of their ranks."""
    compared: tuple[str, ...] = ()
    """The recipes, if several are compared."""


def on_each_data_set(snapshot: Snapshot, by: RankBy = "test") -> list[OnData]:
    """Return the answer for each table of a store with a finished run; the best is that of `by`.

    Raises:
        BakeoffError: `by` is the validation accuracy, and a network that finished has none.
    """
    return [_on_data(table, snapshot, by) for table in snapshot.tables]


def in_general(snapshot: Snapshot) -> list[InGeneral]:
    """Return the answer for each recipe under which two or more networks finished on two or more data sets.

    Graded versions of a data set are not further data sets.
    """
    tables = [table for table in snapshot.usable_tables if not is_graded(table[0].data)]
    recipes = dict.fromkeys(table[0].table for table in tables)
    found = [compare_over_data([table for table in tables if table[0].table == recipe]) for recipe in recipes]
    return [answer for answer in found if answer is not None]


def _on_data(table: Sequence[Cell], snapshot: Snapshot, by: RankBy) -> OnData:
    unusable = {cell.label: flaw for cell in table if (flaw := snapshot.flaw(cell))}
    ranked = sorted(table, key=lambda cell: -(score(cell, by) or 0.0))  # also checks that all have a score
    usable = [cell for cell in ranked if not snapshot.flaw(cell)]
    if not usable:
        first = table[0]
        folds = len(first.fold_sizes)
        return OnData(
            first.data, first.table, None, None, RANK_BY[by], compared=first.compared, unusable=unusable, folds=folds
        )
    best, *others = usable
    compared = [(other, lead) for other in others if (lead := snapshot.lead(best, other)) is not None]
    leads = tuple(lead for _, lead in compared)
    # Uncorrected: correcting for all pairs protects claims that networks differ, and would let worse ones pass as good.
    as_good = [other for other, lead in compared if not (lead.difference.is_settled and lead.difference.mean > 0)]
    cheapest = min([best, *as_good], key=lambda cell: cell.median("flops") or float("inf"))
    own, of_best = cheapest.median("flops"), best.median("flops")
    share = own / of_best if own and of_best else None
    everyone = [best, *others]
    costs = {cost: {cell.label: cell.median(cost) for cell in everyone} for cost in COSTS}
    right = snapshot.shared(*everyone)
    likely = estimate_chances([cell.label for cell in everyone], right, costs, best.fold_sizes)
    return OnData(
        data=best.data,
        recipe=best.table,
        best=best.label,
        accuracy=_accuracy(best),
        ranked_by=RANK_BY[by],
        optimism=0.0
        if by != "test"
        else estimate_optimism(right, fold_sizes=best.fold_sizes)
        if right.shape[1]
        else None,
        leads=leads,
        not_compared=tuple(net for net in (o.label for o in others) if net not in {lead.net for lead in leads}),
        cheapest=cheapest.label if share is not None else None,
        cheapest_accuracy=_accuracy(cheapest) if share is not None else None,
        flops_share=share,
        flops_unknown=tuple(cell.label for cell in (best, *as_good) if not cell.median("flops")),
        probability_best=likely.best,
        fronts=likely.fronts,
        shared_seeds=likely.seeds,
        folds=len(best.fold_sizes),
        compared=best.compared,
        budget=describe_budget(rank_cells(table)) if has_budget(table) else "",
        starts_from={cell.net: cell.starts_from or None for cell in everyone},
        unusable=unusable,
        test_images=snapshot.test_images(best),
    )


def compare_over_data(tables: Sequence[Sequence[Cell]], most: int | None = None) -> InGeneral | None:
    """Return the answer over the tables of one recipe, one of each data set, with usable numbers only.

    None for fewer than two of them or fewer than two networks with a number in each. Only the `most` best networks are
    compared with the very best.
    """
    found = [{cell.label: _accuracy(cell) for cell in table} for table in tables]
    shared = [net for net in (found[0] if found else ()) if all(net in own for own in found)]
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
        recipe=tables[0][0].table,
        data=data,
        ranking=ranking,
        best=best,
        most_lost=lost[worst],
        lost_on=data[worst],
        lost_to=winner,
        lost_images=tables[worst][0].test_images,
        elsewhere=_elsewhere(scores, ranking, most),
        compared=tables[0][0].compared,
    )


def _elsewhere(scores: Mapping[str, Sequence[float]], ranking: Ranking, most: int | None) -> tuple[Elsewhere, ...]:
    best, *others = list(ranking.ranks)[: None if most is None else most + 1]
    tested = wilcoxon_holm(scores) if ranking.data_sets >= FEWEST and (most is None or len(scores) <= MANY) else {}
    p_values = {frozenset(pair): p for pair, p in tested.items()}
    return tuple(
        Elsewhere(net, signed_rank_belief(scores[best], scores[net]), p_values.get(frozenset((best, net))))
        for net in others
    )


def _accuracy(cell: Cell) -> float:
    interval = cell.interval("test_accuracy")
    return interval.mean if interval else 0.0
