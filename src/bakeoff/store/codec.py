"""Converts between values and rows of a store: packed arrays, records, and the seal of a finished run. No torch."""

import json
import math
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any

import msgspec
import numpy as np

from bakeoff.data.versions import Version
from bakeoff.spec.data import DataInfo
from bakeoff.spec.packed import unpack_array
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.records import DataRecord, Epoch, Failure, RecipeUse, Result, Unreadable
from bakeoff.spec.run import Run
from bakeoff.spec.values import Value, digest, to_dict
from bakeoff.store.claims import is_at_work
from bakeoff.text.safe import finite

DAMAGE = (ValueError, TypeError, OverflowError, RecursionError, zlib.error, msgspec.MsgspecError)
"""Raised here for damaged values: SQLite does not detect flipped bits within a row."""

WATCHED = tuple(name for name in Epoch.__struct_fields__ if name.startswith("validation"))
"""Fields of an epoch that are None where there is no number."""
KINDS = frozenset(
    (int, float, float, *watched, float, float, float, float, int)
    for watched in product((float, type(None)), repeat=len(WATCHED))
)
"""The types of the fields of an intact epoch."""
STATES = ("waiting", "running", "done", "failed")


class DataFacts(DataInfo, frozen=True, kw_only=True):
    """The facts of a data set that the code relies on; other versions may store fewer or more."""

    source: str = ""
    licence: str = ""
    citation: str = ""
    skipped: list[tuple[str, str]] = []
    left_out: dict[str, int] = {}
    manifest: dict[str, dict[str, str]] = {}
    duplicates: dict[str, Any] = {}
    twins: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    properties: dict[str, float | None] = {}


class MachineFacts(Value, frozen=True):
    """The facts of an environment that the code relies on."""

    threads: int = 1
    cores: int = 1
    before: dict[str, list] = {}
    nondeterministic: list[str] = []
    not_measured: dict[str, str] = {}


class LayerFacts(Value, frozen=True):
    """The facts of a layer that the code relies on."""

    name: str
    type: str
    input: list[int]
    output: list[int]


def is_held(row: sqlite3.Row, owner: str) -> bool:
    """Return whether a run is claimed by another owner that is still alive."""
    return row["owner"] not in (None, owner) and is_at_work(row["owner"], row["heartbeat"])


def seal(settings: str, epochs: Sequence[sqlite3.Row | tuple], measures: Mapping[str, float]) -> str:
    """Return a checksum of the stored values of a finished run.

    SQLite does not detect flipped bits; a finished run with a wrong seal is treated as damaged.
    """
    numbers = sorted(
        (name, float(value) + 0.0) for name, value in measures.items()
    )  # SQLite does not store the sign of zero
    return digest([settings, [tuple(row) for row in epochs], numbers])


def settings_of(run: Run) -> str:
    """Return the settings of a run as JSON, always with its protocol, whose default changes between versions."""
    return json.dumps(to_dict(run) | {"protocol": run.protocol})


class _Settings(Value, frozen=True):
    """Those of a run, with its recipe as JSON."""

    net: str
    data: str
    data_hash: str
    recipe: msgspec.Raw
    seed: int
    protocol: int = 1
    weights: str = ""


_settings = msgspec.json.Decoder(_Settings)


def run_of(settings: str) -> Run:
    """Return the run with these settings; protocol 1 was not recorded."""
    one = _settings.decode(settings)
    return Run(one.net, one.data, one.data_hash, _recipe_of(bytes(one.recipe)), one.seed, one.protocol, one.weights)


@lru_cache(maxsize=1000)  # thousands of runs share a few recipes, which know their key once it was asked for
def _recipe_of(settings: bytes) -> Recipe:
    return msgspec.json.decode(settings, type=Recipe)


def _table(text: str) -> dict[str, Any]:
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise ValueError("expected a JSON object")
    return tree


def _known(facts: dict[str, Any], kind: type[Value]) -> dict[str, Any]:
    """Return `facts` if the values of all fields of `kind` have the right types; other fields are not checked."""
    msgspec.convert({name: facts[name] for name in kind.__struct_fields__ if name in facts}, kind)
    return facts


