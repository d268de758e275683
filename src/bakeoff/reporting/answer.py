"""The answer in words, written from the numbers and never more certain than they are.

Sentences are Markdown with bold names and nothing else, so that the page, a terminal and a notebook can all use them.
Two networks count as apart only where both have a 95 % interval over seeds and the intervals do not overlap. That is
a stricter demand than a test of the difference, and it is said wherever it is not met.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from bakeoff.data.graded import is_graded
from bakeoff.reporting.facts import Facts, Line, Table
from bakeoff.reporting.words import THIN, count, duration, listing, number, percent, points, span, times
from bakeoff.text import counted

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
    more = (*_interval(table), *_gap(table), *_cheap(table), *_worth(table))
    return Answer(table.title, _lead(table), more, tuple(cautions(table)), table.key)


def apart(higher: Line, lower: Line) -> bool | None:
    """Tell whether the interval of `higher` lies wholly above that of `lower`; None where one has no interval."""
    low, high = higher.row.test_accuracy_low, lower.row.test_accuracy_high
    return None if low is None or high is None else low > high


def _lead(table: Table) -> str:
    if not table.ranked:
        if table.finished == 0 and all(result.state == "failed" for result in table.results):
            return f"No network has a result on {table.data}: all {number(table.planned, 'run')} failed."
        return f"No network has finished on {table.data} yet: 0 of {number(table.planned, 'run')}."
    best, *others = table.ranked
    score = percent(best.row.test_accuracy)
    if not others:
        return f"**{best.label}** reaches {score} on {table.data}. There is no other result to compare it with."
    firsts = [line.label for line in table.ranked if line.row.rank == 1]
    if len(firsts) > 1:
        return f"{_bold(firsts)} share the highest mean test accuracy on {table.data}, {score}."
    if best.row.test_accuracy_low is None:
        return (
            f"**{best.label}** came out highest on {table.data}, {score}, from a single seed: "
            "nothing here says how far another seed would change the order."
        )
    begin = f"**{best.label}** has the highest mean test accuracy on {table.data}, {score}"
    if close := [line.label for line in others if apart(best, line) is False]:
        return f"{begin}, but these runs do not tell it apart from {_bold(close)}."
    if single := [line.label for line in others if apart(best, line) is None]:
        has = "has" if len(single) == 1 else "have"
        return f"{begin}, but how sure its lead is stays open: {_bold(single)} {has} one seed and so no interval."
    return f"{begin}, clear of {'the other network' if len(others) == 1 else f'all {len(others)} others'}."


def _interval(table: Table) -> list[Point]:
    """Give the interval behind the lead, and what it says."""
    if not table.ranked:
        return []
    best, *others = table.ranked
    if best.row.test_accuracy_low is None:
        return [] if others else [Point("How sure", "One seed gives no interval.")]
    if others and others[0].row.rank == 1:
        return []
    known = f"Its 95{THIN}% interval over {number(best.row.seeds, 'seed')} is {span(*_ends(best))}"
    close = [line.label for line in others if apart(best, line) is False]
    if close:
        known += f", which overlaps with {f'that of **{close[0]}**' if len(close) == 1 else 'theirs'}"
    elif others and all(apart(best, line) for line in others):
        known += f" and lies wholly above {'the other' if len(others) == 1 else 'the others'}"
    return [Point("How sure", f"{known}.")]


def _ends(line: Line) -> tuple[float | None, float | None]:
    return line.row.test_accuracy_low, line.row.test_accuracy_high


def _gap(table: Table) -> list[Point]:
    if len(table.ranked) < 2 or table.ranked[1].row.rank == 1:
        return []
    first, second = table.ranked[:2]
    lead = _accuracy(first) - _accuracy(second)
    told = f"{points(lead)} over **{second.label}**"
    if table.test_images:
        images = lead * table.test_images
        about = f"about {count(images)}" if images >= 0.95 else "less than one"
        told += f": {about} of the {count(table.test_images)} test images"
    return [Point("The lead", f"{told}.")]


def _cheap(table: Table) -> list[Point]:
    """Say what the best network among those of at most half the cost gives up."""
    if len(table.ranked) < 2:
        return []
    best, *others = table.ranked
    told = []
    same_place = len(set().union(*(line.places for line in table.ranked))) == 1
    seconds, parameters = best.row.train_seconds, best.row.parameters
    quick = next((o for o in others if seconds and (o.row.train_seconds or seconds) <= CHEAP * seconds), None)
    small = next((o for o in others if parameters and (o.row.parameters or parameters) <= CHEAP * parameters), None)
    if seconds and not same_place:
        told.append(Point("Time", "The runs were not all trained in the same place: their seconds do not compare."))
        quick = None
    elif seconds and quick is None:
        told.append(Point("Faster", f"No other network trained in less than half its time, {duration(seconds)}."))
    if quick and quick.row.train_seconds and seconds:
        also = f", and with {_share(quick, best)} of the parameters" if quick is small else ""
        told.append(
            Point(
                "Faster",
                f"**{quick.label}** trains in {duration(quick.row.train_seconds)} instead of {duration(seconds)}, "
                f"{times(seconds / quick.row.train_seconds)} as fast{also}: {_price(best, quick)}.",
            )
        )
    if small and small is not quick:
        told.append(
            Point("Smaller", f"**{small.label}** has {_share(small, best)} of the parameters: {_price(best, small)}.")
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
    told = listing([f"**{net}** {_chance(share)}" for net, share in open_ones.items()])
    rests = "other test images, not other seeds" if likely.seeds == 1 else f"from {number(likely.seeds, 'seed')}"
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


def _price(best: Line, cheap: Line) -> str:
    lost = _accuracy(best) - _accuracy(cheap)
    if lost == 0:
        return f"the same {percent(cheap.row.test_accuracy)}"
    sure = {True: "", False: " with overlapping intervals", None: " without intervals to judge it by"}
    return f"{percent(cheap.row.test_accuracy)}, {points(lost)} less{sure[apart(best, cheap)]}"


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
        found.append(f"{number(failed, 'run').capitalize()} failed: not in the means.")
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
        told = [f"**{net}** on {listing([t.data for t in won])}" for net, won in winners.items()]
        return f"No network has the highest mean everywhere: it is {'; '.join(told)}."
    net = next(iter(winners))
    clear = sum(all(apart(t.ranked[0], line) for line in t.ranked[1:]) for t in tables)
    everywhere = f"**{net}** has the highest mean on {'both' if len(tables) == 2 else f'all {len(tables)}'} data sets"
    if clear == len(tables):
        return f"{everywhere}, each time with its interval clear above all others."
    if clear == 0:
        return f"{everywhere}, but on none of them is its interval clear above all others."
    return f"{everywhere}; on {clear} of them its interval is clear above all others."


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
    return listing([f"**{name}**" for name in names])
