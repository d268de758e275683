"""Executor: a SLURM cluster, by submitit. Runs are packed into the elements of job arrays.

Jobs report through files in a folder that all machines see, beside the store unless told otherwise; the driver alone
reads them and writes to the store. A job that ends before its runs do, at its time limit or with its node, is submitted
again, and its runs resume from their last epochs.
"""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.execution.executors import Resources
from bakeoff.execution.outbox import ALIVE, read_reports, train_pack
from bakeoff.execution.parcels import Cargo, images_key, keep_files, pack_cargo, pack_parcel
from bakeoff.execution.relay import NodeReport, forget_checkpoint
from bakeoff.execution.remote_files import RemoteFolder, SharedFile, share_file
from bakeoff.execution.worker import Job, Message, Placement, train_run
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run

POLL_SECONDS = 0.5
ALIVE_SECONDS = 20.0
"""How often the driver shows that it is alive."""
MOST_LOSSES = 5
"""A run whose jobs end this many times without a new epoch has failed."""
DEFAULT_MINUTES = 240
"""Time limit of a job; its runs resume in another one."""


@dataclass
class QueuedRun:
    """A run that is waiting in the queue, or being trained."""

    run: Run
    begun: bool
    outbox: Path
    """Where its job reports."""
    job: Any = None
    """None until it is submitted."""
    losses: int = 0
    read: int = 0
    """Number of reports that were read."""
    place: str = ""


