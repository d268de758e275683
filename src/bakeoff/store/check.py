"""Checks a store for damage and leftover files. Changes nothing. No torch."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bakeoff.errors import BakeoffError
from bakeoff.store.claims import is_at_work
from bakeoff.store.codec import facts_of, layers_of, record_of
from bakeoff.store.files import files_of
from bakeoff.store.schema import LOGS, RECORDS
from bakeoff.store.store import Store
from bakeoff.text.formats import byte_size, counted

MOST_LINES = 20
"""Findings of SQLite's own check that are listed."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a store. The field names are JSON keys: do not rename them."""

    kind: Literal["file", "run", "row", "claim", "beside", "log"]
    """file: the structure of the SQLite file; run: a run that cannot be read; row: rows that belong to nothing, or that
    several runs share; claim: a claim of a command that has ended; beside: files in the folder beside the store; log:
    a log of SQLite."""
    is_damage: bool
    """False for harmless problems."""
    message: str
    runs: list[str] = field(default_factory=list)
    """Ids of the runs it is about."""


@dataclass(frozen=True)
class Checked:
    """What a check found. The field names are JSON keys."""

    store: str
    runs: int
    readable: int
    problems: list[Problem]

    @property
    def is_damaged(self) -> bool:
        """Whether anything is damaged."""
        return any(problem.is_damage for problem in self.problems)


def check(path: Path) -> Checked:
    """Check the structure of a store, the seals of its runs, its claims, and the files beside it.

    Raises:
        BakeoffError: there is no such file, or it is not a store.
    """
    logs = _logs(path) if path.is_file() else []  # opening a file creates logs of its own
    try:
        with Store(path) as store, store.reading():
            results, unreadable = store.read()
            problems = [*_structure(store._db), *_rows(store._db)]
            for run in unreadable:
                problems.append(Problem("run", run.state == "damaged", f"{run.label}: {run.reason}", [run.id]))
            problems += [*_claims(store._db), *_beside(store), *logs]
            return Checked(str(path), len(results) + len(unreadable), len(results), problems)
    except BakeoffError as error:
        if "is damaged" not in str(error):
            raise
        return Checked(str(path), 0, 0, [Problem("file", True, str(error).partition(": ")[0])])


def _structure(db: sqlite3.Connection) -> list[Problem]:
    lines = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({MOST_LINES})")]
    return [Problem("file", True, line) for text in lines if text != "ok" for line in text.splitlines()]


def _rows(db: sqlite3.Connection) -> list[Problem]:
    """Find rows without a run, and damaged rows that several runs may share."""
    found = []
    for table in RECORDS:
        orphans = [str(row[0]) for row in db.execute(f"SELECT DISTINCT run FROM {table}  EXCEPT SELECT id FROM runs")]
        if orphans:
            message = f"the table {table} has rows of {counted(len(orphans), 'run')} that the store does not have"
            found.append(Problem("row", True, message, sorted(orphans)))
    data = [str(row["content_hash"]) for row in db.execute("SELECT * FROM datasets") if record_of(row) is None]
    machines = [str(row["id"]) for row in db.execute("SELECT * FROM environments") if facts_of(row["facts"]) is None]
    networks = [str(row["id"]) for row in db.execute("SELECT * FROM networks") if layers_of(row["layers"]) is None]
    for what, damaged in {"data set": data, "machine": machines, "network": networks}.items():
        found += [Problem("row", True, f"the record of {what} {key} is damaged") for key in damaged]
    return found


def _claims(db: sqlite3.Connection) -> list[Problem]:
    rows = db.execute("SELECT id, state, owner, heartbeat FROM runs WHERE owner IS NOT NULL OR state = 'running'")
    stale = [row["id"] for row in rows if row["owner"] is None or not is_at_work(row["owner"], row["heartbeat"])]
    if not stale:
        return []
    message = f"{counted(len(stale), 'run')} claimed by commands that have ended: the next command continues them"
    return [Problem("claim", False, message, stale)]


def _beside(store: Store) -> list[Problem]:
    """Find files that belong to nothing, and finished runs whose weights are gone."""
    rows = store._db.execute("SELECT id, net, state FROM runs").fetchall()
    files = files_of(store.files, {row["id"] for row in rows}, {str(row["net"]) for row in rows})
    number, size = Counter[str](file.kind for file in files), Counter[str]()
    for file in files:
        size[file.kind] += file.bytes
    found = []
    for kind, what in {
        "leftover": "of runs and networks that are no longer in the store: `bakeoff store compact` deletes them",
        "draft": "that workers have not finished: `bakeoff store compact` deletes them if nobody is working",
        "unknown": "that bakeoff did not write",
    }.items():
        if number[kind]:
            message = f"{store.files} has {counted(number[kind], 'file')} ({byte_size(size[kind])}) {what}"
            found.append(Problem("beside", False, message))
    has_weights = {file.owner for file in files if file.kind == "weights"}
    without = [row["id"] for row in rows if row["state"] == "done" and row["id"] not in has_weights]
    if without:
        message = f"the weights of {counted(len(without), 'finished run')} are not beside the store: no predictions"
        found.append(Problem("beside", False, message, without))
    return found


def _logs(path: Path) -> list[Problem]:
    """Find logs, without which a copy of the file lacks something."""
    found = [log for log in (path.with_name(f"{path.name}{ending}") for ending in LOGS) if log.exists()]
    problems = [
        Problem(
            "log", False, f"{log.name} belongs to the store while a command writes, or after one was killed: copy both"
        )
        for log in found
    ]
    with path.open("rb") as file:
        header = file.read(20)
    if not found and header[18:19] == b"\x02":
        message = (
            f"{path.name} was written by an older bakeoff with a log, {path.name}-wal, that is not here: if the file "
            "was copied while it was in use, the latest results are missing, and a copy of both has them"
        )
        problems.append(Problem("log", False, message))
    return problems
