"""Executor: this process, for tests and benchmarks. Its runs take turns, so it can simulate any number of workers."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from bakeoff.execution.executors import Resources
from bakeoff.execution.worker import Job, JobOutput, Message, Placement, train_run
from bakeoff.spec.run import Run


class Inline:
    """Does the jobs of all its runs in turns, a message of each at a time."""

    def __init__(self, placement: Placement, folder: Path, job: Job | None = None) -> None:
        self._placement, self._folder, self._job = placement, folder, job or train_run
        self._turns: deque[tuple[Run, JobOutput]] = deque()

    @property
    def resources(self) -> Resources:
        """As many runs as the placement has workers."""
        return Resources(self._placement.workers, self._placement.workers - len(self._turns))

    @property
    def running(self) -> list[Run]:
        """The runs whose jobs have not ended."""
        return [run for run, _ in self._turns]

    def submit(self, run: Run, *, begun: bool = False) -> None:
        """Take a run."""
        self._turns.append((run, self._job(run, self._placement, self._folder, None)))

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield the next message of each run."""
        for _ in range(len(self._turns)):
            if not self._turns:  # cancelled meanwhile
                return
            run, output = self._turns.popleft()
            if (said := next(output, None)) is not None:
                self._turns.append((run, output))
                yield Message(run.id, *said)

    def cancel(self, run_id: str) -> None:
        """Drop a run."""
        self._turns = deque((run, output) for run, output in self._turns if run.id != run_id)

    def close(self) -> None:
        """Drop all runs."""
        self._turns.clear()

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