class SlurmExecutor:
    """Trains runs in the jobs of a SLURM cluster."""

    def __init__(self, placement: Placement, folder: Path, job: Job | None = None) -> None:
        """Make the folder for reports.

        Raises:
            BakeoffError: submitit or SLURM is missing, a setting is not one of SLURM, or the folder cannot be written.
        """
        assert placement.cluster is not None
        shared = folder.with_name(f"{folder.name.removesuffix('.files')}.slurm").absolute()
        url = placement.cluster.checkpoints or str(shared / "checkpoints")
        cluster = msgspec.structs.replace(placement.cluster, checkpoints=url)
        self._placement = msgspec.structs.replace(placement, cluster=cluster)
        self._cluster, self._folder, self._job = cluster, folder, job or train_run
        self._scheduler = open_scheduler(self._placement, shared / "logs")
        self._shared = RemoteFolder(url)
        self._shared.check()
        self._reports = shared / f"reports-{secrets.token_hex(4)}"
        self._reports.mkdir(parents=True)
        self._runs: dict[str, QueuedRun] = {}
        self._cargo: dict[str, Cargo] = {}
        self._alive_at = 0.0

    @property
    def resources(self) -> Resources:
        """As many runs as may wait in the queue."""
        return Resources(self._placement.workers, self._placement.workers - len(self._runs))

    @property
    def running(self) -> list[Run]:
        """The runs in the queue or in jobs."""
        return [queued.run for queued in self._runs.values()]

    def submit(self, run: Run, *, begun: bool = False) -> None:
        """Take a run; it is submitted together with the others of its array."""
        self._runs[run.id] = QueuedRun(run, begun, self._reports / f"{run.id}-0")

    def _submit_waiting(self) -> None:
        """Submit the runs that are not in a job as one array."""
        waiting = [queued for queued in self._runs.values() if queued.job is None]
        if not waiting:
            return
        packs = [waiting[i : i + self._cluster.pack] for i in range(0, len(waiting), self._cluster.pack)]
        loads = [[(*self._load(queued), str(queued.outbox)) for queued in pack] for pack in packs]
        try:
            jobs = self._scheduler.map_array(train_pack, loads)
        except Exception as error:  # sbatch says why in its own words
            raise BakeoffError(f"SLURM does not accept the jobs: {error}") from error
        for pack, job in zip(packs, jobs, strict=True):
            for queued in pack:
                queued.job = job

    def _load(self, queued: QueuedRun) -> tuple[Any, Cargo]:
        key = images_key(queued.run)
        if key not in self._cargo:
            self._cargo[key] = pack_cargo(queued.run, self._keep)
        parcel = pack_parcel(queued.run, self._placement, self._job, self._folder, self._keep, queued.begun)
        return parcel, self._cargo[key]

    def _keep(self, path: Path) -> SharedFile:
        return share_file(self._shared, path)

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield what the jobs report; see `Executor.messages`."""
        self._submit_waiting()
        self._show_alive()
        end, has_said = time.monotonic() + timeout, False
        while not has_said:
            for queued in list(self._runs.values()):
                for message in self._read(queued):
                    has_said = True
                    yield message
            if has_said or time.monotonic() >= end:
                break
            time.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
        yield from self._end_jobs()

    def _show_alive(self) -> None:
        if time.monotonic() - self._alive_at > ALIVE_SECONDS:
            (self._reports / ALIVE).touch()
            self._alive_at = time.monotonic()

    def _read(self, queued: QueuedRun) -> Iterator[Message]:
        """Yield the new reports of a run's job."""
        for report in read_reports(queued.outbox, queued.read):
            if self._runs.get(queued.run.id) is not queued:  # cancelled, or it has ended
                return
            queued.read += 1
            yield from self._accept(queued, report)

    def _accept(self, queued: QueuedRun, report: NodeReport) -> Iterator[Message]:
        queued.place = report.place or queued.place
        keep_files(self._folder, report.files)
        if (message := report.message) is None:
            return
        if message.is_last:
            del self._runs[queued.run.id]
        if isinstance(message.content, Failure):
            message = self._failure(queued, message.content, message.environment)
        yield message
        if isinstance(message.content, Epoch):
            queued.begun, queued.losses = True, 0
        if isinstance(message.content, Outcome):
            forget_checkpoint(self._cluster.checkpoints, queued.run)

    def _end_jobs(self) -> Iterator[Message]:
        """Resubmit runs whose jobs have ended before them, unless they seem to be the cause."""
        ended: dict[int, bool] = {}
        for queued in list(self._runs.values()):
            if queued.job is None:
                continue
            if id(queued.job) not in ended:
                ended[id(queued.job)] = bool(queued.job.done())
            if not ended[id(queued.job)]:
                continue
            yield from self._read(queued)  # what it reported before it ended
            if self._runs.get(queued.run.id) is not queued:
                continue
            queued.losses += queued.place != ""  # others of its pack may have kept it from starting
            if queued.losses >= MOST_LOSSES:
                del self._runs[queued.run.id]
                text = f"its job ended {MOST_LOSSES} times in a row without finishing an epoch, the last time"
                yield self._failure(queued, Failure("killed", f"{text} as {queued.job.state}"), {})
                continue
            attempt = int(queued.outbox.name.rpartition("-")[2]) + 1
            self._runs[queued.run.id] = replace(
                queued, job=None, outbox=self._reports / f"{queued.run.id}-{attempt}", read=0, place=""
            )

    def _failure(self, queued: QueuedRun, failure: Failure, environment: dict) -> Message:
        """Return the message of a failure, which says where to look for more."""
        log = f"; what the job printed is in {queued.job.paths.stderr}" if queued.job is not None else ""
        return Message(queued.run.id, replace(failure, message=failure.message + log), environment)

    def cancel(self, run_id: str) -> None:
        """Stop a run, with its job if no other run is in it."""
        queued = self._runs.pop(run_id, None)
        if queued and queued.job is not None and all(other.job is not queued.job for other in self._runs.values()):
            self._end(queued.job)

    def _end(self, job: Any) -> None:
        with suppress(Exception):  # it may have ended meanwhile
            job.cancel(check=False)

    def close(self) -> None:
        """Cancel all jobs and delete their reports."""
        for job in {id(queued.job): queued.job for queued in self._runs.values() if queued.job is not None}.values():
            self._end(job)
        self._runs.clear()
        shutil.rmtree(self._reports, ignore_errors=True)

    def __enter__(self) -> "SlurmExecutor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_scheduler(placement: Placement, logs: Path) -> Any:
    """Return submitit's executor with what each job needs.

    The setting `cluster` chooses another scheduler than SLURM: `local` (processes) or `debug` (this process).

    Raises:
        BakeoffError: submitit or SLURM is missing, or a setting is not one of SLURM.
    """
    try:
        import submitit
    except ImportError as error:
        raise BakeoffError("--executor slurm needs submitit: pip install 'bakeoff[slurm]'") from error
    cluster = placement.cluster
    assert cluster is not None
    settings = dict(cluster.settings)
    kind = settings.pop("cluster", "slurm")
    if kind == "slurm" and shutil.which("srun") is None:
        raise BakeoffError(
            "there is no SLURM here (srun is missing): run the command on a login node, or try it out in processes of "
            "this machine with --slurm cluster=local"
        )
    gpus = {"gpus_per_node": int(cluster.gpus_per_run)} if cluster.gpus_per_run else {}
    memory = {"mem_gb": cluster.memory_per_run / 1e9} if cluster.memory_per_run else {}
    own = {f"slurm_{name}": int(value) if value.isdigit() else value for name, value in settings.items()}
    minutes = own.pop("slurm_timeout_min", DEFAULT_MINUTES)
    try:
        scheduler = submitit.AutoExecutor(folder=str(logs), cluster=kind)
        scheduler.update_parameters(
            name="bakeoff",
            timeout_min=minutes,
            cpus_per_task=placement.threads * placement.devices,
            slurm_array_parallelism=placement.workers,
            **gpus,
            **memory,
            **own,
        )
    except (ValueError, TypeError, NameError, KeyError, RuntimeError) as error:
        raise BakeoffError(f"--slurm: {error}") from error
    return scheduler
