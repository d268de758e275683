"""Printing how a race of two networks ended."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.console.terminal import Console, echo_json

if TYPE_CHECKING:
    from bakeoff.analysis.race import Race
    from bakeoff.execution.plan import Plan
    from bakeoff.spec.records import Result, Unreadable


def print_settled(
    race: "Race",
    plan: "Plan",
    store: Path,
    results: "Sequence[Result]",
    as_json: bool,
    unreadable: "Sequence[Unreadable]" = (),
) -> None:
    """Print the ranking, and how the race ended."""
    from bakeoff.analysis.race import race_results
    from bakeoff.analysis.shared_ranks import rank_and_audit
    from bakeoff.cli.results import print_results
    from bakeoff.console.race import print_race_results
    from bakeoff.reporting.severity import add_findings
    from bakeoff.store.store import Store

    ended = race_results(race, plan, store)
    if as_json:
        with Store(store) as opened:
            ranking = [asdict(row) for row in add_findings(*rank_and_audit(opened, results, unreadable=unreadable))]
        record = {"ranking": ranking, "settled": [asdict(one) for one in ended]}
        return echo_json(record)
    with Store(store) as opened:
        print_results(results, "table", opened, unreadable=unreadable)
    console = Console()
    print_race_results(ended, console)
    console.print("95 % intervals over seeds and test images, valid under continuous monitoring", style="dim")
    if any(one.verdict == "open" for one in ended):
        console.print(f"To continue: the same command with --max-seeds {2 * race.max_seeds}", highlight=False)
    return None
