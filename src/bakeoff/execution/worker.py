"""The worker process: receives runs, trains them and sends messages about them. `executors/local.py` is the other end.

On a CPU, one process per core with one thread each is fastest for a grid of runs: no thread waits at barriers.
Workers share the packed data through memory maps.
"""

import errno
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.execution.cluster import Cluster
from bakeoff.machine.processes import dump_stack_on_request, exit_with_parent
from bakeoff.spec.data import DataInfo
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome, Trained
from bakeoff.spec.run import Run, collection_of
from bakeoff.spec.values import Value

if TYPE_CHECKING:
    from bakeoff.data import Dataset
    from bakeoff.machine.hardware import Machine


class Placement(Value, frozen=True):
    """The resources of an execution: number of workers, threads of each, device and precision."""

    workers: int
    threads: int
    device: str = "cpu"
    precision: str = "auto"
    compile: bool = False
    run_timeout: float | None = None
    """Time limit for one session of a run, in seconds; None for no limit."""
    hold_test: bool = False
    """Stop before the test images are evaluated; a later session without it evaluates them."""
    devices: int = 1
    """How many devices train one run together, each with `threads` threads."""
    cluster: Cluster | None = None
    """The executor and its settings; None for processes of this machine."""


@dataclass(frozen=True)
class Step:
    """Progress within an epoch: `done` of `of` steps."""

    epoch: int
    done: int
    of: int


@dataclass(frozen=True)
class Started:
    """A worker's first message about a run: it has received it."""


@dataclass(frozen=True)
class Message:
    """A worker's message about its run."""

    run_id: str
    content: Step | Epoch | Trained | Outcome | Measured | Failure
    environment: dict

    @property
    def is_last(self) -> bool:
        """Whether it is the last message about the run."""
        return isinstance(self.content, Trained | Outcome | Measured | Failure)


JobOutput: TypeAlias = Iterator[tuple[Epoch | Trained | Outcome | Measured | Failure, dict]]
"""What a job yields about a run, each with the environment; everything but an epoch comes last."""
Job: TypeAlias = Callable[[Run, Placement, Path, Callable[[int, int, int], None] | None], JobOutput]
"""What workers do with a run, given the folder of weights and checkpoints and a callback for steps."""


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


MAX_WORKERS = 1024
"""Upper limit on workers, and on threads of each: many more would bring down the process or the machine."""


