"""How values lie in the rows of a store: packed arrays, records, and the seal of a finished run. No torch."""

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields

import msgspec
import numpy as np

from bakeoff.owners import is_at_work
from bakeoff.records import Epoch, Failure
from bakeoff.spec import Run
from bakeoff.values import digest, to_dict


def is_held(row: sqlite3.Row, owner: str) -> bool:
    """Tell whether a run is claimed by another than `owner`, one that still lives."""
    return row["owner"] not in (None, owner) and is_at_work(row["owner"], row["heartbeat"])


def seal(settings: str, epochs: Sequence[sqlite3.Row], measures: Mapping[str, float]) -> str:
    """Return a digest of what is stored of a finished run.

    SQLite does not notice a bit that turns over in a value; a finished run is read only with its seal unbroken.
    """
    numbers = sorted((name, float(value) + 0.0) for name, value in measures.items())  # SQLite keeps no sign of a zero
    return digest([settings, [tuple(row) for row in epochs], numbers])


def is_intact(row: sqlite3.Row | None, epochs: Sequence[sqlite3.Row], measures: Mapping[str, float]) -> bool:
    """Tell whether a run is there and, if it has finished, as it was then; older stores have no seals."""
    if row is None or row["seal"] is None:
        return row is not None
    return bool(row["state"] == "done" and row["seal"] == seal(row["settings"], epochs, measures))


def settings_of(run: Run) -> str:
    """Return the settings of a run as JSON, its protocol always among them: the default moves with the version."""
    return json.dumps(to_dict(run) | {"protocol": run.protocol})


def run_of(settings: str) -> Run:
    """Return the run that has these settings; the first protocol was not written down."""
    return msgspec.convert({"protocol": 1} | json.loads(settings), Run)


def epoch_of(row: sqlite3.Row) -> Epoch:
    """Return one row of the epochs."""
    return msgspec.convert({name: row[name] for name in Epoch.__struct_fields__}, Epoch)


def failure_of(row: sqlite3.Row | None) -> Failure | None:
    """Return one row of the failures, None for none."""
    if row is None:
        return None
    return Failure(**{field.name: row[field.name] for field in fields(Failure)})


def pack(array: np.ndarray, kind: type) -> bytes:
    """Return an array as compressed bytes of numbers of one kind; its shape is kept elsewhere."""
    return zlib.compress(np.ascontiguousarray(array, kind).tobytes(), 6)


def unpack(blob: bytes, kind: type) -> np.ndarray:
    """Return the numbers that `pack` was given, in one dimension."""
    return np.frombuffer(zlib.decompress(blob), kind)
