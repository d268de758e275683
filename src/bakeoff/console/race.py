"""Shows a race of two networks while it runs."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from bakeoff.analysis.race import Race, RaceResult, rounds
from bakeoff.console.live import follow
from bakeoff.console.terminal import Console, escape
from bakeoff.execution import session
from bakeoff.execution.options import RunOptions
from bakeoff.execution.plan import Plan
from bakeoff.execution.worker import Placement


def follow_race(race: Race, plan: Plan, options: RunOptions, placement: Placement, console: Console) -> dict[str, int]:
    """Train round by round until the race is over, drawing what happens, and return how many events there were."""
    counts: Counter[str] = Counter()
    again = {"retry_failed": options.retry_failed, "restart": options.restart}
    for number, part in enumerate(rounds(race, plan, options.store, placement.workers, **again), start=1):
        print_race_results(part.results, console)
        if part.results:
            seeds = sorted({run.seed for run in part.plan.runs})
            console.print(f"Round {number}: seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}", style="bold")
        with closing(session.start(part.plan, options, placement)) as events:
            counts.update(follow(events, part.plan.runs, placement.workers, console))
        if options.fail_fast and counts["failed"]:
            break
    return counts


def print_race_results(standings: Sequence[RaceResult], console: Console) -> None:
    """Print where the race stands, a line for each data set."""
    for standing in standings:
        console.print(escape(standing.sentence), highlight=False, soft_wrap=True)
