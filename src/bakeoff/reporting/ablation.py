"""Tables of what each change of an ablation gains."""

from collections.abc import Sequence
from itertools import groupby

from bakeoff.analysis.ablation import Ablation, Gain
from bakeoff.reporting.text_table import Footnotes, TextTable
from bakeoff.text.formats import counted, percent, signed_points, spread

RULE = (
    "Gains in points of test accuracy ± their 95\u202f% t intervals, from differences paired by seed. A change "
    "gains or loses if its interval excludes zero, and is unclear otherwise; of changes without any effect, 1 in "
    "20 appears to have one by chance. Added alone: compared with the network and recipe without any change. Taken out "
    "alone: the loss when all other changes stay."
)


def gain_tables(ablation: Ablation, gains: Sequence[Gain]) -> list[TextTable]:
    """Return one table per data set."""
    return [_table(ablation, data, list(lines)) for data, lines in groupby(gains, key=lambda gain: gain.data)]


def _table(ablation: Ablation, data: str, gains: Sequence[Gain]) -> TextTable:
    notes = Footnotes()
    by_change: dict[str, dict[str, Gain]] = {}
    for gain in gains:
        by_change.setdefault(gain.change, {})[gain.how] = gain
    rows = []
    for name, ways in by_change.items():
        first = next(iter(ways.values()))
        marks = notes.refer([text for text in dict.fromkeys((first.what, *(g.reason for g in ways.values()))) if text])
        added, taken = ways.get("added alone") or ways["together"], ways.get("taken out alone")
        rows.append((f"{name}{marks}", *_cells(added), *(_cells(taken) if taken else ("", ""))))
    total = next(gain for gain in gains if gain.how == "together")
    ends = f"from {ablation.base} {_mean(total.without_it)} to {ablation.target} {_mean(total.with_it)}"
    seeds = sorted({gain.seeds for gain in gains})
    over = counted(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    columns = (("change", False), ("added alone", True), ("", False), ("taken out alone", True), ("", False))
    return TextTable(f"{data}: {ends}, {over}", columns, tuple(rows), notes.lines())


def _cells(gain: Gain) -> tuple[str, str]:
    if gain.gain is None:
        return "–", gain.verdict
    verdict = {"cannot tell": "unclear", "one seed: cannot tell": "one seed"}.get(gain.verdict, gain.verdict)
    return f"{signed_points(gain.gain)}{spread(gain.gain, gain.low, gain.high)}", verdict


def _mean(accuracy: float | None) -> str:
    return "not run" if accuracy is None else percent(accuracy)
