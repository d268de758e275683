"""Executor: a pool of worker processes on this machine. It keeps no state of the study; the store does.

If a worker dies, its run fails and a new worker replaces it.
"""

import math
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.errors import BakeoffError
from bakeoff.execution.executors import Resources
from bakeoff.execution.worker import Job, Message, Placement, Started, train_run, worker_main
from bakeoff.machine.processes import context, isolated_start, request_stack
from bakeoff.spec.records import Failure, Outcome
from bakeoff.spec.run import Run, is_own

KILLED = -9
"""Exit code of a process killed by SIGKILL, which Python does not define on every system."""
EXIT_TIMEOUT = 10.0
"""Seconds for a process to end after it has closed its pipe."""
MEMORY_HINT = "the system may have run out of memory: use fewer --workers or a smaller batch_size"

TIMEOUT = "stopped{} after {:g} s (--run-timeout): use a longer one and --retry-failed to resume from the last epoch"


@dataclass
class Worker:
    """A process of the pool and its state."""

    process: BaseProcess
    run: Run | None = None
    """The run submitted to it; None while idle."""
    has_started: bool = False
    """Whether it has started the run: if it dies before, the run is not to blame."""
    has_responded: bool = False
    """Whether it has sent anything since it was created."""
    started_at: float = 0.0
    """When it started the run, in seconds of `time.monotonic`."""
    stack_file: Path | None = None
    """Where it writes its stack on request."""
    runs_at_once: int = 0
    """The most runs that this pool trained at once while it trained its own."""
    is_used_up: bool = False
    """Whether it ran code of a user's file, which may have changed global state: it gets no other run."""


