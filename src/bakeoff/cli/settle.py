"""Following a race of two networks in the terminal."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.console.terminal import Console, echo_json, escape

if TYPE_CHECKING:
    from bakeoff.analysis.race import Race, Settled
    from bakeoff.execution.plan import Plan
    from bakeoff.execution.worker import Placement
    from bakeoff.spec.records import Result, Unreadable


def follow_race(
    race: "Race",
    plan: "Plan",
    store: Path,
    placement: "Placement",
    console: "Console",
    *,
    command: str,
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
) -> dict[str, int]:
    """Train round by round until the race is over, drawing what happens, and return how many events there were."""
    from bakeoff.analysis.race import rounds
    from bakeoff.console.live import follow
    from bakeoff.execution import session

    counts: Counter[str] = Counter()
    again = {"retry_failed": retry_failed, "restart": restart}
    for number, part in enumerate(rounds(race, plan, store, placement.workers, **again), start=1):
        tell_standings(part.standings, console)
        if part.standings:
            seeds = sorted({run.seed for run in part.plan.runs})
            console.print(f"Round {number}: seed {', '.join(map(str, seeds))}", style="bold")
        events = session.start(part.plan, store, placement, command=command, fail_fast=fail_fast, **again)
        with closing(events):
            counts.update(follow(events, part.plan.runs, placement.workers, console))
        if fail_fast and counts["failed"]:
            break
    return counts


def tell_standings(standings: "Sequence[Settled]", console: "Console") -> None:
    """Print where the race stands, a line for each data set."""
    for standing in standings:
        console.print(escape(standing.said), highlight=False, soft_wrap=True)


def print_settled(
    race: "Race",
    plan: "Plan",
    store: Path,
    results: "Sequence[Result]",
    as_json: bool,
    unreadable: "Sequence[Unreadable]" = (),
) -> None:
    """Print the ranking, and how the race ended."""

    from bakeoff.analysis.race import standings
    from bakeoff.analysis.ranking import rank
    from bakeoff.cli.results import findings_about, print_results
    from bakeoff.reporting.severity import audited

    ended = standings(race, plan, store)
    if as_json:
        rows = rank(results, unreadable=unreadable)
        ranking = [asdict(row) for row in audited(rows, findings_about(rows, store))]
        told = {"ranking": ranking, "settled": [asdict(one) for one in ended]}
        return echo_json(told)
    print_results(results, "table", store, unreadable=unreadable)
    console = Console()
    tell_standings(ended, console)
    console.print("95 % intervals over seeds and test images, which hold however often one looks", style="dim")
    if any(one.verdict == "open" for one in ended):
        console.print(f"To go on: the same command with --max-seeds {2 * race.max_seeds}", highlight=False)
    return None
