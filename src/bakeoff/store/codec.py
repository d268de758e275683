"""How values lie in the rows of a store: packed arrays, records, and the seal of a finished run. No torch."""

import json
import math
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from bakeoff.spec.data import DataInfo
from bakeoff.spec.records import DataRecord, Epoch, Failure, Result, Unreadable
from bakeoff.spec.run import Run
from bakeoff.spec.values import Value, digest, to_dict
from bakeoff.store.claims import is_at_work

DAMAGE = (ValueError, TypeError, OverflowError, RecursionError, zlib.error, msgspec.MsgspecError)
"""What the functions here raise for values that are not as they were written: SQLite does not notice a bit that turns
over, and gives whatever lies in a row."""

STATES = ("waiting", "running", "done", "failed")


class DataFacts(DataInfo, frozen=True, kw_only=True):
    """What a record of a data set holds, so far as it is relied on; other versions may know less, or more."""

    source: str = ""
    licence: str = ""
    citation: str = ""
    skipped: list[tuple[str, str]] = []
    left_out: dict[str, int] = {}
    manifest: dict[str, dict[str, str]] = {}
    duplicates: dict[str, Any] = {}
    properties: dict[str, float | None] = {}


class MachineFacts(Value, frozen=True):
    """What an environment holds, so far as it is relied on."""

    threads: int = 1
    cores: int = 1
    before: dict[str, list] = {}
    nondeterministic: list[str] = []
    not_measured: dict[str, str] = {}


class LayerFacts(Value, frozen=True):
    """What a layer of a network holds, so far as it is relied on."""

    name: str
    type: str
    input: list[int]
    output: list[int]


def is_held(row: sqlite3.Row, owner: str) -> bool:
    """Tell whether a run is claimed by another than `owner`, one that still lives."""
    return row["owner"] not in (None, owner) and is_at_work(row["owner"], row["heartbeat"])


def seal(settings: str, epochs: Sequence[sqlite3.Row], measures: Mapping[str, float]) -> str:
    """Return a digest of what is stored of a finished run.

    SQLite does not notice a bit that turns over in a value; a finished run is read only with its seal unbroken.
    """
    numbers = sorted((name, float(value) + 0.0) for name, value in measures.items())  # SQLite keeps no sign of a zero
    return digest([settings, [tuple(row) for row in epochs], numbers])


def settings_of(run: Run) -> str:
    """Return the settings of a run as JSON, its protocol always among them: the default moves with the version."""
    return json.dumps(to_dict(run) | {"protocol": run.protocol})


def run_of(settings: str) -> Run:
    """Return the run that has these settings; the first protocol was not written down."""
    return msgspec.convert({"protocol": 1} | _table(settings), Run)


def _table(text: str) -> dict[str, Any]:
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise ValueError("this is no table of names and values")
    return tree


def _known(facts: dict[str, Any], kind: type[Value]) -> dict[str, Any]:
    """Return a table whose values are as a kind of facts has them; what the kind does not know is as it is."""
    msgspec.convert({name: facts[name] for name in kind.__struct_fields__ if name in facts}, kind)
    return facts


def result_of(
    row: sqlite3.Row,
    epochs: Sequence[sqlite3.Row],
    measures: Sequence[sqlite3.Row],
    failure: sqlite3.Row | None,
    environments: Mapping[int, dict | None],
    networks: Mapping[int, tuple | None],
) -> Result:
    """Return a run as it was written.

    Raises:
        one of DAMAGE: it is not, or its settings mean nothing to this version. Older stores have no seals.
    """
    numbers = {one["name"]: float(one["value"]) for one in measures}
    is_sealed = row["seal"] is not None
    if row["state"] not in STATES or (is_sealed and row["state"] != "done"):
        raise ValueError("its state is not what it was")
    if is_sealed and row["seal"] != seal(row["settings"], epochs, numbers):
        raise ValueError("its numbers are not those that were written")
    environment = environments.get(row["environment"]) if row["environment"] is not None else {}
    layers = networks.get(row["network"]) if row["network"] is not None else ()
    if environment is None or layers is None:
        raise ValueError("what is known of its machine or its network is not there")
    times = row["started"], row["finished"]
    if not all(isinstance(time, str | None) for time in times):
        raise ValueError("its times are not those that were written")
    run = run_of(row["settings"])
    if run.id != row["id"]:
        raise ValueError("its settings are not those that were written")
    return Result(
        id=row["id"],
        run=run,
        state=row["state"],
        epochs=tuple(map(epoch_of, epochs)),
        measures={name: value for name, value in numbers.items() if math.isfinite(value)},
        failure=failure_of(failure) if row["state"] == "failed" else None,
        started=row["started"],
        finished=row["finished"],
        environment=environment,
        layers=layers,
    )


