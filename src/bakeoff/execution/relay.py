"""On another machine: trains the run of a parcel in a process of its own, and reports to where the parcel came from."""

import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bakeoff.data.shipping import receive
from bakeoff.errors import BakeoffError
from bakeoff.execution.extend import shared_epochs
from bakeoff.execution.parcels import Cargo, Content, Parcel, version
from bakeoff.execution.remote_files import RemoteFolder
from bakeoff.execution.worker import SHIPPED, Message, Shipped, Step
from bakeoff.spec.paths import checkpoint_path
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run

STEP_SECONDS = 2.0
"""Minimum seconds between reports of progress within an epoch."""
ATTEMPTS = 3
"""How many times sending a checkpoint is tried."""


@dataclass(frozen=True)
class NodeReport:
    """A report about a run, with files for the folder beside the store; the first one only says where it runs."""

    message: Message | None
    files: dict[str, bytes] = field(default_factory=dict)
    place: str = ""
    """The machine, and its file with what the worker prints."""


def relay(parcel: Parcel, cargo: Cargo) -> Iterator[NodeReport]:
    """Train the run of a parcel and report each message about it; every error becomes a `Failure`."""
    yield NodeReport(None, place=describe_place())
    run = parcel.run
    try:
        with TemporaryDirectory(prefix="bakeoff-") as name:
            yield from _train(parcel, cargo, Path(name))
    except BakeoffError as error:
        yield NodeReport(Message(run.id, Failure("error", f"{error} (on {socket.gethostname()})"), {}))
    except Exception as error:
        text = f"{type(error).__name__}: {error} (on {socket.gethostname()})"
        yield NodeReport(Message(run.id, Failure("error", text, traceback.format_exc()), {}))


def _train(parcel: Parcel, cargo: Cargo, folder: Path) -> Iterator[NodeReport]:
    from bakeoff.execution.executors.local import Pool

    _unpack(parcel, cargo, folder)
    before = {path.name for path in folder.iterdir()}
    said = 0.0
    with Pool(parcel.placement, folder, parcel.job) as pool:
        pool.submit(parcel.run)
        while pool.running:
            for message in pool.messages(timeout=1.0):
                content = message.content
                if isinstance(content, Step):
                    if time.monotonic() - said >= STEP_SECONDS:
                        said = time.monotonic()
                        yield NodeReport(message)
                    continue
                if isinstance(content, Failure) and content.kind == "disk-full":  # it is not the store's disk
                    own = replace(content, kind="error", message=f"{content.message} (on {socket.gethostname()})")
                    message = Message(message.run_id, own, message.environment)
                yield NodeReport(message, _new_files(parcel, content, folder, before))


def _unpack(parcel: Parcel, cargo: Cargo, folder: Path) -> None:
    if parcel.bakeoff != version():
        raise BakeoffError(
            f"bakeoff {parcel.bakeoff} started the study, and this machine has {version() or 'another one'}: "
            "install the same version everywhere"
        )
    for name, content in parcel.files.items():
        _write(folder / name, content)
    kept = f"{parcel.run.id}.pt"
    if parcel.checkpoints and parcel.begun and (place := RemoteFolder(parcel.checkpoints)).has(kept):
        place.fetch(kept, checkpoint_path(folder, parcel.run.id))
    pack = receive(cargo.shipment, lambda name: cargo.files[name].chunks())
    (folder / SHIPPED).write_bytes(msgspec.json.encode(Shipped(str(pack), cargo.shipment.info)))


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in content.chunks():
            file.write(chunk)


def _new_files(parcel: Parcel, content: object, folder: Path, before: set[str]) -> dict[str, bytes]:
    """Return the files that belong to a message. A checkpoint that all machines can reach stays there."""
    match content:
        case Epoch():
            ending = f"-{content.epoch}.pt"
        case Outcome():
            ending = ".safetensors"
        case _:
            return {}
    paths = [path for path in folder.iterdir() if path.name.endswith(ending) and path.name not in before]
    if isinstance(content, Epoch) and paths and parcel.checkpoints:
        is_kept = _keep(parcel, paths[0])
        if is_kept and content.epoch != shared_epochs(parcel.run.recipe):  # longer runs resume from that one
            return {}
    found = {path.name: path.read_bytes() for path in paths}
    for path in paths:
        path.unlink()
    return found


def _keep(parcel: Parcel, path: Path) -> bool:
    """Send a checkpoint to where all machines can reach it; return False if that fails again and again."""
    for attempt in range(ATTEMPTS):
        with suppress(Exception):  # each file system has its own errors
            RemoteFolder(parcel.checkpoints).send(path, f"{parcel.run.id}.pt")
            return True
        time.sleep(2.0**attempt)
    return False


def describe_place() -> str:
    """Return this machine, and the file with the output of its workers, as far as it is known."""
    with suppress(OSError, ValueError):
        log = str(Path("/proc/self/fd/2").readlink())
        if log.startswith("/") and not log.startswith("/dev/"):
            return f"{socket.gethostname()}:{log}"
    return socket.gethostname()


def forget_checkpoint(url: str, run: Run) -> None:
    """Delete the checkpoint of a run that has ended."""
    if url:
        RemoteFolder(url).delete(f"{run.id}.pt")
