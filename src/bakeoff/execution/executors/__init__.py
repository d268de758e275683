"""Executors of runs behind one interface, which is all that the study loop knows about them.

An executor trains the runs it is given and passes on the messages of their workers. It keeps no state of the study and
never opens the store: the process that executes the plan is the only one that writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from bakeoff.execution.worker import Job, Message, Placement
from bakeoff.spec.run import Run


@dataclass(frozen=True)
class Resources:
    """How many runs an executor trains at once; on a cluster this changes as nodes come and go."""

    slots: int
    """In all."""
    idle: int
    """How many more it takes now."""


class Executor(Protocol):
    """Somewhere to train runs. Checkpoints and weights arrive in its folder before the message about them."""

    @property
    def resources(self) -> Resources:
        """How many runs it takes."""

    @property
    def running(self) -> list[Run]:
        """The runs that were submitted and have not ended."""

    def submit(self, run: Run, *, begun: bool = False) -> None:
        """Start a run; `begun` if the store has epochs of it, so that a checkpoint kept elsewhere can be used."""

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield the messages of workers about their runs; wait at most `timeout` seconds for the first.

        A run that ends has one last message: `Trained`, `Outcome`, `Measured` or `Failure`.

        Raises:
            BakeoffError: no run can be trained any more.
        """

    def cancel(self, run_id: str) -> None:
        """Stop a run; no further messages about it follow."""

    def close(self) -> None:
        """Stop all runs; they can resume from their last checkpoints."""

    def __enter__(self) -> "Executor": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_executor(placement: Placement, folder: Path, job: Job | None = None) -> Executor:
    """Open the executor that a placement asks for.

    Args:
        placement: where runs are trained, and with what.
        folder: beside the store, for checkpoints, weights and the texts of users' networks.
        job: what workers do with a run; by default they train it.

    Raises:
        BakeoffError: it cannot be started.
    """
    match placement.cluster.executor if placement.cluster else "local":
        case "ray":
            from bakeoff.execution.executors.ray import RayExecutor

            return RayExecutor(placement, folder, job)
        case "slurm":
            from bakeoff.execution.executors.slurm import SlurmExecutor

            return SlurmExecutor(placement, folder, job)
        case "inline":
            from bakeoff.execution.executors.inline import Inline

            return Inline(placement, folder, job)
        case _:
            from bakeoff.execution.executors.local import Pool

            return Pool(placement, folder, job)
