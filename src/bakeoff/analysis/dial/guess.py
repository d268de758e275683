"""A guess about an experiment, checked against its runs: does the lead of some networks over the others grow?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bakeoff.analysis.dial.experiment import Experiment
from bakeoff.spec.records import Result
from bakeoff.stats.intervals import mean_interval
from bakeoff.studies.tables import Turn


@dataclass(frozen=True)
class Guess:
    """A question with a guess, and what the runs say: does the lead of some networks over the others grow?"""

    asks: str
    favours: tuple[str, ...]
    others: tuple[str, ...]
    towards: float
    away: float
    """The other end of the levels."""
    lead_towards: float | None
    """Mean accuracy of the favoured networks minus that of the others, at `towards`."""
    lead_away: float | None
    growth: float | None
    """The difference of the two leads, mean over the seeds that have both ends."""
    low: float | None
    """Ends of its 95 % t interval over seeds."""
    high: float | None
    seeds: int
    verdict: str
    """borne out, contradicted, open, or why it cannot be judged."""


def judge_guess(asks: str, turn: Turn, one: Experiment) -> Guess:
    """Compare the lead of the favoured networks over the others at both ends of the levels, seed by seed."""
    levels = one.levels
    wanted = levels[-1] if turn.towards is None else turn.towards
    away = levels[0] if wanted != levels[0] else levels[-1]
    nets = [net for net in one.nets if not turn.nets or net in turn.nets]  # another question may have added more
    favoured = tuple(net for net in nets if net in turn.favours)
    others = tuple(net for net in nets if net not in turn.favours)
    both = [[one.found.get((net, level), {}) for net in (*favoured, *others)] for level in (wanted, away)]
    seeds = sorted(set.intersection(*(set(own) for end in both for own in end))) if favoured and others else []
    if wanted not in levels or wanted == away or not seeds:
        missing = "not run: it takes both kinds of networks at both ends"
        return Guess(asks, favoured, others, wanted, away, None, None, None, None, None, 0, missing)

    def lead(end: Sequence[Mapping[int, Result]], seed: int) -> float:
        accuracies = [own[seed].measures["test_accuracy"] for own in end]
        ours, theirs = accuracies[: len(favoured)], accuracies[len(favoured) :]
        return sum(ours) / len(ours) - sum(theirs) / len(theirs)

    leads = [[lead(end, seed) for seed in seeds] for end in both]
    growth = mean_interval([here - there for here, there in zip(*leads, strict=True)], within=(-2.0, 2.0))
    verdict = "open: one seed gives no interval" if growth.n == 1 else "open"
    if growth.low is not None and growth.high is not None:
        verdict = "borne out" if growth.low > 0 else "contradicted" if growth.high < 0 else "open"
    here, there = (sum(own) / len(own) for own in leads)
    ends = (growth.mean, growth.low, growth.high, growth.n)
    return Guess(asks, favoured, others, wanted, away, here, there, *ends, verdict)
