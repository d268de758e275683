"""Where runs execute: a pool of processes on this machine. It keeps no state of the study; the store does.

A worker that dies takes the run it was at with it, as a failure of that run; another takes its place.
"""

import math
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.errors import BakeoffError
from bakeoff.execution.worker import Begun, Job, Message, Placement, train, work
from bakeoff.machine.processes import context, isolated_start, request_stack
from bakeoff.spec.records import Failure, Measured, Outcome
from bakeoff.spec.run import Run, is_own

KILLED = -9
"""The exit code of a process that was killed: `signal.SIGKILL` is not there on every system."""
PATIENCE = 10.0
"""Seconds that a process may take to end once it has closed its pipe."""
MEMORY = "the system may have run out of memory: use fewer --workers or a smaller batch_size"

LATE = "stopped{} after {:g} s, its --run-timeout: with a longer one and --retry-failed it goes on from its last epoch"


@dataclass
class Worker:
    """A process of a pool, and how far it has come."""

    process: BaseProcess
    run: Run | None = None
    """What it was given."""
    has_begun: bool = False
    """Whether it has taken the run in hand: if not, its death says nothing about the run."""
    has_spoken: bool = False
    """Whether it has done anything since it was started."""
    begun: float = 0.0
    """When it took the run in hand."""
    trace: Path | None = None
    """Where it writes where it is in its code when it is asked for that."""
    is_spent: bool = False
    """Whether code of a user's file ran in it, which may have changed anything: it gets no other run."""


class Pool:
    """Worker processes that train one run each at a time, or do another job with it."""

    def __init__(self, placement: Placement, folder: Path, job: Job | None = None) -> None:
        """Start the processes.

        Raises:
            BakeoffError: they cannot be started.
        """
        self._job = job or train
        self._context = context()
        self._placement, self._folder = placement, folder
        self._workers: dict[Connection, Worker] = {}
        self._stillborn = 0
        self._traces = TemporaryDirectory(prefix="bakeoff-") if placement.run_timeout else None
        for _ in range(placement.workers):
            self._start()

    def _start(self) -> None:
        while True:
            ours, theirs = self._context.Pipe()
            trace = Path(self._traces.name, secrets.token_hex(8)) if self._traces else None
            process = self._context.Process(
                target=work, args=(theirs, self._placement, self._folder, self._job, trace), daemon=True
            )
            try:
                with isolated_start():
                    process.start()
            except (EOFError, OSError) as error:  # the server that starts them is gone, or there is no memory
                ours.close()
                self._count_stillborn(str(error) or type(error).__name__)
                continue
            finally:
                theirs.close()
            self._workers[ours] = Worker(process, trace=trace)
            return

    def _count_stillborn(self, why: str) -> None:
        """Give up once more processes than there are to be, and one more, have come to nothing in a row."""
        self._stillborn += 1
        if self._stillborn > self._placement.workers + 1:
            raise BakeoffError(
                f"{self._stillborn} worker processes in a row ended before they did anything, the last {why}: {MEMORY}"
            )

    @property
    def idle(self) -> int:
        """How many workers wait for a run."""
        return sum(worker.run is None for worker in self._workers.values())

    @property
    def at_work(self) -> list[Run]:
        """The runs that are being trained."""
        return [worker.run for worker in self._workers.values() if worker.run is not None]

    def submit(self, run: Run) -> None:
        """Give a run to an idle worker."""
        while True:
            idle = [(c, w) for c, w in self._workers.items() if w.run is None]
            connection, worker = min(idle, key=lambda pair: pair[1].is_spent)
            if worker.is_spent:
                self._replace(connection)
                continue
            try:
                connection.send(run)
            except OSError:  # it has died meanwhile
                self._bury(connection)
                continue
            worker.run, worker.has_begun, worker.is_spent = run, False, is_own(run.net)
            return

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield what the workers have said, waiting at most `timeout` seconds for something.

        A run dies with the worker that has begun it; a run that was only given to one goes to another. A run that
        takes too long is ended with its worker.

        Raises:
            BakeoffError: one worker after the other ends before it has done anything.
        """
        for connection in wait(list(self._workers), timeout):
            assert isinstance(connection, Connection)
            worker = self._workers.get(connection)
            if worker is None:  # it was buried or dismissed while this was waiting to be read
                continue
            try:
                message: Message | Begun = connection.recv()
            except (EOFError, OSError):
                if lost := self._bury(connection):
                    yield lost
                continue
            self._stillborn, worker.has_spoken = 0, True
            if isinstance(message, Begun):
                worker.has_begun, worker.begun = True, time.monotonic()
                continue
            if isinstance(message.content, Outcome | Measured | Failure):
                worker.run = None
            yield message
        yield from self._end_late()

    def _end_late(self) -> Iterator[Message]:
        limit = self._placement.run_timeout or math.inf
        for connection, worker in list(self._workers.items()):
            if worker.run and worker.has_begun and time.monotonic() - worker.begun > limit:
                file, line = _place(worker) or ("", None)
                self._replace(connection)
                at = f" in {Path(file).name}, line {line}," if file else ""
                yield Message(worker.run.id, Failure("timeout", LATE.format(at, limit), file=file, line=line), {})

    def _bury(self, connection: Connection) -> Message | None:
        """Put another process in the place of one that has ended, and say what became of its run."""
        worker = self._workers.pop(connection)
        connection.close()
        worker.process.join(PATIENCE)
        if worker.process.is_alive():  # it has closed its pipe, and something in it does not end
            worker.process.kill()
            worker.process.join()
        if not worker.has_spoken:
            self._count_stillborn(_told(worker.process.exitcode))
        self._start()
        if worker.run is None:
            return None
        if worker.has_begun:
            return Message(worker.run.id, _death(worker.process.exitcode), {})
        self.submit(worker.run)
        return None

    def dismiss(self, run_id: str) -> None:
        """End the worker that trains a run at once, and put another in its place."""
        for connection, worker in list(self._workers.items()):
            if worker.run is not None and worker.run.id == run_id:
                self._replace(connection)

    def _replace(self, connection: Connection) -> None:
        """End a worker at once, and put another in its place."""
        worker = self._workers.pop(connection)
        worker.process.kill()
        connection.close()
        worker.process.join()
        self._start()

    def close(self) -> None:
        """End the processes at once; what they had not finished goes on from its last checkpoint another time."""
        for connection, worker in self._workers.items():
            worker.process.kill()
            connection.close()
        for worker in self._workers.values():
            worker.process.join()
        self._workers.clear()
        if self._traces:
            self._traces.cleanup()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _place(worker: Worker) -> tuple[str, int] | None:
    """Return file and line of a user's own network in which a worker is; None if it is in none."""
    if worker.run is None or not is_own(worker.run.net) or worker.trace is None or worker.process.pid is None:
        return None
    from bakeoff.nets import user_file

    network = user_file.OWN.get(worker.run.net)
    files = {source.file for source in network.sources.values()} if network else set()
    told = {file.encode("ascii", "backslashreplace").decode(): file for file in files}
    calls = request_stack(worker.process.pid, worker.trace)
    return next(((told[file], line) for file, line in calls if file in told), None)


def _told(exit_code: int | None) -> str:
    return "killed (signal 9)" if exit_code == KILLED else f"ended with exit code {exit_code}"


def _death(exit_code: int | None) -> Failure:
    hint = f"; {MEMORY}" if exit_code == KILLED else ""
    was = "was " if exit_code == KILLED else ""
    return Failure("killed", f"the worker process {was}{_told(exit_code)}{hint}")
