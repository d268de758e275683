"""What the candidates of a contest have cost so far, over all its commands. No torch."""

from collections import defaultdict
from collections.abc import Iterable

from bakeoff.analysis.pick.candidates import Lineup
from bakeoff.analysis.pick.record import ContestRecord
from bakeoff.spec.records import Epoch, Result


def seconds_before(lineup: Lineup, results: Iterable[Result], record: ContestRecord | None) -> dict[int, float]:
    """Return the seconds that earlier commands spent on each candidate, by its number.

    The record lacks commands that were killed, and the store lacks the time that trainings take besides their epochs,
    so the larger of the two counts.

    Args:
        lineup: the candidates.
        results: their trainings in the store.
        record: of the contest, if it was held before.
    """
    trainings: dict[tuple[int, int], list[list[Epoch]]] = defaultdict(list)
    for result in results:
        step = lineup.steps[result.id]
        trainings[step.candidate, step.seed].append(list(result.epochs))
    found: dict[int, float] = defaultdict(float)
    for (candidate, _), several in trainings.items():
        found[candidate] += _trained_seconds(several)
    noted = {one.name: one.seconds for one in record.pick.standings} if record else {}
    return {
        number: max(found[number], noted.get(entry.candidate.name, 0.0)) for number, entry in enumerate(lineup.entries)
    }


def _trained_seconds(trainings: list[list[Epoch]]) -> float:
    """Return the seconds of all epochs of a candidate's trainings with one seed: longer ones have those of shorter."""
    seconds, before = 0.0, list[Epoch]()
    for epochs in sorted(trainings, key=len):
        resumed = sum(one in before for one in epochs)
        seconds += sum(epoch.train_seconds + epoch.evaluation_seconds for epoch in epochs[resumed:])
        before = epochs
    return seconds
