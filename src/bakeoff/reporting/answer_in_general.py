"""The answer over several data sets in sentences: who leads where, and what tests over data sets say."""

from collections.abc import Iterable, Sequence

from bakeoff.analysis.answers import Elsewhere, InGeneral, compare_over_data
from bakeoff.data.graded import is_graded
from bakeoff.reporting.answer_parts import MOST_NAMED, AnswerBlock, AnswerPoint, bold_list
from bakeoff.reporting.model import Table
from bakeoff.reporting.starts import describe_starts
from bakeoff.stats.ranks import FEWEST
from bakeoff.text.formats import counted, listing, point_digits, points

MOST_COMPARED = 12
"""Networks that the one of the best mean rank is compared with: each takes thousands of draws."""


def compare_data_sets(tables: Sequence[Table]) -> list[AnswerBlock]:
    """Compare over data sets, recipe by recipe. Graded versions of a data set do not count as further data sets."""
    tables = [table for table in tables if not is_graded(table.data)]
    found = []
    for recipe in dict.fromkeys(table.recipe for table in tables):
        shared = [table for table in tables if table.recipe == recipe and len(table.ranked) > 1]
        if len(shared) > 1:
            title = "Over all data sets" if len({t.recipe for t in tables}) == 1 else f"Over all data sets · {recipe}"
            premise = write_premise(shared)
            points = tuple(_describe_ranks(shared))
            found.append(AnswerBlock(title, _write_winners(shared), points, (), premise=premise))
    return found


def write_premise(tables: Sequence[Table]) -> str:
    """Return what to know first: that only some of the networks are pretrained; empty if that is not so."""
    lines = [line for table in tables for line in table.lines]
    return describe_starts({f"**{line.cell.net}**": line.cell.starts_from for line in lines})


def _write_winners(tables: Sequence[Table]) -> str:
    """Say who leads on how many data sets; networks that tie lead together."""
    won: dict[str, list[Table]] = {}
    for table in tables:
        for line in table.ranked:
            if line.row.rank == 1:
                won.setdefault(line.label, []).append(table)
    order = sorted(won, key=lambda net: -len(won[net]))
    first = won[order[0]]
    if len(first) == len(tables):
        net = order[0]
        every = "both" if len(tables) == 2 else f"all {len(tables)}"
        begin = f"**{net}** leads on {every} data sets"
        clear = _count_clear(first, net)
        if clear == len(tables):
            return f"{begin}, each time significantly ahead of all others."
        if clear == 0:
            return f"{begin}, but on none of them is it significantly ahead of all others."
        return f"{begin}; on {clear} of them it is significantly ahead of all others."
    if len(first) == 1:
        where = [f"**{net}** on {listing([t.data for t in won[net]], MOST_NAMED)}" for net in order]
        return f"No network leads on more than one of the {len(tables)} data sets: {listing(where, MOST_NAMED)}."
    others = [f"**{net}** on {len(won[net])}" for net in order[1:]]
    clear = _count_clear(first, order[0])
    ahead = f", {'on none' if not clear else f'on {clear}'} of them significantly ahead of all others"
    tied = " (where they tie, each leads)" if sum(map(len, won.values())) > len(tables) else ""
    leads = f"leads on {len(first)} of {len(tables)} data sets{ahead}"
    return f"**{order[0]}** {leads}; {listing(others, MOST_NAMED)}{tied}."


def _count_clear(tables: Iterable[Table], net: str) -> int:
    """Count the tables on which a network is significantly better than every other."""
    return sum(
        all(table.is_better(line, other) for other in table.ranked if other is not line)
        for table in tables
        for line in table.ranked
        if line.label == net
    )


def _describe_ranks(tables: Sequence[Table]) -> list[AnswerPoint]:
    found = compare_over_data([[line.cell for line in table.ranked] for table in tables], MOST_COMPARED)
    if found is None:
        return []
    ranks = list(found.ranking.ranks.items())
    order = ", ".join(f"**{net}** {rank:.2f}" for net, rank in ranks[:5])
    more = f" and {counted(len(ranks) - 5, 'other')}" if len(ranks) > 5 else ""
    return [
        AnswerPoint("Mean rank", f"{order}{more}."),
        AnswerPoint("How sure", _describe_tests(found)),
        AnswerPoint("At worst", _describe_loss(found)),
    ]


def _describe_tests(found: InGeneral) -> str:
    """Give Friedman's test, Nemenyi's critical difference, and the closest network, as far as they can be told."""
    ranking = found.ranking
    if ranking.data_sets < FEWEST:
        return ranking.caution
    parts = []
    if ranking.p_value is not None:
        verdict = "the networks differ" if ranking.p_value < 0.05 else "no significant difference between the networks"
        parts.append(f"Friedman’s test over data sets: p = {ranking.p_value:.2g}, {verdict}.")
    parts.append(f"Mean ranks closer than {ranking.critical_difference:.2f} are not significantly different.")
    parts += [_describe_closest(found.best, found.elsewhere)] if found.elsewhere else []
    return " ".join([*parts, *([ranking.caution] if ranking.caution else [])])


def _describe_closest(best: str, elsewhere: Sequence[Elsewhere]) -> str:
    ahead = [one.net for one in elsewhere if one.corrected is not None and one.corrected < 0.05]
    close = [one.net for one in elsewhere if one.net not in ahead]
    next_best = elsewhere[0]
    chance = (
        f"On another data set like these, **{best}** beats **{next_best.net}** by a point or more with probability "
        f"{next_best.belief.first:.2f}, and is within one with {next_best.belief.equivalent:.2f}."
    )
    if not close:
        return f"**{best}** is significantly better than {bold_list(ahead)} over data sets (Wilcoxon–Holm). {chance}"
    return f"**{best}** is not significantly better than {bold_list(close)} over data sets (Wilcoxon–Holm). {chance}"


def _describe_loss(found: InGeneral) -> str:
    if not found.most_lost:
        return f"**{found.best}** has the best mean on each of them."
    lost = points(found.most_lost, point_digits(found.lost_images))
    return f"**{found.best}** loses most on {found.lost_on}: {lost} to **{found.lost_to}**."
