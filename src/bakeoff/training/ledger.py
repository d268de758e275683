"""How a run spent its time: it is always in exactly one phase, so the phases add up to the wall time."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias, TypeVar, get_args

Item = TypeVar("Item")

Phase: TypeAlias = Literal["startup", "input", "step", "evaluation", "measuring", "saving", "idle"]
"""startup: preparing data, network and epochs; input: making training batches (on a GPU, launching it), or the features
of a probe, also while another process makes them; step: the rest of the training time; evaluation: on validation and
test images; measuring: latency, throughput and the machine's speed; saving: checkpoints and weights; idle: while the
caller handles what the run yielded."""


class Ledger:
    """A clock that is always in one phase. Checkpoints carry its sums into the next session.

    What a killed process did after its last checkpoint is not counted: that work is lost as well.
    """

    def __init__(self) -> None:
        """Start in phase startup."""
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
        """Enter a phase; return the time in seconds of `time.perf_counter`."""
        now = time.perf_counter()
        self._seconds[self._phase] += now - self._since
        self._phase, self._since = phase, now
        return now

    def spent(self) -> dict[str, float]:
        """Return the seconds of each phase so far, over all sessions."""
        self.enter(self._phase)
        return dict(self._seconds)

    def inputs(self, batches: Iterator[Item]) -> Iterator[Item]:
        """Yield the batches; making them counts as input, what the caller does with them as step."""
        while True:
            self.enter("input")
            batch = next(batches, None)
            self.enter("step")
            if batch is None:
                return
            yield batch

    def measures(self) -> dict[str, float]:
        """Return the seconds by phase, their sum (wall_seconds), and the last session's share of it.

        input_seconds and step_seconds add up to the run's train_seconds.
        """
        spent = self.spent()
        wall = math.fsum(spent.values())
        lines = {f"{phase}_seconds": seconds for phase, seconds in spent.items()}
        return lines | {"wall_seconds": wall, "last_session_seconds": wall - self._carried}