def unreadable_of(
    row: sqlite3.Row, epochs: Sequence[sqlite3.Row], measures: Sequence[sqlite3.Row], error: Exception
) -> Unreadable:
    """Return what can be told of a run that cannot be read: it is damaged, or as a newer version wrote it."""
    is_newer = _is_as_written(row, epochs, measures)
    return Unreadable(
        id=str(row["id"]),
        net=str(row["net"]),
        data=str(row["data"]),
        recipe=str(row["recipe"]),
        seed=row["seed"] if isinstance(row["seed"], int) else None,
        state="newer" if is_newer else "damaged",
        reason=f"a newer bakeoff wrote it ({error}): upgrade bakeoff" if is_newer else f"it is damaged: {error}",
    )


def _is_as_written(row: sqlite3.Row, epochs: Sequence[sqlite3.Row], measures: Sequence[sqlite3.Row]) -> bool:
    """Tell whether settings that mean nothing to this version are undamaged all the same.

    They are what the seal of the finished run was made of, or what its id is a digest of.
    """
    try:
        tree = {"protocol": 1} | _table(row["settings"])
        with suppress(msgspec.ValidationError):
            msgspec.convert(tree, Run)
            return False  # they mean something: it is another thing that cannot be read
        if row["seal"] is not None:
            numbers = {one["name"]: float(one["value"]) for one in measures}
            return bool(row["seal"] == seal(row["settings"], epochs, numbers))
        recipe = {name: value for name, value in tree["recipe"].items() if name != "name"}
        identity = [tree["protocol"], tree["net"], tree["data_hash"], digest(recipe), tree["seed"]]
        return digest(identity)[:16] == row["id"]
    except (*DAMAGE, LookupError, AttributeError):
        return False


def record_of(row: sqlite3.Row) -> DataRecord | None:
    """Return one row of the data sets, None if it is damaged."""
    try:
        return DataRecord(
            row["content_hash"], _known(_table(row["facts"]), DataFacts), unpack(row["test_labels"], np.int64)
        )
    except DAMAGE:
        return None


def facts_of(text: str) -> dict | None:
    """Return a table of facts about a machine, None if it is damaged."""
    try:
        return _known(_table(text), MachineFacts)
    except DAMAGE:
        return None


def layers_of(text: str) -> tuple[dict, ...] | None:
    """Return the layers of a network, None if they are damaged."""
    try:
        return tuple(_known(layer, LayerFacts) for layer in json.loads(text))
    except DAMAGE:
        return None


def epoch_of(row: sqlite3.Row) -> Epoch:
    """Return one row of the epochs."""
    return msgspec.convert({name: finite(name, row[name]) for name in Epoch.__struct_fields__}, Epoch)


def finite(name: str, value: Any) -> Any:
    """Return a field of an epoch; a validation that is no number, or infinite, is as none."""
    is_lost = name.startswith("validation") and isinstance(value, float) and not math.isfinite(value)
    return None if is_lost else value


def failure_of(row: sqlite3.Row | None) -> Failure | None:
    """Return one row of the failures, None for none."""
    if row is None:
        return None
    return msgspec.convert({field.name: row[field.name] for field in fields(Failure)}, Failure)


def pack(array: np.ndarray, kind: type) -> bytes:
    """Return an array as compressed bytes of numbers of one kind; its shape is kept elsewhere."""
    return zlib.compress(np.ascontiguousarray(array, kind).tobytes(), 6)


def array_of(blob: bytes, kind: type, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array that was packed; one of `DAMAGE` is raised if it has another shape."""
    return unpack(blob, kind).reshape(shape)


def unpack(blob: bytes, kind: type) -> np.ndarray:
    """Return the numbers that `pack` was given, in one dimension."""
    return np.frombuffer(zlib.decompress(blob), kind)
