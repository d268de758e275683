"""Whether the seconds of networks may be compared, and in which unit where they may not. No torch.

Seconds are fair where all runs had the same machine and settings, the same number of neighbours and a machine of the
same speed, and nothing else took its time. Elsewhere, seconds of each run times the speed of its machine at
convolutions, which most of the training of most networks is, are comparable: the work that the machine could have done
in that time. They are given as seconds of a machine that computes convolutions at 100 GFLOP/s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bakeoff.analysis.cells import Cell
from bakeoff.analysis.machine_load import distinct_environments, is_loaded
from bakeoff.spec.records import Result
from bakeoff.text.formats import duration, listing

UNIT = 1e11
"""FLOP/s of convolutions of the machine whose seconds calibrated seconds are."""
ALIKE = 1.25
"""Two machines are equally fast if one's convolutions are at most so many times as fast as the other's."""
STEADY = 1.5
"""A calibration counts if those before and after the run differ by at most this factor."""
MOST_NAMED = 5
"""Networks that a sentence gives the times of."""
MACHINE = ("processor", "gpu", "threads")
SETTINGS = ("device", "precision", "compiled")


@dataclass(frozen=True)
class Timing:
    """How the training times of some networks compare."""

    caution: str = ""
    """Why their seconds must not be compared; empty if nothing is known against it."""
    is_calibrated: bool = False
    """Whether calibrated seconds can be compared instead."""


def judge_times(cells: Sequence[Cell]) -> Timing:
    """Say how the training times of the networks of a table compare."""
    results = [result for cell in cells for result in cell.finished]
    if len(_kinds(results, SETTINGS)) > 1 or len(_kinds(results, MACHINE)) > 1:
        alike = len(_kinds(results, SETTINGS)) == 1
        return Timing(
            "the runs were trained on different machines or settings",
            alike and not any(map(is_loaded, cells)) and all(map(convolution_rate, results)),
        )
    if loaded := [cell.label for cell in cells if is_loaded(cell)]:
        return Timing(f"the machine had other work while {listing(loaded, 4)} trained")
    if speeds := unlike_speeds(cells):
        low, high = speeds
        caution = f"the machine computed convolutions at {low / 1e9:,.0f} to {high / 1e9:,.0f} GFLOP/s beside them"
        return Timing(caution, all(map(_rate_of, cells)))
    return Timing()


def unlike_speeds(cells: Sequence[Cell]) -> tuple[float, float] | None:
    """Return the lowest and highest FLOP/s of convolutions beside networks; None if the machine was equally fast."""
    rates = [rate for cell in cells if (rate := _rate_of(cell))]
    return (min(rates), max(rates)) if rates and max(rates) > ALIKE * min(rates) else None


def calibrated_seconds(cell: Cell) -> float | None:
    """Return the median calibrated training time over seeds; None unless all finished runs were calibrated."""
    pairs = [(result.measures.get("train_seconds"), convolution_rate(result)) for result in cell.finished]
    known = [seconds * rate / UNIT for seconds, rate in pairs if seconds is not None and rate is not None]
    return median(known) if known and len(known) == len(pairs) else None


def describe_calibrated(seconds: Mapping[str, float]) -> str:
    """Say, behind a caution, how long networks would train on equal machines, by their calibrated seconds."""
    if len(seconds) < 2:
        return ""
    listed = listing([f"{net} {duration(own)}" for net, own in seconds.items()], MOST_NAMED)
    return f"; on a machine that computes convolutions at {UNIT / 1e9:.0f} GFLOP/s, about {listed}"


def convolution_rate(result: Result) -> float | None:
    """Return the FLOP/s of convolutions beside a run; None if not measured, or if it changed during the run."""
    names = (f"calibration_{when}_convolution_flops_per_second" for when in ("before", "after"))
    rates = [result.measures[name] for name in names if name in result.measures]
    if len(rates) < 2 or max(rates) > STEADY * min(rates):
        return None
    return fmean(rates)


def _rate_of(cell: Cell) -> float | None:
    rates = [rate for result in cell.finished if (rate := convolution_rate(result))]
    return median(rates) if rates else None


def _kinds(results: Sequence[Result], names: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(str(r.conditions(name)) for name in names) for r in distinct_environments(results)}
