"""Whether the times of a network can be compared: not if its machine had other work. No torch."""

from collections.abc import Iterable, Sequence

from bakeoff.analysis.cells import Cell
from bakeoff.spec.records import Result

LOADED = 1.5
"""A cell is uneven if its fastest epoch is this many times as fast as the slowest."""
WAITED = 0.1
"""Share of the training time in which a run's threads waited for a CPU."""


def is_loaded(cell: Cell) -> bool:
    """Return whether the machine had other work while a network was trained on it."""
    return any(waited(result) is not None for result in cell.finished) or is_uneven(epoch_speeds(cell))


def waited(result: Result) -> dict[str, float] | None:
    """Return how much a run had to share the CPUs, None if it did not or if this is unknown.

    All threads of the process are counted, also those that load images or write the store: together they may wait for
    longer than the training takes. Then the share is 1.
    """
    waiting, others = (result.measures.get(f"{name}_seconds") for name in ("waiting", "other_processor"))
    seconds = result.measures.get("train_seconds", 0.0)
    if waiting is None or others is None or seconds <= 0:
        return None
    share = min(1.0, waiting / seconds / result.environment.get("threads", 1))
    if share < WAITED:
        return None
    return {"share_waited": share, "others": others / seconds, "cores": float(result.environment.get("cores", 1))}


def epoch_speeds(cell: Cell) -> list[float]:
    """Return the images per second of the epochs on the machine of the first seed, without warm-up epochs."""
    first = cell.finished[0] if cell.finished else None
    return [
        epoch.images_per_second
        for result in cell.finished
        if first and (result.environment is first.environment or _machine(result) == _machine(first))
        for epoch in result.epochs[1:]  # the first warms up
        if epoch.images_per_second > 0
    ]


def is_uneven(speeds: Sequence[float]) -> bool:
    """Return whether the speeds of epochs on one machine differ so much that it must have had other work."""
    return len(speeds) > 1 and max(speeds) >= LOADED * min(speeds)


def _machine(result: Result) -> tuple[object, ...]:
    return tuple(result.conditions(name) for name in ("processor", "device", "gpu", "threads", "cores"))


def distinct_environments(results: Iterable[Result]) -> list[Result]:
    """Return the first result of each environment: those of a store share them, as it keeps each once."""
    found: dict[int, Result] = {}
    for result in results:
        found.setdefault(id(result.environment), result)
    return list(found.values())