class Pool:
    """Worker processes, each of which trains one run at a time, or does another job with it."""

    def __init__(self, placement: Placement, folder: Path, job: Job | None = None) -> None:
        """Start the processes.

        Raises:
            BakeoffError: the processes cannot be started.
        """
        self._job = job or train_run
        self._context = context()
        self._placement, self._folder = placement, folder
        self._workers: dict[Connection, Worker] = {}
        self._early_deaths = 0
        self._stack_folder = TemporaryDirectory(prefix="bakeoff-") if placement.run_timeout else None
        for _ in range(placement.workers):
            self._start()

    def _start(self) -> None:
        while True:
            ours, theirs = self._context.Pipe()
            stack_file = Path(self._stack_folder.name, secrets.token_hex(8)) if self._stack_folder else None
            process = self._context.Process(
                target=worker_main, args=(theirs, self._placement, self._folder, self._job, stack_file), daemon=True
            )
            try:
                with isolated_start():
                    process.start()
            except (EOFError, OSError) as error:  # the fork server is gone, or memory is short
                ours.close()
                self._count_early_death(str(error) or type(error).__name__)
                continue
            finally:
                theirs.close()
            self._workers[ours] = Worker(process, stack_file=stack_file)
            return

    def _count_early_death(self, why: str) -> None:
        """Give up when workers + 2 processes in a row have ended without doing anything."""
        self._early_deaths += 1
        if self._early_deaths > self._placement.workers + 1:
            raise BakeoffError(
                f"{self._early_deaths} worker processes in a row ended before doing anything, the last {why}: "
                f"{MEMORY_HINT}"
            )

    @property
    def resources(self) -> Resources:
        """The number of workers, and of those without a run."""
        return Resources(len(self._workers), sum(worker.run is None for worker in self._workers.values()))

    @property
    def running(self) -> list[Run]:
        """The runs that are being trained."""
        return [worker.run for worker in self._workers.values() if worker.run is not None]

    def submit(self, run: Run, *, begun: bool = False) -> None:
        """Submit a run to an idle worker, which looks for a checkpoint in any case."""
        while True:
            idle = [(c, w) for c, w in self._workers.items() if w.run is None]
            connection, worker = min(idle, key=lambda pair: pair[1].is_used_up)
            if worker.is_used_up:
                self._replace(connection)
                continue
            try:
                connection.send(run)
            except OSError:  # it died in the meantime
                self._replace_dead(connection)
                continue
            worker.run, worker.has_started, worker.is_used_up = run, False, is_own(run.net)
            worker.runs_at_once = 0
            busy = [other for other in self._workers.values() if other.run is not None]
            for other in busy:
                other.runs_at_once = max(other.runs_at_once, len(busy))
            return

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield messages from the workers; wait at most `timeout` seconds for the first.

        If a worker dies, the run it has started fails; a run it has not started goes to another worker. A run that
        exceeds its time limit is killed together with its worker.

        Raises:
            BakeoffError: several workers in a row end without doing anything.
        """
        for connection in wait(list(self._workers), timeout):
            assert isinstance(connection, Connection)
            worker = self._workers.get(connection)
            if worker is None:  # replaced since `wait` returned
                continue
            try:
                message: Message | Started = connection.recv()
            except (EOFError, OSError):
                if failure := self._replace_dead(connection):
                    yield failure
                continue
            self._early_deaths, worker.has_responded = 0, True
            if isinstance(message, Started):
                worker.has_started, worker.started_at = True, time.monotonic()
                continue
            if message.is_last:
                worker.run = None
            yield _with_neighbours(message, worker.runs_at_once)
        yield from self._end_overdue()

    def _end_overdue(self) -> Iterator[Message]:
        """Kill the runs that exceed the time limit, and yield their failures."""
        limit = self._placement.run_timeout or math.inf
        for connection, worker in list(self._workers.items()):
            if worker.run and worker.has_started and time.monotonic() - worker.started_at > limit:
                file, line = _user_line(worker, self._folder) or ("", None)
                self._replace(connection)
                at = f" in {Path(file).name}, line {line}," if file else ""
                yield Message(worker.run.id, Failure("timeout", TIMEOUT.format(at, limit), file=file, line=line), {})

    def _replace_dead(self, connection: Connection) -> Message | None:
        """Replace a worker that has ended; return the failure of its run if it had started one."""
        worker = self._workers.pop(connection)
        connection.close()
        worker.process.join(EXIT_TIMEOUT)
        if worker.process.is_alive():  # it closed its pipe, but some thread does not end
            worker.process.kill()
            worker.process.join()
        if not worker.has_responded:
            self._count_early_death(_describe_exit(worker.process.exitcode))
        self._start()
        if worker.run is None:
            return None
        if worker.has_started:
            return Message(worker.run.id, _exit_failure(worker.process.exitcode), {})
        self.submit(worker.run)
        return None

    def cancel(self, run_id: str) -> None:
        """Stop a run: kill its worker and replace it."""
        for connection, worker in list(self._workers.items()):
            if worker.run is not None and worker.run.id == run_id:
                self._replace(connection)

    def _replace(self, connection: Connection) -> None:
        """Kill a worker and start another."""
        worker = self._workers.pop(connection)
        worker.process.kill()
        connection.close()
        worker.process.join()
        self._start()

    def close(self) -> None:
        """Kill all workers; unfinished runs can resume from their last checkpoint."""
        for connection, worker in self._workers.items():
            worker.process.kill()
            connection.close()
        for worker in self._workers.values():
            worker.process.join()
        self._workers.clear()
        if self._stack_folder:
            self._stack_folder.cleanup()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _with_neighbours(message: Message, runs_at_once: int) -> Message:
    """Add to a run's outcome how many runs shared the machine, as far as this pool knows."""
    if not isinstance(message.content, Outcome):
        return message
    measures = message.content.measures | {"runs_at_once": float(runs_at_once)}
    return replace(message, content=replace(message.content, measures=measures))


def _user_line(worker: Worker, folder: Path) -> tuple[str, int] | None:
    """Return file and line of the user's network that a worker is executing; None if there is none."""
    if worker.run is None or not is_own(worker.run.net) or worker.stack_file is None or worker.process.pid is None:
        return None
    from bakeoff.nets import user_file

    called = worker.run.net.partition(":")[0]
    if called not in user_file.OWN:  # the run came from another machine
        user_file.FOLDERS.append(folder)
        with suppress(BakeoffError):
            user_file.find_registered_net(called)
    network = user_file.OWN.get(called)
    files = {source.file for source in network.sources.values()} if network else set()
    escaped = {file.encode("ascii", "backslashreplace").decode(): file for file in files}
    frames = request_stack(worker.process.pid, worker.stack_file)
    return next(((escaped[file], line) for file, line in frames if file in escaped), None)


def _describe_exit(exit_code: int | None) -> str:
    return "killed (signal 9)" if exit_code == KILLED else f"ended with exit code {exit_code}"


def _exit_failure(exit_code: int | None) -> Failure:
    hint = f"; {MEMORY_HINT}" if exit_code == KILLED else ""
    was = "was " if exit_code == KILLED else ""
    return Failure("killed", f"the worker process {was}{_describe_exit(exit_code)}{hint}")
