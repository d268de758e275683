"""A run in the form that trackers get: settings, curves and results as flat names and values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bakeoff.spec.overrides import flatten
from bakeoff.spec.records import Epoch, Result
from bakeoff.spec.values import digest, to_dict

FINISHED = ("done", "failed")
"""States of the runs that are mirrored."""


@dataclass(frozen=True)
class TrackedRun:
    """A finished run in the form that trackers get."""

    id: str
    name: str
    """Network, recipe and seed, for people."""
    data: str
    """Name of the data set in tables: runs on the same one belong together."""
    is_done: bool
    """False for a run that failed."""
    settings: Mapping[str, Any]
    """By dotted name: `recipe.optimizer.lr`."""
    epochs: tuple[Epoch, ...]
    measures: Mapping[str, float]
    failure: str
    """Why it failed; empty if it did not."""
    began: float
    ended: float
    """Unix times."""

    @property
    def mark(self) -> str:
        """A digest of all fields: if it changes, the run has to be sent again."""
        curves = [to_dict(epoch, full=True) for epoch in self.epochs]
        parts = [self.name, self.data, self.is_done, self.failure, dict(self.settings), curves, dict(self.measures)]
        return digest(parts)[:16]

    def curves(self) -> list[tuple[int, dict[str, float]]]:
        """Return the epochs with their numbers, without those that are unknown."""
        return [
            (epoch.epoch, {k: float(v) for k, v in to_dict(epoch, full=True).items() if k != "epoch" and v is not None})
            for epoch in self.epochs
        ]


def tracked_run(result: Result) -> TrackedRun:
    """Return a finished run of a store in the form that trackers get."""
    run = result.run
    return TrackedRun(
        id=result.id,
        name=f"{run.net} {run.recipe.name} seed {run.seed}",
        data=result.data,
        is_done=result.state == "done",
        settings=flatten(to_dict(run, full=True)),
        epochs=result.epochs,
        measures=result.measures,
        failure=f"{result.failure.kind}: {result.failure.message}" if result.failure else "",
        began=_unix(result.started),
        ended=_unix(result.finished),
    )


def _unix(time: str | None) -> float:
    try:
        return datetime.fromisoformat(time or "").timestamp()
    except ValueError:
        return 0.0
