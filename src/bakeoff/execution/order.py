"""The order in which the runs of a plan are started, chosen so that no worker is idle for long at the end."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import median

from bakeoff.execution.estimate import Cell, cell_of
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run

LOOK_AHEAD = 16
"""How many runs for each worker are considered."""
MOST_AHEAD = 256
"""How many runs are considered at most, so that a choice takes no longer with hundreds of workers."""
RECENT = 100
"""How many epochs of a cell count, the latest."""


class Order:
    """Yields runs seed by seed, so that an interrupted study is balanced, and those of a seed longest first.

    A run that would be the last to end is started before its turn, in time to end together with the others. How long
    runs take is what their cell's epochs took so far; a cell without epochs counts as the longest of its seed, and is
    not started early.
    """

    def __init__(self, runs: Sequence[Run], workers: int) -> None:
        self._rest, self._workers = iter(runs), workers
        self._most = min(LOOK_AHEAD * workers, MOST_AHEAD)
        self._near = list(islice(self._rest, self._most + 1))
        """The next runs: one more than are considered, if there are so many."""
        self._epochs: dict[Cell, deque[float]] = {}
        self._medians: dict[Cell, float] = {}

    def note(self, run: Run, epoch: Epoch) -> None:
        """Learn how long an epoch took."""
        cell = cell_of(run)
        self._epochs.setdefault(cell, deque(maxlen=RECENT)).append(epoch.train_seconds + epoch.evaluation_seconds)
        self._medians.pop(cell, None)

    def __iter__(self) -> Iterator[Run]:
        while self._near:
            yield self._near.pop(self._choose())
            self._near += islice(self._rest, self._most + 1 - len(self._near))

    def _choose(self) -> int:
        """Return the position of the next run."""
        near = self._near[: self._most]
        if self._workers == 1 or not self._epochs:
            return 0
        seconds = [self._seconds(run) for run in near]
        longest = max(range(len(near)), key=seconds.__getitem__)
        are_all = len(self._near) <= self._most and math.isfinite(seconds[longest])
        if are_all and seconds[longest] * self._workers >= sum(seconds):
            return longest
        return max((at for at, run in enumerate(near) if run.seed == near[0].seed), key=seconds.__getitem__)

    def _seconds(self, run: Run) -> float:
        """Return about how long a run takes, infinity if nothing is known."""
        cell = cell_of(run)
        if cell not in self._medians:
            self._medians[cell] = median(self._epochs[cell]) if cell in self._epochs else math.inf
        return self._medians[cell] * run.recipe.epochs