def placement_for(runs: int, device: str = "cpu", workers: int | None = None, threads: int | None = None) -> Placement:
    """Return the placement for a plan of `runs` runs.

    It depends on the whole plan, not on what is left of it: a resumed study uses the same number of threads, which
    results depend on.

    Raises:
        BakeoffError: workers or threads are not between 1 and `MAX_WORKERS`.
    """
    for name, number in {"workers": workers, "threads": threads}.items():
        if number is not None and not 1 <= number <= MAX_WORKERS:
            raise BakeoffError(f"{name} must be 1 to {MAX_WORKERS}, got {number}")
    if workers is None:
        workers = 1 if not device.startswith("cpu") else cores()
    workers = max(1, min(workers, runs))
    return Placement(workers, threads or max(1, cores() // workers), device)


def worker_main(
    connection: Connection, placement: Placement, folder: Path, job: Job, stack_file: Path | None = None
) -> None:
    """Do the job with each run that comes through the pipe, until it closes. On request, write the stack to a file."""
    if stack_file:
        with suppress(OSError):
            dump_stack_on_request(stack_file)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems where it could not be blocked at the start
    threading.Thread(target=exit_with_parent, daemon=True).start()
    from bakeoff.nets import user_file  # may load torch, so import it only after watching the parent

    user_file.FOLDERS.append(folder)
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:  # trying the networks out has shown what they print
        os.dup2(nowhere.fileno(), 1)
    with suppress(EOFError, OSError):
        while True:
            run: Run = connection.recv()
            connection.send(Started())
            for content, environment in job(run, placement, folder, _step_reporter(run, connection)):
                connection.send(Message(run.id, content, environment))


def _step_reporter(run: Run, connection: Connection) -> Callable[[int, int, int], None]:
    """Return a callback that sends the progress at most three times a second, not at every step."""
    last = 0.0

    def report(epoch: int, done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.3:
            last = now
            connection.send(Message(run.id, Step(epoch, done, of), {}))

    return report


def train_run(
    run: Run,
    placement: Placement,
    folder: Path,
    on_step: Callable[[int, int, int], None] | None = None,
    draft: str = "",
) -> JobOutput:
    """Train one run in this process; every error becomes a `Failure`. `draft` as for `bakeoff.training.loop.fit`."""
    from bakeoff.execution.followers import devices_of
    from bakeoff.machine import hardware
    from bakeoff.training.evaluate import Diverged
    from bakeoff.training.loop import fit
    from bakeoff.training.schedules import has_ended

    environment: dict = {}
    try:
        machine = machine_of(placement)
        environment = hardware.environment(machine)
        check_weights(run)
        history: list[Epoch] = []
        with devices_of(run, placement, folder) as devices:
            for item in fit(run, load_images(run, folder), machine, folder, on_step, draft, devices):
                yield item, item.environment if isinstance(item, Outcome) else environment
                history += [item] if isinstance(item, Epoch) else []
                if placement.hold_test and has_ended(run.recipe, history):
                    yield Trained(), environment
                    return
    except Diverged as error:
        yield Failure("diverged", str(error), epoch=error.epoch, step=error.step), environment
    except BakeoffError as error:
        yield Failure("error", str(error)), environment
    except (Exception, SystemExit) as error:
        yield to_failure(error), environment


def machine_of(placement: Placement, rank: int = 0) -> "Machine":
    """Return the machine that a worker trains on, as one of the devices of a run sees it."""
    from bakeoff.machine import hardware

    device = hardware.choose_device(placement.device)
    if placement.devices > 1 and device == "cuda":
        device = hardware.choose_device(f"cuda:{rank}")
    precision = hardware.choose_precision(device, placement.precision)
    return hardware.Machine(device, precision, placement.threads, placement.compile, placement.devices)


SHIPPED = "images.json"
"""File in a folder of a worker that says where the images of its run are, if they came from another machine."""


class Shipped(Value, frozen=True):
    """The content of that file."""

    pack: str
    info: DataInfo


def load_images(run: Run, folder: Path | None = None) -> "Dataset":
    """Load the images of a run, from the place that the worker's folder names, if any.

    Raises:
        BakeoffError: the images have changed since the run was planned.
    """
    from bakeoff import data
    from bakeoff.data.shipping import open_shipped

    if folder and (folder / SHIPPED).exists():
        shipped = msgspec.json.decode((folder / SHIPPED).read_bytes(), type=Shipped)
        images = open_shipped(Path(shipped.pack), shipped.info)
    else:
        images = data.load_dataset(run.data, run.recipe.image)
    if images.info.content_hash != run.data_hash:
        raise BakeoffError(f"the images of {run.data} have changed since the study started: run the command again")
    return images


def check_weights(run: Run) -> None:
    """Check that a network of a collection starts from the weights that the run was planned with.

    These weights are in a cache that other programs write to; other weights are in the package or beside the store.

    Raises:
        BakeoffError: they have changed since.
    """
    if collection_of(run.net):
        from bakeoff.nets import find_net

        weights = find_net(run.net).weights
        if (weights.sha256 if weights else "") != run.weights:
            raise BakeoffError(f"the weights of {run.net} have changed since the study started: run the command again")


def to_failure(error: Exception | SystemExit) -> Failure:
    """Return the failure for an unexpected error; call it in the except block, for the traceback."""
    text = traceback.format_exc()
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk-full", f"no space left for checkpoints: {error}", text)
    words = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words:
        hint = "use a smaller batch (--set batch_size=64) or fewer --workers"
        return Failure("out-of-memory", f"out of memory: {hint}", text)
    from bakeoff.nets import user_file

    file, line = user_file.place_of(error) or ("", None)
    return Failure("error", user_file.describe_error(error), text, file=file, line=line)
