"""Response curves of dial experiments: sentences, tables, and input of the chart on the page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import Any

from bakeoff.analysis.dial.crossing import Crossing
from bakeoff.analysis.dial.guess import Guess
from bakeoff.analysis.dial.response import Fall, Point, Response
from bakeoff.data.graded import format_level
from bakeoff.reporting.text_table import TextTable
from bakeoff.text.formats import bracket, counted, hundredfold, listing, percent, signed_points, spread

RULE = (
    "Test accuracy in percent ± its 95\u202f% t interval over seeds, or [from, to] where the interval is cut at 0 or "
    "100. Leads are differences paired by seed and test image, significant at 5\u202f% after Holm's correction for all "
    "pairs and levels; with a single seed, none is. Chance is the share of the most common class. A network degrades "
    "where it keeps less than half of its accuracy above chance at the first level. Levels are treated as independent, "
    "although they share seeds and images."
)
NO_ROOM = 0.05
"""Fraction of the range from chance to 1. Below it, or within half of it from the top, no network can lead by much."""
LIKELY = 0.95
"""Probability from which a change of order is called likely on its own."""
MOST_UNSHOWN = 3
"""Changes of order within chance that are listed one by one."""


@dataclass(frozen=True)
class DialRow:
    """One network at one level. The field names are the columns of the CSV and must not change."""

    data: str
    turn: str
    recipe: str
    net: str
    level: float
    chance: float
    test_accuracy: float
    low: float | None
    high: float | None
    seeds: int


def list_points(responses: Iterable[Response]) -> list[DialRow]:
    """Return every point of every curve."""
    return [
        DialRow(
            one.data,
            one.turn,
            one.recipe,
            curve.net,
            point.level,
            dict(zip(one.levels, one.chance, strict=True))[point.level],
            point.accuracy,
            point.low,
            point.high,
            point.seeds,
        )
        for one in responses
        for curve in one.curves
        for point in curve.points
    ]


def name_experiment(one: Response) -> str:
    """Name an experiment."""
    return f"{one.data}: {one.turn}"


def tabulate_response(one: Response) -> TextTable:
    """Return a table of networks by levels."""
    by_net = {curve.net: {point.level: point for point in curve.points} for curve in one.curves}
    lines = [(net, *(_format_point(own.get(level)) for level in one.levels)) for net, own in by_net.items()]
    chance = ("chance", *(hundredfold(share, 1) for share in one.chance))
    columns = (("network", False), *((format_level(level), True) for level in one.levels))
    return TextTable(name_experiment(one), columns, (*lines, chance))


def _format_point(point: Point | None) -> str:
    if point is None:
        return "–"
    return f"{hundredfold(point.accuracy, 2)}{spread(point.accuracy, point.low, point.high)}"


def describe_response(one: Response) -> list[str]:
    """Describe the curves in sentences."""
    sentences = [f"{one.turn[0].upper()}{one.turn[1:]}: {one.about}. Recipe {one.recipe}."]
    sentences += [
        *(describe_guess(guess, one) for guess in one.guesses),
        *_describe_leaders(one),
        *_describe_falls(one),
        *_describe_crossings(one),
    ]
    if one.finished < one.planned:
        sentences.append(f"Partial: {one.finished} of {counted(one.planned, 'run')} finished.")
    return sentences


def describe_guess(guess: Guess, one: Response) -> str:
    """Answer the question of a guess."""
    if guess.growth is None or guess.lead_away is None or guess.lead_towards is None:
        return f"{guess.asks} {guess.verdict.capitalize()}."
    who = f"the lead of {listing(guess.favours, None)} over {listing(guess.others, None)}"
    change = f"{signed_points(guess.growth)} points{bracket(guess.low, guess.high)}"
    seeds = counted(guess.seeds, "seed")
    return (
        f"{guess.asks} {guess.verdict[0].upper()}{guess.verdict[1:]}: from {one.turn} {format_level(guess.away)} to "
        f"{format_level(guess.towards)} {who} goes from {signed_points(guess.lead_away)} to "
        f"{signed_points(guess.lead_towards)} points, {change} ({seeds}).{_check_room(guess, one)}"
    )


def _check_room(guess: Guess, one: Response) -> str:
    """Warn if all networks are near chance or near perfect at one end: neither leaves room for a lead."""
    nets = {*guess.favours, *guess.others}
    for level, chance in zip(one.levels, one.chance, strict=True):
        if level not in (guess.away, guess.towards):
            continue
        here = [p.accuracy for curve in one.curves if curve.net in nets for p in curve.points if p.level == level]
        above = [(accuracy - chance) / (1 - chance) if chance < 1 else 0.0 for accuracy in here]
        if here and max(above) < NO_ROOM:
            return (
                f" But at {one.turn} {format_level(level)} no network is much above chance, so none can lead by much."
            )
        if here and min(above) > 1 - NO_ROOM / 2:
            return (
                f" But at {one.turn} {format_level(level)} all networks are nearly perfect, so none can lead by much."
            )
    return ""


def _describe_leaders(one: Response) -> Iterator[str]:
    """Describe the leader at each level, joining neighbouring levels with the same result."""
    contested = [ahead for ahead in one.ahead if ahead.clear_of or ahead.not_clear_of]
    for (net, unclear), own in groupby(contested, lambda ahead: (ahead.net, ahead.not_clear_of)):
        at = f"At {one.turn} {_format_levels([ahead.level for ahead in own])} {net}"
        if unclear:
            yield f"{at} has the best mean, but is not significantly better than {listing(unclear, None)}."
        else:
            yield f"{at} is significantly ahead of all others."


def _describe_falls(one: Response) -> Iterator[str]:
    """Say where networks degrade, grouping those that degrade between the same levels."""
    fallen = [fall for fall in one.falls if fall.level is not None]
    for (before, level, sure), own in groupby(sorted(fallen, key=partial(_sort_key, one)), _group_key):
        nets = [fall.net for fall in own]
        verb = "degrades" if len(nets) == 1 else "degrade"
        between = f"between {one.turn} {format_level(before or 0)} and {format_level(level or 0)}"
        unsure = f" (not certain by {'its interval' if len(nets) == 1 else 'their intervals'})"
        yield f"{listing(_name_families(nets, one.falls), None)} {verb} {between}{'' if sure else unsure}."
    if kept := [fall for fall in one.falls if fall.level is None]:
        least = min(fall.least for fall in kept)
        names = listing(_name_families([fall.net for fall in kept], one.falls), None)
        who = f"{names} {'keeps' if len(kept) == 1 else 'keep'}"
        much = "all" if least > 0.995 else f"at least {percent(least, 0)}"
        yield f"{who} {much} of {'its' if len(kept) == 1 else 'their'} accuracy above chance at all levels."


def _group_key(fall: Fall) -> tuple[float | None, float | None, bool]:
    return fall.before, fall.level, fall.sure


def _sort_key(one: Response, fall: Fall) -> tuple[int, bool, float]:
    return one.levels.index(fall.level or 0.0), not fall.sure, fall.before or 0.0


def _name_families(nets: Sequence[str], falls: Sequence[Fall]) -> list[str]:
    """Name networks, replacing complete families of several networks by the name of the family."""
    members: dict[str, list[str]] = {}
    for fall in falls:
        members.setdefault(fall.family, []).append(fall.net)
    whole = {name: own for name, own in members.items() if len(own) > 1 and set(own) <= set(nets)}
    in_families = {net for own in whole.values() for net in own}
    families = [f"the {name} family ({', '.join(own)})" for name, own in whole.items()]
    return [*(net for net in nets if net not in in_families), *families]


def _describe_crossings(one: Response) -> Iterator[str]:
    for crossing in (crossing for crossing in one.crossings if crossing.shown):
        yield _describe_crossing(crossing, one.turn)
    unshown = [crossing for crossing in one.crossings if not crossing.shown]
    for crossing in unshown[:MOST_UNSHOWN]:
        yield _describe_crossing(crossing, one.turn)
    if (more := len(unshown) - MOST_UNSHOWN) > 0:
        yield f"{more} more {'pair changes' if more == 1 else 'pairs change'} order within chance."


def _describe_crossing(crossing: Crossing, turn: str) -> str:
    ends = f"between {turn} {format_level(crossing.before)} and {format_level(crossing.after)}"
    if crossing.place is not None and crossing.low is not None and crossing.high is not None:
        near = f"near {crossing.place:.3g} [{crossing.low:.3g}, {crossing.high:.3g}]"
        return (
            f"The curves of {crossing.first} and {crossing.second} cross {ends}, {near}: "
            f"{crossing.first} is significantly ahead before it, {crossing.second} after it."
        )
    order = f"The means of {crossing.first} and {crossing.second} change order {ends}"
    if crossing.seeds == 1:
        return f"{order}; with a single seed this cannot be tested."
    if crossing.probability >= LIKELY:
        return f"{order}: likely on its own, but not significant after correction."
    return f"{order}, within chance (P {crossing.probability:.2f})."


def _format_levels(levels: Sequence[float]) -> str:
    return format_level(levels[0]) if len(levels) == 1 else f"{format_level(levels[0])} to {format_level(levels[-1])}"


@dataclass(frozen=True)
class ExperimentView:
    """What the page shows of an experiment."""

    title: str
    table: TextTable
    sentences: tuple[str, ...]
    payload: dict[str, Any]
    """Input of the chart."""


def view_experiments(responses: Iterable[Response]) -> list[ExperimentView]:
    """Return what the page shows of each experiment."""
    return [
        ExperimentView(name_experiment(one), tabulate_response(one), tuple(describe_response(one)), _payload(one))
        for one in responses
    ]


def _payload(one: Response) -> dict[str, Any]:
    return {
        "title": name_experiment(one),
        "turn": one.turn,
        "about": one.about,
        "geometric": one.is_geometric,
        "levels": one.levels,
        "chance": one.chance,
        "curves": [asdict(curve) for curve in one.curves],
    }