def result_of(
    row: sqlite3.Row,
    epochs: Sequence[tuple],
    measures: Sequence[tuple],
    failure: sqlite3.Row | None,
    environments: Mapping[int, dict | None],
    networks: Mapping[int, tuple | None],
    versions: Mapping[str, Version],
    compared: Mapping[RecipeUse, Sequence[str]],
) -> Result:
    """Return a stored run. Runs of older stores have no seal.

    Rows of epochs and measures have the columns of their tables, the id of the run first. `compared` has the ids of the
    comparisons that a recipe on a data set is part of.

    Raises:
        one of DAMAGE: it is damaged, or this version does not understand its settings.
    """
    numbers = {name: float(value) for _, name, value in measures}
    is_sealed = row["seal"] is not None
    if row["state"] not in STATES or (is_sealed and row["state"] != "done"):
        raise ValueError("its state does not match its seal")
    if is_sealed and row["seal"] != seal(row["settings"], epochs, numbers):
        raise ValueError("its numbers do not match its checksum")
    environment = environments.get(row["environment"]) if row["environment"] is not None else {}
    layers = networks.get(row["network"]) if row["network"] is not None else ()
    if environment is None or layers is None:
        raise ValueError("the record of its machine or network is missing")
    for time in (row["started"], row["finished"]):
        if time is not None:
            datetime.fromisoformat(time).timestamp()
    run = run_of(row["settings"])
    if run.id != row["id"]:
        raise ValueError("its settings do not match its id")
    version = versions[row["data_hash"]]
    return Result(
        id=row["id"],
        run=run,
        state=row["state"],
        epochs=epochs_of(epochs),
        measures={name: value for name, value in numbers.items() if math.isfinite(value)},
        failure=failure_of(failure) if row["state"] == "failed" else None,
        started=row["started"],
        finished=row["finished"],
        environment=environment,
        layers=layers,
        data=version.label,
        version=version.difference,
        compared=tuple(compared.get(RecipeUse(run.data_hash, run.recipe.key), ())) if compared else (),
    )


def unreadable_of(row: sqlite3.Row, epochs: Sequence[tuple], measures: Sequence[tuple], error: Exception) -> Unreadable:
    """Return a run that cannot be read: it is damaged, or was written by a newer version."""
    is_newer = _is_as_written(row, epochs, measures)
    return Unreadable(
        id=str(row["id"]),
        net=str(row["net"]),
        data=str(row["data"]),
        recipe=str(row["recipe"]),
        seed=row["seed"] if isinstance(row["seed"], int) else None,
        state="newer" if is_newer else "damaged",
        reason=f"written by a newer bakeoff ({error}): upgrade bakeoff" if is_newer else f"it is damaged: {error}",
    )


def _is_as_written(row: sqlite3.Row, epochs: Sequence[tuple], measures: Sequence[tuple]) -> bool:
    """Return whether settings that this version does not understand are intact: the seal or the id matches them."""
    try:
        tree = {"protocol": 1} | _table(row["settings"])
        with suppress(msgspec.ValidationError):
            msgspec.convert(tree, Run)
            return False  # the settings are understood; something else is damaged
        if row["seal"] is not None:
            numbers = {name: float(value) for _, name, value in measures}
            return bool(row["seal"] == seal(row["settings"], epochs, numbers))
        recipe = {name: value for name, value in tree["recipe"].items() if name != "name"}
        identity = [tree["protocol"], tree["net"], tree["data_hash"], digest(recipe), tree["seed"]]
        identity += [tree["weights"]] if "weights" in tree else []
        return digest(identity)[:16] == row["id"]
    except (*DAMAGE, LookupError, AttributeError):
        return False


def record_of(row: sqlite3.Row | Mapping[str, Any]) -> DataRecord | None:
    """Return a data set's record, None if it is damaged."""
    try:
        return DataRecord(
            row["content_hash"], _known(_table(row["facts"]), DataFacts), unpack_array(row["test_labels"], np.int64)
        )
    except DAMAGE:
        return None


def facts_of(text: str) -> dict | None:
    """Return the facts about a machine, None if they are damaged."""
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


def epochs_of(rows: Iterable[tuple]) -> tuple[Epoch, ...]:
    """Return epochs; a row is the id of the run and the values of the fields."""
    rows = [row[1:] for row in rows]
    if all(tuple(map(type, row)) in KINDS and all(map(math.isfinite, filter(None, row))) for row in rows):
        return tuple(Epoch(*row) for row in rows)
    values = [dict(zip(Epoch.__struct_fields__, row, strict=True)) for row in rows]
    for one in values:
        for name in WATCHED:
            if one[name] is not None:
                one[name] = finite(one[name])
    return msgspec.convert(values, tuple[Epoch, ...])


def epoch_value(name: str, value: Any) -> Any:
    """Return a field of an epoch, with NaN and infinity of validation fields replaced by None."""
    return finite(value) if name in WATCHED else value


def failure_of(row: sqlite3.Row | None) -> Failure | None:
    """Return a failure, None if there is none."""
    if row is None:
        return None
    return msgspec.convert({field.name: row[field.name] for field in fields(Failure)}, Failure)


def pack_array(array: np.ndarray, kind: type) -> bytes:
    """Return an array as compressed bytes of type `kind`, without its shape."""
    return zlib.compress(np.ascontiguousarray(array, kind).tobytes(), 6)


def array_of(blob: bytes, kind: type, shape: tuple[int, ...]) -> np.ndarray:
    """Return a packed array.

    Raises:
        one of DAMAGE: it is damaged or has another shape.
    """
    return unpack_array(blob, kind, math.prod(shape)).reshape(shape)


def predictions_of(images: int, classes: int, predicted: bytes, probabilities: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return the predicted classes (N,) uint16 and the class probabilities (N, K) float16.

    Raises:
        one of DAMAGE: they are damaged or incomplete.
    """
    shape = int(images), int(classes)
    return array_of(predicted, np.uint16, shape[:1]), array_of(probabilities, np.float16, shape)
