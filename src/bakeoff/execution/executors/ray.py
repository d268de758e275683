"""Executor: a Ray cluster. Each run is a task with its CPUs, memory and share of a GPU.

The task trains the run in a process of its own (`execution/relay.py`) and yields its messages, with the files that the
driver keeps beside its store. The driver alone writes: nodes need neither its disk nor its store. When a node is lost,
its runs start again elsewhere, from the checkpoints of their last epochs.
"""

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bakeoff.data.shipping import read_chunks
from bakeoff.errors import BakeoffError, first_line
from bakeoff.execution.executors import Resources
from bakeoff.execution.executors.ray_connection import connect, count_slots
from bakeoff.execution.parcels import Cargo, images_key, keep_files, pack_cargo, pack_parcel
from bakeoff.execution.relay import NodeReport, forget_checkpoint
from bakeoff.execution.remote_files import RemoteFolder, share_file
from bakeoff.execution.worker import Job, Message, Placement, train_run
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.text.formats import byte_size

REFRESH_SECONDS = 5.0
"""How often the list of nodes is refreshed."""
GRACE_SECONDS = 10.0
"""How long after a worker ended its node may turn out to be lost."""
MOST_LOSSES = 5
"""A run that loses this many nodes fails, as it may be the cause."""


@dataclass
class RayRun:
    """A run on the cluster."""

    run: Run
    stream: Any
    """Yields references to the reports of its task."""
    begun: bool
    """Whether there is a checkpoint to resume from."""
    losses: int = 0
    node: str = ""
    place: str = ""
    """The machine, and its file with what the worker prints; empty until it has started."""


@dataclass(frozen=True)
class Chunks:
    """Content in the object store of the cluster."""

    references: tuple[Any, ...]

    def chunks(self) -> Iterator[bytes]:
        """Fetch it piece by piece."""
        import ray

        for reference in self.references:
            yield ray.get(reference)


