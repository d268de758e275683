"""The trainings of a contest (`bakeoff pick`) that were evaluated on validation images only, and never tested."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.reporting.model import Table


@dataclass(frozen=True)
class ContestTraining:
    """A network trained for some epochs with one seed."""

    data: str
    net: str
    epochs: int
    seed: int
    validation_accuracy: float | None
    """After the last epoch."""
    train_seconds: float
    """Seconds of all its epochs, including those taken over from a shorter training."""


def split_contest(tables: Sequence[Table]) -> tuple[tuple[Table, ...], tuple[Table, ...]]:
    """Return the tables to rank, and those with only untested runs; if there are no others, all are ranked."""
    untested = tuple(table for table in tables if all(result.is_untested for result in table.results))
    others = tuple(table for table in tables if table not in untested)
    return (others, untested) if others else (tuple(tables), ())


def list_trainings(tables: Sequence[Table]) -> list[ContestTraining]:
    """Return the untested runs of tables, the longest training and the best validation accuracy first."""
    found = [
        ContestTraining(
            table.data,
            result.run.net,
            len(result.epochs),
            result.run.seed,
            result.epochs[-1].validation_accuracy,
            sum(epoch.train_seconds for epoch in result.epochs),
        )
        for table in tables
        for result in table.results
        if result.is_untested
    ]
    return sorted(found, key=lambda one: (one.data, -one.epochs, -(one.validation_accuracy or 0.0)))
