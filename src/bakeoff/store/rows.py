"""The rows of a run as they are in a store: to carry them unchanged into another store, or to delete them. No torch."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.spec.records import is_cost
from bakeoff.store.codec import array_of, seal
from bakeoff.store.schema import RECORDS

RUN = (
    "id", "net", "data", "data_hash", "recipe", "seed", "settings", "state", "added", "started", "finished", "seal",
)  # fmt: skip
"""Columns of a run that are carried as they are; claims are left behind, environments and networks are looked up."""
FAILURE = ("at", "kind", "message", "traceback", "epoch", "step", "file", "line")


@dataclass(frozen=True)
class RunRows:
    """Everything that a store has of one run."""

    run: Mapping[str, Any]
    """The columns of `RUN`."""
    epochs: tuple[tuple, ...]
    """Whole rows, in order."""
    measures: Mapping[str, float]
    predictions: tuple | None
    """(images, classes, predicted, probabilities), the arrays packed."""
    failures: tuple[tuple, ...]
    """The columns of `FAILURE`, oldest first."""
    environment: str | None
    """The facts as JSON."""
    network: str | None
    """The layers as JSON."""

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the predicted classes (N,) and the probabilities (N, K); both empty without predictions.

        Raises:
            one of DAMAGE: they are damaged.
        """
        if self.predictions is None:
            return np.zeros(0, np.uint16), np.zeros((0, 0), np.float16)
        images, classes, predicted, probabilities = self.predictions
        return array_of(predicted, np.uint16, (images,)), array_of(probabilities, np.float16, (images, classes))


def read_rows(db: sqlite3.Connection, run_id: str) -> RunRows:
    """Return the rows of a run. Needs a transaction, or they may be of different moments."""
    row = db.execute(f"SELECT {', '.join(RUN)}, environment, network FROM runs WHERE id = ?", (run_id,)).fetchone()
    predictions = db.execute(
        "SELECT images, classes, predicted, probabilities FROM predictions WHERE run = ?", (run_id,)
    ).fetchone()
    failures = db.execute(f"SELECT {', '.join(FAILURE)} FROM failures WHERE run = ? ORDER BY id", (run_id,))
    facts = db.execute("SELECT facts FROM environments WHERE id = ?", (row["environment"],)).fetchone()
    layers = db.execute("SELECT layers FROM networks WHERE id = ?", (row["network"],)).fetchone()
    return RunRows(
        {name: row[name] for name in RUN},
        tuple(map(tuple, db.execute("SELECT * FROM epochs WHERE run = ? ORDER BY epoch", (run_id,)))),
        dict(db.execute("SELECT name, value FROM measures WHERE run = ? ORDER BY name", (run_id,)).fetchall()),
        tuple(predictions) if predictions else None,
        tuple(map(tuple, failures)),
        facts["facts"] if facts else None,
        layers["layers"] if layers else None,
    )


def write_rows(db: sqlite3.Connection, rows: RunRows) -> None:
    """Insert the rows of a run that the store does not have, unclaimed. Needs a write transaction."""
    run_id = rows.run["id"]
    state = "waiting" if rows.run["state"] == "running" else rows.run["state"]
    db.execute(
        f"INSERT INTO runs({', '.join(RUN)}, environment, network) VALUES ({', '.join('?' * (len(RUN) + 2))})",
        (
            *({**rows.run, "state": state}[name] for name in RUN),
            _id_of(db, "environments", "facts", rows.environment),
            _id_of(db, "networks", "layers", rows.network),
        ),
    )
    if rows.epochs:
        marks = ", ".join("?" * len(rows.epochs[0]))
        db.executemany(f"INSERT INTO epochs VALUES ({marks})", rows.epochs)
    db.executemany("INSERT INTO measures VALUES (?, ?, ?)", [(run_id, *item) for item in rows.measures.items()])
    if rows.predictions:
        db.execute("INSERT INTO predictions VALUES (?, ?, ?, ?, ?)", (run_id, *rows.predictions))
    db.executemany(
        f"INSERT INTO failures(run, {', '.join(FAILURE)}) VALUES (?, {', '.join('?' * len(FAILURE))})",
        [(run_id, *failure) for failure in rows.failures],
    )


def delete_rows(db: sqlite3.Connection, run_id: str) -> None:
    """Delete the rows of a run. Needs a write transaction."""
    for table in RECORDS:
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))
    db.execute("DELETE FROM runs WHERE id = ?", (run_id,))


def _id_of(db: sqlite3.Connection, table: str, column: str, text: str | None) -> int | None:
    """Return the id of a text in a table that has each text once."""
    if text is None:
        return None
    db.execute(f"INSERT OR IGNORE INTO {table}({column}) VALUES (?)", (text,))
    return int(db.execute(f"SELECT id FROM {table} WHERE {column} = ?", (text,)).fetchone()[0])


def sealed_again(rows: RunRows, measures: Mapping[str, float]) -> RunRows:
    """Return the rows of a finished run with these measures instead, under a new seal if it had one."""
    run = dict(rows.run)
    if run["seal"] is not None:
        run["seal"] = seal(run["settings"], rows.epochs, measures)
    return RunRows(run, rows.epochs, measures, rows.predictions, rows.failures, rows.environment, rows.network)


EPOCH = (
    "run", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate",
    "train_seconds", "evaluation_seconds", "images_per_second", "peak_memory_bytes",
)  # fmt: skip
"""Columns of an epoch."""


def differences(one: RunRows, other: RunRows) -> list[str]:
    """Say how the results of a finished run differ in two stores, besides what the training cost; empty if they do not.

    A measure that only one of them has, because it was added later, is no difference.
    """
    found = []
    for name in sorted(one.measures.keys() & other.measures.keys()):
        if not is_cost(name) and one.measures[name] != other.measures[name]:
            found.append(f"{name} {one.measures[name]:.6g} and {other.measures[name]:.6g}")
    if len(one.epochs) != len(other.epochs):
        found.append(f"{len(one.epochs)} and {len(other.epochs)} epochs")
    for mine, theirs in zip(one.epochs, other.epochs, strict=False):
        names = [name for name, a, b in zip(EPOCH, mine, theirs, strict=True) if a != b and not is_cost(name)]
        if names:
            found.append(f"{', '.join(names)} from epoch {mine[1]} on")
            break
    (predicted, chances), (others, other_chances) = one.arrays(), other.arrays()
    if predicted.shape != others.shape or chances.shape != other_chances.shape:
        found.append("the number of predictions")
    elif changed := int((predicted != others).sum()):
        found.append(f"{changed} of {len(predicted)} predicted classes")
    elif chances.tobytes() != other_chances.tobytes():
        found.append("probabilities")
    return found