class RayExecutor:
    """Trains runs on a Ray cluster."""

    def __init__(self, placement: Placement, folder: Path, job: Job | None = None) -> None:
        """Connect.

        Raises:
            BakeoffError: there is no cluster, no node has what a run needs, or checkpoints cannot be written.
        """
        assert placement.cluster is not None
        self._placement, self._cluster, self._folder, self._job = placement, placement.cluster, folder, job or train_run
        self._ray = connect(self._cluster)
        if self._cluster.checkpoints:
            RemoteFolder(self._cluster.checkpoints).check()
        self._tasks: dict[Any, RayRun] = {}
        """By stream."""
        self._suspects: list[tuple[float, RayRun, Exception]] = []
        """Runs whose workers have ended, with the time until which their nodes may turn out to be gone."""
        self._cargo: dict[str, Any] = {}
        """References to the images by their keys."""
        self._slots, self._alive, self._known_at = 0, frozenset[str](), -math.inf
        self._refresh()
        if not self._slots:
            raise BakeoffError(f"no node of the Ray cluster has what a run needs: {_needs(placement)}")
        self._work = self._ray.remote(max_retries=0, num_returns="streaming")(_work)

    @property
    def resources(self) -> Resources:
        """How many runs fit on the nodes that are there now; at least one, as others may come."""
        self._refresh()
        slots = max(1, self._slots)
        return Resources(slots, max(0, slots - len(self._tasks) - len(self._suspects)))

    @property
    def running(self) -> list[Run]:
        """The runs on the cluster."""
        return [*(task.run for task in self._tasks.values()), *(task.run for _, task, _ in self._suspects)]

    def _refresh(self) -> None:
        """Ask which nodes there are, unless that was just done."""
        if time.monotonic() - self._known_at < REFRESH_SECONDS:
            return
        nodes = self._ray.nodes()
        self._alive = frozenset(node["NodeID"] for node in nodes if node["Alive"])
        slots = count_slots(self._cluster, self._placement.threads * self._placement.devices)
        self._slots = min(slots, self._cluster.most) if self._cluster.most else slots
        self._known_at = time.monotonic()

    def submit(self, run: Run, *, begun: bool = False) -> None:
        """Start a task for the run."""
        self._start(RayRun(run, None, begun))

    def _start(self, task: RayRun) -> None:
        run, cluster = task.run, self._cluster
        parcel = pack_parcel(run, self._placement, self._job, self._folder, self._keep, task.begun)
        task.stream = self._work.options(
            name=f"{run.net} on {run.data}, seed {run.seed}",
            num_cpus=self._placement.threads * self._placement.devices,
            num_gpus=cluster.gpus_per_run,
            memory=cluster.memory_per_run or None,
        ).remote(parcel, self._cargo_of(run))
        task.node = task.place = ""
        self._tasks[task.stream] = task

    def _cargo_of(self, run: Run) -> Any:
        """Return a reference to the images of a run, which go into the object store (or to the URL) once."""
        key = images_key(run)
        if key not in self._cargo:
            place = RemoteFolder(self._cluster.checkpoints) if self._cluster.checkpoints else None
            cargo = pack_cargo(run, lambda path: share_file(place, path)) if place else pack_cargo(run, self._keep)
            self._cargo[key] = self._ray.put(cargo)
        return self._cargo[key]

    def _keep(self, path: Path) -> Chunks:
        return Chunks(tuple(self._ray.put(chunk) for chunk in read_chunks(path)))

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield what the tasks report; see `Executor.messages`."""
        for stream in self._ready(timeout):
            if (task := self._tasks.get(stream)) is not None:
                yield from self._next_of(task)
        yield from self._judge_suspects()

    def _ready(self, timeout: float) -> list[Any]:
        """Return the streams that have something; wait at most `timeout` seconds for the first."""
        streams = list(self._tasks)
        if not streams:
            time.sleep(timeout)
            return []
        first, _ = self._ray.wait(streams, num_returns=1, timeout=timeout, fetch_local=False)
        if not first:
            return []
        ready, _ = self._ray.wait(streams, num_returns=len(streams), timeout=0, fetch_local=False)
        return list(ready)

    def _next_of(self, task: RayRun) -> Iterator[Message]:
        import ray

        try:
            report, node = ray.get(next(task.stream))
        except StopIteration:  # it ended without an ending: there is none after a cancellation
            self._tasks.pop(task.stream, None)
            return
        except ray.exceptions.RayTaskError as error:  # a bug, or something that cannot be unpickled there
            self._tasks.pop(task.stream)
            yield _failure(task, Failure("error", first_line(error.cause or error), str(error)))
        except ray.exceptions.RayError as error:
            self._tasks.pop(task.stream)
            self._suspects.append((time.monotonic() + GRACE_SECONDS, task, error))
        else:
            task.node, task.place = node, report.place or task.place
            yield from self._accept(task, report)

    def _accept(self, task: RayRun, report: NodeReport) -> Iterator[Message]:
        """Keep the files of a report, and pass on its message."""
        keep_files(self._folder, report.files)
        if (message := report.message) is None:
            return
        if message.is_last:
            self._tasks.pop(task.stream)
        if isinstance(message.content, Failure):
            message = _failure(task, message.content, message.environment)
        yield message
        task.begun |= isinstance(message.content, Epoch)  # it is recorded, and so is its checkpoint
        if isinstance(message.content, Outcome):
            forget_checkpoint(self._cluster.checkpoints, task.run)

    def _judge_suspects(self) -> Iterator[Message]:
        """Restart the runs of lost nodes; runs whose workers ended on nodes that are still there have failed."""
        import ray

        if not self._suspects:
            return
        self._known_at = -math.inf
        self._refresh()
        suspects, self._suspects = self._suspects, []
        for number, (until, task, error) in enumerate(suspects):
            is_lost = isinstance(error, ray.exceptions.NodeDiedError) or task.node not in self._alive
            if isinstance(error, ray.exceptions.OutOfMemoryError):
                message = "out of memory on the node: use a smaller batch (--set batch_size=64) or --memory-per-run"
                yield _failure(task, Failure("out-of-memory", message, str(error)))
            elif is_lost and task.losses + 1 < MOST_LOSSES:
                task.losses += 1
                self._start(task)
            elif is_lost:
                yield _failure(task, Failure("killed", f"lost {MOST_LOSSES} nodes while it was trained", str(error)))
            elif time.monotonic() < until:
                self._suspects.append(suspects[number])
            else:
                yield _failure(task, Failure("killed", "the worker of the node ended", str(error)))

    def cancel(self, run_id: str) -> None:
        """Kill the task of a run."""
        self._suspects = [suspect for suspect in self._suspects if suspect[1].run.id != run_id]
        for stream, task in list(self._tasks.items()):
            if task.run.id == run_id:
                del self._tasks[stream]
                self._kill(stream)

    def _kill(self, stream: Any) -> None:
        with suppress(Exception):  # it may have ended meanwhile, or the cluster is gone
            self._ray.cancel(stream, force=True)

    def close(self) -> None:
        """Kill all tasks. The connection stays, for the next executor of this process."""
        for stream in self._tasks:
            self._kill(stream)
        self._tasks.clear()
        self._suspects.clear()
        self._cargo.clear()

    def __enter__(self) -> "RayExecutor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _work(parcel: Any, cargo: Cargo) -> Iterator[tuple[NodeReport, str]]:
    """Train the run of a parcel on a node: yield its reports, each with the id of the node."""
    import ray

    from bakeoff.execution.relay import relay

    node = ray.get_runtime_context().get_node_id()
    for report in relay(parcel, cargo):
        yield report, node


def _failure(task: RayRun, failure: Failure, environment: dict | None = None) -> Message:
    """Return the message of a failure, which says where to look for more."""
    host, _, log = task.place.partition(":")
    where = f"; what the worker printed is in {log} on {host}" if log else f" (on {host})" if host else ""
    return Message(task.run.id, replace(failure, message=failure.message + where), environment or {})


def _needs(placement: Placement) -> str:
    cluster = placement.cluster
    assert cluster is not None
    parts = [f"{placement.threads * placement.devices} CPUs (--threads)"]
    parts += [f"{cluster.gpus_per_run:g} GPUs (--gpus-per-run)"] if cluster.gpus_per_run else []
    parts += [f"{byte_size(cluster.memory_per_run)} (--memory-per-run)"] if cluster.memory_per_run else []
    return ", ".join(parts)
