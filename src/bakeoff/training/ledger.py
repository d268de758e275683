"""Where the time of a run went: every moment is in exactly one phase, so the phases add up to the wall time."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias, TypeVar, get_args

Item = TypeVar("Item")

Phase: TypeAlias = Literal["startup", "input", "step", "evaluation", "measuring", "saving", "idle"]
"""startup: preparing data, network and epochs; input: making training batches (on a GPU, telling it to); step: the
rest of the training clock; evaluation: of validation and test images; measuring: of latency and throughput; saving:
checkpoints and weights; idle: while whoever asked for the run does something else."""


class Ledger:
    """A clock that is always in one phase. A checkpoint carries its sums into the next session.

    What a killed process did after its last checkpoint is on no ledger: nothing is left of that work either.
    """

    def __init__(self) -> None:
        """Start in the phase startup."""
        self._seconds: dict[str, float] = dict.fromkeys(get_args(Phase), 0.0)
        self._carried = 0.0
        self._phase: Phase = "startup"
        self._since = time.perf_counter()

    def carry(self, seconds: Mapping[str, float]) -> None:
        """Add what earlier sessions spent, by phase."""
        for phase in self._seconds.keys() & seconds.keys():
            self._seconds[phase] += seconds[phase]
            self._carried += seconds[phase]

    def enter(self, phase: Phase) -> float:
        """Go on in another phase, and return the time of this change in seconds of `time.perf_counter`."""
        now = time.perf_counter()
        self._seconds[self._phase] += now - self._since
        self._phase, self._since = phase, now
        return now

    def spent(self) -> dict[str, float]:
        """Return the seconds of each phase until now, all sessions together."""
        self.enter(self._phase)
        return dict(self._seconds)

    def inputs(self, batches: Iterator[Item]) -> Iterator[Item]:
        """Pass the batches on; making them is input, what is done with them is step."""
        while True:
            self.enter("input")
            batch = next(batches, None)
            self.enter("step")
            if batch is None:
                return
            yield batch

    def measures(self) -> dict[str, float]:
        """Return the lines of the ledger, their sum, wall_seconds, and the last session's part of it.

        input_seconds and step_seconds together are the train_seconds of the run.
        """
        spent = self.spent()
        wall = math.fsum(spent.values())
        lines = {f"{phase}_seconds": seconds for phase, seconds in spent.items()}
        return lines | {"wall_seconds": wall, "last_session_seconds": wall - self._carried}
