"""What --dry-run prints."""

from bakeoff.cli.tables import print_table, to_rich
from bakeoff.console.estimate import Estimate
from bakeoff.console.race import print_race_results
from bakeoff.console.terminal import Console, echo_json


def print_estimate(estimate: Estimate, as_json: bool) -> None:
    """Print the cells of a plan, how many runs are left, and about how long they will take; with a race, an upper
    limit."""
    if as_json:
        return echo_json(estimate.to_dict())
    console = Console()
    print_table(console, to_rich(estimate.table()))
    console.print()
    for sentence in estimate.sentences():
        console.print(sentence, markup=False, highlight=False)
    for warning in estimate.warnings:
        console.print(warning, style="yellow", markup=False, highlight=False)
    for sentence in estimate.advice():
        console.print(sentence, markup=False, highlight=False)
    print_race_results(estimate.settled, console)
    return None
