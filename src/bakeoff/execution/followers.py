"""The processes of a run's further devices: started by the worker of the run, they end with it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.execution.worker import Placement, load_images, machine_of
from bakeoff.spec.run import Run
from bakeoff.spec.values import Value, to_dict

if TYPE_CHECKING:
    from bakeoff.training.devices import Devices


class FollowerJob(Value, frozen=True):
    """The instructions for a follower."""

    run: Run
    placement: Placement
    folder: str
    rank: int
    meeting: str
    """The file in which the devices meet."""


@contextmanager
def devices_of(run: Run, placement: Placement, folder: Path) -> Iterator["Devices"]:
    """Start the processes of the run's further devices, and join them.

    Raises:
        BakeoffError: a batch has fewer images than there are devices, or a process ends early.
    """
    from bakeoff.training.devices import ALONE, joined

    size = placement.devices
    if size == 1 or run.recipe.probe:
        yield ALONE
        return
    if run.recipe.batch_size < size:
        raise BakeoffError(f"a batch of {run.recipe.batch_size} images cannot be divided among {size} devices")
    with TemporaryDirectory(prefix="bakeoff-") as name:
        meeting = Path(name, "meeting")
        followers = [_start(FollowerJob(run, placement, str(folder), rank, str(meeting))) for rank in range(1, size)]
        try:
            with joined(0, size, meeting, placement.device) as devices:
                yield devices
        except RuntimeError as error:
            if codes := [code for follower in followers if (code := _exit_code(follower)) not in (None, 0)]:
                raise BakeoffError(f"the process of a device ended with exit code {codes[0]}") from error
            raise
        finally:
            for follower in followers:
                follower.kill()
                follower.wait()


def _start(order: FollowerJob) -> subprocess.Popen:
    """Start a follower; closing its stdin, as the end of this process does, ends it."""
    follower = subprocess.Popen(
        [sys.executable, "-m", "bakeoff.execution.followers"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert follower.stdin is not None
    content = msgspec.to_builtins(order, enc_hook=to_dict)
    follower.stdin.write(msgspec.json.encode(content) + b"\n")
    follower.stdin.flush()
    return follower


def _exit_code(follower: subprocess.Popen) -> int | None:
    """Return the exit code of a process that has ended, or is about to."""
    try:
        return follower.wait(5.0)
    except subprocess.TimeoutExpired:
        return None


def main() -> None:
    """Train as one of the further devices of a run, as the first line of stdin says."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=FollowerJob)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    from bakeoff.nets import user_file
    from bakeoff.training.devices import joined
    from bakeoff.training.loop import fit

    folder = Path(order.folder)
    user_file.FOLDERS.append(folder)
    machine = machine_of(order.placement, order.rank)
    with joined(order.rank, order.placement.devices, Path(order.meeting), machine.device) as devices:
        for _ in fit(order.run, load_images(order.run, folder), machine, folder, devices=devices):
            pass


def _end_with_stdin() -> None:
    while os.read(0, 1):  # sys.stdin would be locked when the process ends, which Python answers with an abort
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
