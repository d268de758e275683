"""Reports of a job as files in a folder that its driver sees: written in order, each whole; read without unpickling."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bakeoff.execution.parcels import Cargo, Parcel
from bakeoff.execution.relay import NodeReport, relay
from bakeoff.execution.worker import Message, Step
from bakeoff.spec.paths import write_whole
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome, Trained

ALIVE = "driver"
"""File that the driver touches regularly."""
ORPHAN_SECONDS = 600.0
"""A job ends if its driver has not been alive for this long."""
CONTENTS = {kind.__name__: kind for kind in (Step, Epoch, Trained, Outcome, Measured, Failure)}


class Envelope(msgspec.Struct):
    """A report as it is written."""

    place: str
    files: dict[str, bytes]
    run_id: str = ""
    kind: str = ""
    """What its message says, one of `CONTENTS`; empty for no message."""
    content: msgspec.Raw = msgspec.Raw(b"\xc0")
    environment: dict[str, Any] = {}


def encode_report(report: NodeReport) -> bytes:
    """Return a report as bytes."""
    envelope = Envelope(report.place, report.files)
    if message := report.message:
        envelope.run_id, envelope.kind = message.run_id, type(message.content).__name__
        envelope.content = msgspec.Raw(msgspec.msgpack.encode(message.content, enc_hook=_encode_array))
        envelope.environment = message.environment
    return msgspec.msgpack.encode(envelope)


def decode_report(written: bytes) -> NodeReport:
    """Return a report that was written.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    envelope = msgspec.msgpack.decode(written, type=Envelope)
    if not envelope.kind:
        return NodeReport(None, envelope.files, envelope.place)
    content: Any = msgspec.msgpack.decode(envelope.content, type=CONTENTS[envelope.kind], dec_hook=_decode_array)
    return NodeReport(Message(envelope.run_id, content, envelope.environment), envelope.files, envelope.place)


def _encode_array(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, value.tobytes()]
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(type(value).__name__)


def _decode_array(kind: type, value: Any) -> np.ndarray:
    dtype, shape, content = value
    return np.frombuffer(content, np.dtype(dtype)).reshape(shape)


def read_reports(outbox: Path, start: int) -> Iterator[NodeReport]:
    """Yield the available reports of a run, starting from a number, and delete them."""
    while True:
        path = _report_path(outbox, start)
        try:
            written = path.read_bytes()
        except FileNotFoundError:
            return
        yield decode_report(written)
        path.unlink(missing_ok=True)
        start += 1


def _report_path(outbox: Path, number: int) -> Path:
    return outbox / f"{number:08d}.report"


def train_pack(load: Sequence[tuple[Parcel, Cargo, str]]) -> None:
    """Train some runs one after another and write their reports: the main function of a job."""
    for parcel, cargo, outbox in load:
        for number, report in enumerate(relay(parcel, cargo)):
            path = _report_path(Path(outbox), number)
            write_whole(path, encode_report(report))
            if is_orphaned(path):
                return


def is_orphaned(path: Path) -> bool:
    """Return whether the driver was gone when a report was written, by the clock of the file system."""
    try:
        return path.parent.stat().st_mtime - (path.parent.parent / ALIVE).stat().st_mtime > ORPHAN_SECONDS
    except FileNotFoundError:  # the driver deletes the folder when it ends
        return True
