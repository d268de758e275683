"""What a worker does with the runs it is given, and what it says about them.

On a CPU one process per core with one thread each is fastest for a grid of runs: nothing waits at barriers.
Workers share the pages of the packed data through memory maps. The pool in `executors/local.py` is their other end.
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

from bakeoff.errors import BakeoffError
from bakeoff.machine.processes import dump_stack_on_request, exit_with_parent
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome
from bakeoff.spec.run import Run
from bakeoff.spec.values import Value

if TYPE_CHECKING:
    from bakeoff.data import Dataset
    from bakeoff.machine.hardware import Machine


class Placement(Value, frozen=True):
    """How many processes train at once, with how many threads each, and on what."""

    workers: int
    threads: int
    device: str = "cpu"
    precision: str = "auto"
    compile: bool = False
    run_timeout: float | None = None
    """Seconds that a run may take in one go; None for no limit."""


@dataclass(frozen=True)
class Step:
    """A sign of life within an epoch."""

    epoch: int
    done: int
    of: int


@dataclass(frozen=True)
class Begun:
    """The first that a worker says of a run: it has taken it in hand."""


@dataclass(frozen=True)
class Message:
    """What a worker says about the run it is at."""

    run_id: str
    content: Step | Epoch | Outcome | Measured | Failure
    environment: dict


Told: TypeAlias = Iterator[tuple[Epoch | Outcome | Measured | Failure, dict]]
"""What a job yields of a run, with its environment; the last is an outcome, a failure or measures."""
Job: TypeAlias = Callable[[Run, Placement, Path, Callable[[int, int, int], None] | None], Told]
"""What workers do with a run, given the folder of weights and checkpoints and whom to tell of steps."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


MOST = 1024
"""Workers, and threads of each: far more end the process, or the machine."""


def place(runs: int, device: str = "cpu", workers: int | None = None, threads: int | None = None) -> Placement:
    """Choose a placement for a plan of `runs` runs.

    It depends on the whole plan, not on what is left of it, so that a resumed study computes with the same
    number of threads, to the same bits.

    Raises:
        BakeoffError: there are to be no workers or threads, or more than `MOST`.
    """
    for name, number in {"workers": workers, "threads": threads}.items():
        if number is not None and not 1 <= number <= MOST:
            raise BakeoffError(f"{name} must be 1 to {MOST}, not {number}")
    if workers is None:
        workers = 1 if not device.startswith("cpu") else cores()
    workers = max(1, min(workers, runs))
    return Placement(workers, threads or max(1, cores() // workers), device)


def work(connection: Connection, placement: Placement, folder: Path, job: Job, trace: Path | None = None) -> None:
    """Be a worker: train the runs that come through the pipe, or do another job with them, until it closes.

    Asked where it is in its code, it writes that to `trace`.
    """
    if trace:
        with suppress(OSError):
            dump_stack_on_request(trace)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back from the start
    threading.Thread(target=exit_with_parent, daemon=True).start()
    from bakeoff.nets import user_file  # loads torch, where no server has: only now that the parent is watched

    user_file.FOLDERS.append(folder)
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:  # users have seen what their networks print
        os.dup2(nowhere.fileno(), 1)
    with suppress(EOFError, OSError):
        while True:
            run: Run = connection.recv()
            connection.send(Begun())
            for content, environment in job(run, placement, folder, _reporter(run, connection)):
                connection.send(Message(run.id, content, environment))


def _reporter(run: Run, connection: Connection) -> Callable[[int, int, int], None]:
    """Return a callback that sends a sign of life a few times a second, not at every step."""
    last = 0.0

    def report(epoch: int, done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.3:
            last = now
            connection.send(Message(run.id, Step(epoch, done, of), {}))

    return report


def train(
    run: Run,
    placement: Placement,
    folder: Path,
    on_step: Callable[[int, int, int], None] | None = None,
    draft: str = "",
) -> Told:
    """Train one run here, turning whatever goes wrong into a `Failure`; `draft` as for `bakeoff.training.loop.fit`."""
    from bakeoff.machine import hardware
    from bakeoff.training.evaluate import Diverged
    from bakeoff.training.loop import fit

    environment: dict = {}
    try:
        machine = machine_of(placement)
        environment = hardware.environment(machine)
        for item in fit(run, images_of(run), machine, folder, on_step, draft):
            yield item, item.environment if isinstance(item, Outcome) else environment
    except Diverged as error:
        yield Failure("diverged", str(error), epoch=error.epoch, step=error.step), environment
    except BakeoffError as error:
        yield Failure("error", str(error)), environment
    except (Exception, SystemExit) as error:
        yield explain(error), environment


def machine_of(placement: Placement) -> "Machine":
    """Return what a worker computes on."""
    from bakeoff.machine import hardware

    device = hardware.choose_device(placement.device)
    precision = hardware.choose_precision(device, placement.precision)
    return hardware.Machine(device, precision, placement.threads, placement.compile)


def images_of(run: Run) -> "Dataset":
    """Load the images of a run.

    Raises:
        BakeoffError: they are not those that the run was planned for.
    """
    from bakeoff import data

    images = data.load(run.data, run.recipe.image)
    if images.info.content_hash != run.data_hash:
        raise BakeoffError(f"the images of {run.data} have changed since the study began: start the command again")
    return images


def explain(error: Exception | SystemExit) -> Failure:
    """Put an unexpected error into words, while it is being handled."""
    text = traceback.format_exc()
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk-full", f"no space left for checkpoints: {error}", text)
    words = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words:
        hint = "use a smaller batch (--set batch_size=64) or fewer --workers"
        return Failure("out-of-memory", f"out of memory: {hint}", text)
    from bakeoff.nets import user_file

    file, line = user_file.place_of(error) or ("", None)
    return Failure("error", user_file.in_words(error), text, file=file, line=line)
