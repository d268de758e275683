"""Which trainings of a store's contests are not needed to continue them. No torch."""

from collections.abc import Iterable
from pathlib import Path

from bakeoff.analysis.cells import plain_name
from bakeoff.analysis.pick.contest import MAX_SEEDS
from bakeoff.analysis.pick.record import ContestRecord, read_records
from bakeoff.analysis.pick.standing import PickedNetwork
from bakeoff.spec.records import Result

GONE = ("left", "failed")
"""States of candidates that are not trained any more."""


def settled_trainings(store: Path, results: Iterable[Result]) -> set[str]:
    """Return the ids of trainings whose candidate was dropped from its contest, or whose contest is finished.

    A training that another contest in the store can continue is not among them.
    """
    known = {result.id: result for result in results}
    settled: set[str] = set()
    alive: set[str] = set()
    for record in read_records(store):
        for run_id in record.runs:
            if run_id in known:
                (settled if _is_settled(known[run_id], record) else alive).add(run_id)
    return settled - alive


def _is_settled(result: Result, record: ContestRecord) -> bool:
    standings = record.pick.standings
    if all(one.state in GONE or _is_complete(one) for one in standings):
        return True
    treatment = result.run.net, plain_name(result.run.recipe.name)
    own = [one for one in standings if (one.net, plain_name(one.recipe)) == treatment]
    return bool(own) and all(one.state in GONE for one in own)


def _is_complete(one: PickedNetwork) -> bool:
    return one.epochs == one.full_epochs and one.seeds >= MAX_SEEDS
