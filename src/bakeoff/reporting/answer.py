"""The answer in words, written from the numbers and never more certain than they are.

Sentences are Markdown with bold names and nothing else, so that the page, a terminal and a notebook can all use them.
Which network is better than which is what `versus.compare` says: the same as `bakeoff answer` and the audit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from bakeoff.analysis.ranking import RANK_BY
from bakeoff.data.graded import is_graded
from bakeoff.reporting.model import Facts, Line, Table
from bakeoff.text.formats import THIN, count, counted, duration, listing, percent, points, span, times

MOST_NAMED = 4
"""Names in a list; the rest is counted."""
CHEAP = 0.5
"""A cheap alternative costs at most this fraction of what the best network costs."""


class Point(NamedTuple):
    """One further fact: what it is about, and the sentence."""

    about: str
    sentence: str


@dataclass(frozen=True)
class Answer:
    """What can be said of one table, or of all of them together."""

    title: str
    lead: str
    more: tuple[Point, ...]
    cautions: tuple[str, ...]
    key: str | None = None
    """The table it speaks of."""


def answers(facts: Facts) -> list[Answer]:
    """Return one answer per table, after one about all of them where there are several data sets."""
    return [*_general(facts.tables), *map(_answer, facts.tables)]


def _answer(table: Table) -> Answer:
    more = (*_interval(table), *_gap(table), *_luck(table), *_cheap(table), *_worth(table))
    return Answer(table.title, _lead(table), more, tuple(cautions(table)), table.key)


def _lead(table: Table) -> str:
    if not table.ranked:
        if table.finished == 0 and all(result.state == "failed" for result in table.results):
            return f"No network has a result on {table.data}: all {counted(table.planned, 'run')} failed."
        return f"No network has finished on {table.data} yet: 0 of {counted(table.planned, 'run')}."
    best, *others = table.ranked
    score = percent(best.row.test_accuracy)
    if not others:
        return f"**{best.label}** reaches {score} on {table.data}. There is no other result to compare it with."
    firsts = [line.label for line in table.ranked if line.row.rank == 1]
    mean = "mean test accuracy" if _by_test(table) else f"mean {table.ranked_by}"
    if len(firsts) > 1:
        return f"{_bold(firsts)} share the highest {mean} on {table.data}; their test accuracy is {score}."
    if best.row.seeds == 1:
        return (
            f"**{best.label}** came out highest on {table.data}, {score}, from a single seed: "
            "nothing here says how far another seed would change the order."
        )
    tested = score if _by_test(table) else f"and {score} on the test images"
    begin = f"**{best.label}** has the highest {mean} on {table.data}, {tested}"
    if close := [line.label for line in others if table.is_better(best, line) is False]:
        return f"{begin}, but these runs do not tell it apart from {_bold(close)}."
    if unsure := [line.label for line in others if table.is_better(best, line) is None]:
        share = "shares" if len(unsure) == 1 else "share"
        return f"{begin}, but how sure its lead is stays open: {_bold(unsure)} {share} fewer than two seeds with it."
    return f"{begin}, clear of {'the other network' if len(others) == 1 else f'all {len(others)} others'}."


def _by_test(table: Table) -> bool:
    return table.ranked_by == RANK_BY["test"]


def _interval(table: Table) -> list[Point]:
    """Give the interval behind the best mean, and what the tests say of it."""
    if not table.ranked:
        return []
    best, *others = table.ranked
    if best.row.test_accuracy_low is None:
        return [] if others or best.row.seeds > 1 else [Point("How sure", "One seed gives no interval.")]
    if others and others[0].row.rank == 1:
        return []
    ends = span(best.row.test_accuracy_low, best.row.test_accuracy_high)
    known = f"Its 95{THIN}% interval over {counted(best.row.seeds, 'seed')} is {ends}."
    leads = [(line, lead) for line in others if (lead := table.lead(best, line)) is not None]
    better = [line.label for line, lead in leads if lead.is_better]
    pairs = counted(len(table.comparison.corrected), "pair")
    if better:
        names = "all others" if len(better) == len(others) > 1 else _bold(better)
        known += f" Over {names} its lead is significant, corrected for {pairs}, by seed and test image."
    if close := [(line, lead) for line, lead in leads if lead.is_better is False]:
        line, lead = close[0]
        known += f" Over **{line.label}** the corrected p value is {lead.corrected:.2g}" + (
            f": {lead.outlook}." if lead.outlook else "."
        )
    return [Point("How sure", known)]


def _gap(table: Table) -> list[Point]:
    if len(table.ranked) < 2 or table.ranked[1].row.rank == 1:
        return []
    first, second = table.ranked[:2]
    gap = _accuracy(first) - _accuracy(second)
    told = f"{points(gap)} {'over' if gap >= 0 else 'behind'} **{second.label}**"
    if lead := table.lead(first, second):
        found = lead.difference
        told += f", 95{THIN}% interval {100 * found.low:.2f} to {100 * found.high:.2f} ({counted(found.seeds, 'seed')})"
    if table.test_images:
        images = abs(gap) * table.test_images
        about = f"about {count(images)}" if images >= 0.95 else "less than one"
        told += f": {about} of the {count(table.test_images)} test images"
    if lead and lead.difference.seeds == 1 and lead.is_significant:
        told += ". That is significant for these two runs (McNemar’s test); what other seeds would give is open"
    return [Point("The lead", f"{told}.")]


def _luck(table: Table) -> list[Point]:
    """Say what of the best accuracy is probably owed to having been chosen."""
    if len(table.ranked) < 2:
        return []
    if not _by_test(table):
        return [
            Point("Choice", "Chosen by validation accuracy, so that its test accuracy is not raised by the choice.")
        ]
    if table.optimism is None or table.optimism < 0.00005:
        return []
    chosen = f"Of {len(table.ranked)} networks the best was chosen by these test images"
    return [Point("Choice", f"{chosen}: on new ones expect about {points(table.optimism)} less.")]


def _cheap(table: Table) -> list[Point]:
    """Say what the best network among those of at most half the cost gives up."""
    if len(table.ranked) < 2:
        return []
    best, *others = table.ranked
    told = []
    same_place = len(set().union(*(line.places for line in table.ranked))) == 1
    same_work = [o for o in others if len(best.work | o.work) == 1]
    seconds, parameters = best.row.train_seconds, best.row.parameters
    quick = next((o for o in same_work if seconds and (o.row.train_seconds or seconds) <= CHEAP * seconds), None)
    small = next((o for o in others if parameters and (o.row.parameters or parameters) <= CHEAP * parameters), None)
    if seconds and not same_place:
        told.append(Point("Time", "The runs were not all trained in the same place: their seconds do not compare."))
        quick = None
    elif seconds and not same_work:
        told.append(
            Point("Time", "Networks had unequal numbers of epochs or training images: their seconds do not compare.")
        )
    elif seconds and quick is None and len(same_work) == len(others):
        told.append(Point("Faster", f"No other network trained in less than half its time, {duration(seconds)}."))
    if quick and quick.row.train_seconds and seconds:
        also = f", and with {_share(quick, best)} of the parameters" if quick is small else ""
        told.append(
            Point(
                "Faster",
                f"**{quick.label}** trains in {duration(quick.row.train_seconds)} instead of {duration(seconds)}, "
                f"{times(seconds / quick.row.train_seconds)} as fast{also}: {_price(table, best, quick)}.",
            )
        )
    if small and small is not quick:
        told.append(
            Point(
                "Smaller",
                f"**{small.label}** has {_share(small, best)} of the parameters: {_price(table, best, small)}.",
            )
        )
    return told


def _worth(table: Table) -> list[Point]:
    """Say how likely each network is on the front of accuracy and FLOPs."""
    likely = table.chances
    front = next((own for own in likely.fronts if own.cost == "flops"), None) if likely else None
    if likely is None or front is None or not 1 < len(front.probability) <= 12:
        return []
    least = min(front.costs.values())
    fewest = [net for net, cost in front.costs.items() if cost == least]
    open_ones = {net: share for net, share in front.probability.items() if len(fewest) > 1 or net not in fewest}
    told = listing([f"**{net}** {_chance(share)}" for net, share in open_ones.items()], MOST_NAMED)
    rests = "other test images, not other seeds" if likely.seeds == 1 else f"from {counted(likely.seeds, 'seed')}"
    sentence = (
        f"{_bold(fewest)} {'takes' if len(fewest) == 1 else 'take'} the fewest. "
        f"The probability that nothing as cheap is as good: {told} ({rests})."
    )
    return [Point("Worth its FLOPs", sentence)] if open_ones else []


def _chance(share: float) -> str:
    """0.973 → "97 %"; never quite 0 or 100 %."""
    return (
        f"over {percent(0.99, 0)}"
        if share > 0.99
        else f"under {percent(0.01, 0)}"
        if share < 0.01
        else percent(share, 0)
    )


def _price(table: Table, best: Line, cheap: Line) -> str:
    lost = _accuracy(best) - _accuracy(cheap)
    if lost == 0:
        return f"the same {percent(cheap.row.test_accuracy)}"
    sure = {True: "", False: ", which is within the noise", None: ", and too few seeds to judge it by"}
    less = f"{points(lost)} {'less' if lost > 0 else 'more'}"
    return f"{percent(cheap.row.test_accuracy)}, {less}{sure[table.is_better(best, cheap)]}"


def _share(cheap: Line, best: Line) -> str:
    share = (cheap.row.parameters or 0) / (best.row.parameters or 1)
    return percent(share, 0 if share >= 0.095 else 1)


def cautions(table: Table) -> list[str]:
    """Return what stands between this table and trust, most serious first."""
    found = []
    if any("TEST" in line.row.selection for line in table.lines):
        found.append("The epoch was chosen on the test set: on new images expect less than these accuracies.")
    failed = sum(line.row.failed for line in table.lines)
    if failed:
        found.append(f"{counted(failed, 'run')} failed: not in the means.")
    if table.finished < table.planned:
        found.append(
            f"Partial: {table.finished} of {counted(table.planned, 'run')} finished; the order may still change."
        )
    seeds = {line.row.seeds for line in table.ranked}
    if len(seeds) > 1:
        found.append(f"The networks have unequal numbers of seeds ({min(seeds)} to {max(seeds)}).")
    return found


def _general(tables: Sequence[Table]) -> list[Answer]:
    """Compare over data sets, recipe by recipe; graded versions of a data set are not further data sets."""
    tables = [table for table in tables if not is_graded(table.data)]
    found = []
    for recipe in dict.fromkeys(table.recipe for table in tables):
        shared = [table for table in tables if table.recipe == recipe and len(table.ranked) > 1]
        if len(shared) > 1:
            title = "Over all data sets" if len({t.recipe for t in tables}) == 1 else f"Over all data sets · {recipe}"
            found.append(Answer(title, _winners(shared), tuple(_mean_ranks(shared)), ()))
    return found


def _winners(tables: Sequence[Table]) -> str:
    winners: dict[str, list[Table]] = {}
    for table in tables:
        winners.setdefault(table.ranked[0].label, []).append(table)
    if len(winners) > 1:
        told = [f"**{net}** on {listing([t.data for t in won], MOST_NAMED)}" for net, won in winners.items()]
        return f"No network has the highest mean everywhere: it is {'; '.join(told)}."
    net = next(iter(winners))
    clear = sum(all(t.is_better(t.ranked[0], line) for line in t.ranked[1:]) for t in tables)
    everywhere = f"**{net}** has the highest mean on {'both' if len(tables) == 2 else f'all {len(tables)}'} data sets"
    if clear == len(tables):
        return f"{everywhere}, each time clear of all others."
    if clear == 0:
        return f"{everywhere}, but on none of them is it clear of all others."
    return f"{everywhere}; on {clear} of them it is clear of all others."


def _mean_ranks(tables: Sequence[Table]) -> list[Point]:
    ranks: dict[str, list[int]] = {}
    for table in tables:
        for line in table.ranked:
            ranks.setdefault(line.label, []).append(line.row.rank or 0)
    means = sorted((fmean(own), net) for net, own in ranks.items() if len(own) == len(tables))
    if len(means) < 2:
        return []
    order = ", ".join(f"**{net}** {mean:.1f}" for mean, net in means[:5])
    return [
        Point("Mean rank", f"{order}{' and so on' if len(means) > 5 else ''}."),
        Point("But", f"This describes these {len(tables)} data sets, not what would happen on another one."),
    ]


def _accuracy(line: Line) -> float:
    return line.row.test_accuracy or 0.0


def _bold(names: list[str]) -> str:
    return listing([f"**{name}**" for name in names], MOST_NAMED)
