"""Response curves in words, as tables, for the page's chart and as a figure: never more certain than the numbers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.dial.crossing import Crossing
from bakeoff.analysis.dial.guess import Guess
from bakeoff.analysis.dial.response import Fall, Point, Response
from bakeoff.data.graded import tell_level
from bakeoff.reporting.text_table import TextTable
from bakeoff.text.formats import bracket, counted, listing, percent, signed_points, spread
from bakeoff.text.safe import in_a_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RULE = (
    "Test accuracy in percent ± its 95 % t interval over seeds, or [from, to] where it ends at 0 or 100. Leads are "
    "differences paired by seed and test image, "
    "significant at 5 % after Holm's correction for all pairs and levels; of one seed none is. Chance is the share of "
    "the commonest class. A network falls apart where it keeps less than half of what it was above chance at the first "
    "level. Levels are taken as independent, although they share seeds and images."
)
NO_ROOM = 0.05
"""Of what there is between chance and perfection: networks that have less, or lack half of it, cannot lead by much."""
LIKELY = 0.95
"""From here on a change of order is called likely taken alone."""
MOST_UNSHOWN = 3
"""Changes of order that are not shown to be more than chance and are named one by one."""


@dataclass(frozen=True)
class Row:
    """One network at one level. The field names are the keys of the CSV: they stay."""

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


def rows(responses: Iterable[Response]) -> list[Row]:
    """Return every point of every curve."""
    return [
        Row(
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


def title(one: Response) -> str:
    """Name an experiment."""
    return f"{one.data}: {one.turn} turned"


def table(one: Response) -> TextTable:
    """Return networks by levels."""
    by_net = {curve.net: {point.level: point for point in curve.points} for curve in one.curves}
    lines = [(net, *(_cell(own.get(level)) for level in one.levels)) for net, own in by_net.items()]
    chance = ("chance", *(f"{100 * share:.1f}" for share in one.chance))
    columns = (("network", False), *((tell_level(level), True) for level in one.levels))
    return TextTable(title(one), columns, (*lines, chance))


def _cell(point: Point | None) -> str:
    if point is None:
        return "–"
    return f"{100 * point.accuracy:.2f}{spread(point.accuracy, point.low, point.high)}"


def said(one: Response) -> list[str]:
    """Say what may be read off the curves."""
    told = [f"{one.turn[0].upper()}{one.turn[1:]}: {one.about}. Recipe {one.recipe}."]
    told += [*(tell_guess(guess, one) for guess in one.guesses), *_leaders(one), *_falls(one), *_crossings(one)]
    if one.finished < one.planned:
        told.append(f"Partial: {one.finished} of {counted(one.planned, 'run')} finished.")
    return told


def tell_guess(guess: Guess, one: Response) -> str:
    """Answer a question that came with a guess."""
    if guess.growth is None or guess.lead_away is None or guess.lead_towards is None:
        return f"{guess.asks} {guess.verdict.capitalize()}."
    who = f"the lead of {listing(guess.favours, None)} over {listing(guess.others, None)}"
    change = f"{signed_points(guess.growth)} points{bracket(guess.low, guess.high)}"
    return (
        f"{guess.asks} {guess.verdict[0].upper()}{guess.verdict[1:]}: from {one.turn} {tell_level(guess.away)} to "
        f"{tell_level(guess.towards)} {who} goes from {signed_points(guess.lead_away)} to "
        f"{signed_points(guess.lead_towards)} points, {change} ({counted(guess.seeds, 'seed')}).{_room(guess, one)}"
    )


def _room(guess: Guess, one: Response) -> str:
    """Say where one end leaves no room for a lead: the answer is then about that as much as about the guess."""
    nets = {*guess.favours, *guess.others}
    for level, chance in zip(one.levels, one.chance, strict=True):
        if level not in (guess.away, guess.towards):
            continue
        here = [p.accuracy for curve in one.curves if curve.net in nets for p in curve.points if p.level == level]
        above = [(accuracy - chance) / (1 - chance) if chance < 1 else 0.0 for accuracy in here]
        if here and max(above) < NO_ROOM:
            return (
                f" But at {one.turn} {tell_level(level)} no network is much above chance, which leaves no room to lead."
            )
        if here and min(above) > 1 - NO_ROOM / 2:
            return f" But at {one.turn} {tell_level(level)} all are nearly perfect, which leaves little room to lead."
    return ""


def _leaders(one: Response) -> Iterator[str]:
    """Group neighbouring levels at which the same is true."""
    contested = [ahead for ahead in one.ahead if ahead.clear_of or ahead.not_clear_of]
    for (net, unclear), own in groupby(contested, lambda ahead: (ahead.net, ahead.not_clear_of)):
        at = f"At {one.turn} {_levels([ahead.level for ahead in own])} {net}"
        if unclear:
            yield f"{at} has the highest mean, not significantly above {listing(unclear, None)}."
        else:
            yield f"{at} is significantly ahead of all others."


def _falls(one: Response) -> Iterator[str]:
    """Say where networks fall apart, those that do so at the same place together."""
    fallen = [fall for fall in one.falls if fall.level is not None]
    for (before, level, sure), own in groupby(sorted(fallen, key=partial(_place, one)), _where):
        nets = [fall.net for fall in own]
        verb = "falls apart" if len(nets) == 1 else "fall apart"
        between = f"between {one.turn} {tell_level(before or 0)} and {tell_level(level or 0)}"
        unsure = f" ({'its interval does' if len(nets) == 1 else 'their intervals do'} not leave this sure)"
        yield f"{listing(_families(nets, one.falls), None)} {verb} {between}{'' if sure else unsure}."
    if kept := [fall for fall in one.falls if fall.level is None]:
        least = min(fall.least for fall in kept)
        names = listing(_families([fall.net for fall in kept], one.falls), None)
        who = f"{names} {'keeps' if len(kept) == 1 else 'keep'}"
        much = "all" if least > 0.995 else f"at least {percent(least, 0)}"
        yield f"{who} {much} of what {'it' if len(kept) == 1 else 'they'} had above chance, at all levels."


def _where(fall: Fall) -> tuple[float | None, float | None, bool]:
    return fall.before, fall.level, fall.sure


def _place(one: Response, fall: Fall) -> tuple[int, bool, float]:
    return one.levels.index(fall.level or 0.0), not fall.sure, fall.before or 0.0


def _families(nets: Sequence[str], falls: Sequence[Fall]) -> list[str]:
    """Name networks; a family of several, all of whose networks are among them, by its own name."""
    members: dict[str, list[str]] = {}
    for fall in falls:
        members.setdefault(fall.family, []).append(fall.net)
    whole = {name: own for name, own in members.items() if len(own) > 1 and set(own) <= set(nets)}
    in_families = {net for own in whole.values() for net in own}
    told = [f"the {name} family ({', '.join(own)})" for name, own in whole.items()]
    return [*(net for net in nets if net not in in_families), *told]


def _crossings(one: Response) -> Iterator[str]:
    for crossing in (crossing for crossing in one.crossings if crossing.shown):
        yield _crossing(crossing, one.turn)
    unshown = [crossing for crossing in one.crossings if not crossing.shown]
    for crossing in unshown[:MOST_UNSHOWN]:
        yield _crossing(crossing, one.turn)
    if (more := len(unshown) - MOST_UNSHOWN) > 0:
        yield f"{more} more {'pair changes' if more == 1 else 'pairs change'} order without this being shown."


def _crossing(crossing: Crossing, turn: str) -> str:
    ends = f"between {turn} {tell_level(crossing.before)} and {tell_level(crossing.after)}"
    if crossing.place is not None and crossing.low is not None and crossing.high is not None:
        near = f"near {crossing.place:.3g} [{crossing.low:.3g}, {crossing.high:.3g}]"
        return (
            f"The curves of {crossing.first} and {crossing.second} cross {ends}, {near}: "
            f"{crossing.first} is significantly ahead at the one, {crossing.second} at the other."
        )
    order = f"The means of {crossing.first} and {crossing.second} change order {ends}"
    if crossing.seeds == 1:
        return f"{order}; one seed does not show that another would do so."
    if crossing.probability >= LIKELY:
        return f"{order}: likely taken alone, not significant among so many comparisons."
    return f"{order}, which is not shown to be more than chance (P {crossing.probability:.2f})."


def _levels(levels: Sequence[float]) -> str:
    return tell_level(levels[0]) if len(levels) == 1 else f"{tell_level(levels[0])} to {tell_level(levels[-1])}"


@dataclass(frozen=True)
class Shown:
    """An experiment on the page."""

    title: str
    table: TextTable
    said: tuple[str, ...]
    payload: dict[str, Any]
    """What the chart draws from."""


def shown(responses: Iterable[Response]) -> list[Shown]:
    """Return what the page shows of experiments."""
    return [Shown(title(one), table(one), tuple(said(one)), _payload(one)) for one in responses]


def _payload(one: Response) -> dict[str, Any]:
    return {
        "title": title(one),
        "turn": one.turn,
        "about": one.about,
        "geometric": one.is_geometric,
        "levels": one.levels,
        "chance": one.chance,
        "curves": [asdict(curve) for curve in one.curves],
    }


def draw_response(axes: "Axes", one: Response, colours: Sequence[str]) -> None:
    """Draw the curves of an experiment with their intervals, chance below them."""
    for number, curve in enumerate(one.curves):
        colour = colours[number % len(colours)]
        x, y = [p.level for p in curve.points], [100 * p.accuracy for p in curve.points]
        axes.plot(x, y, "o-", color=colour, markersize=3.5, linewidth=1.3, label=in_a_figure(curve.net))
        known = [(p.level, p.low, p.high) for p in curve.points if p.low is not None and p.high is not None]
        if known:
            levels, lows, highs = zip(*known, strict=True)
            low, high = [100 * max(0.0, end) for end in lows], [100 * min(1.0, end) for end in highs]
            axes.fill_between(levels, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.plot(one.levels, [100 * share for share in one.chance], ":", color="#66635c", linewidth=1, label="chance")
    if one.is_geometric:
        axes.set_xscale("log")
    axes.set_xticks(one.levels, [tell_level(level) for level in one.levels])
    axes.minorticks_off()
    axes.set_xlim(one.levels[0], one.levels[-1])
    axes.margins(x=0.04)
    axes.set_xlabel(in_a_figure(f"{one.turn}: {one.about}"))
    axes.set_ylabel("Test accuracy (%)")
    axes.set_title(in_a_figure(f"{one.data}, recipe {one.recipe}"), loc="left", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7.5)
