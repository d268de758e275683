"""Salvages what is readable of a damaged store into a new file. No torch.

Rows are read page by page (`pages.py`), so only what is on damaged pages is lost. A run counts as intact if it can be
read, by its seal and all other checks of `Reader`. If it is not intact, its settings are kept if they match its id, and
it waits to be trained again.
"""

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import part_beside
from bakeoff.spec.records import NamedRun
from bakeoff.store.backups import backup_path
from bakeoff.store.check import check
from bakeoff.store.claims import is_at_work
from bakeoff.store.codec import DAMAGE, record_of, run_of, seal
from bakeoff.store.rows import RunRows, delete_rows, read_rows, write_rows
from bakeoff.store.salvage import Salvage, salvage
from bakeoff.store.schema import LOGS
from bakeoff.store.store import Store


@dataclass(frozen=True)
class LostRun(NamedRun):
    """A run that lost something. The field names are JSON keys: do not rename them."""

    lost: str
    """result: its settings are there, and it waits to be trained again; everything: only its id is known; machine: only
    what is known about the machine or the layers of the network."""


@dataclass(frozen=True)
class Repaired:
    """The outcome of repairing a store. The field names are JSON keys."""

    store: str
    backup: str
    """The damaged file, as it was; empty if nothing was damaged, and therefore nothing was written."""
    intact: int
    """Runs that are as they were."""
    lost: list[LostRun]
    lost_datasets: list[str]
    """Content hashes of data sets that are used but lost: they come back when the command is run again."""


def repair(path: Path) -> Repaired:
    """Replace a damaged store by what can be read of it, and keep the damaged file beside it.

    A store in which nothing is damaged stays as it is.

    Raises:
        BakeoffError: the file does not exist, or as `rebuild`.
    """
    if not path.is_file():
        raise BakeoffError(f"no store at {path}")
    with suppress(BakeoffError):  # too damaged to look at
        found = check(path)
        if found.runs and not found.is_damaged:
            return Repaired(str(path), "", found.readable, [], [])
    return rebuild(path)


def rebuild(path: Path) -> Repaired:
    """Replace a store by what can be read of it, whether it is damaged or not, and keep the file beside it.

    Raises:
        BakeoffError: the file is not a store, is in use, has nothing readable, or a file cannot be written.
    """
    found = salvage(path)
    owners = [(row["owner"], row["heartbeat"]) for row in found.runs.values() if isinstance(row["owner"], str)]
    if any(is_at_work(owner, heartbeat if isinstance(heartbeat, float) else None) for owner, heartbeat in owners):
        raise BakeoffError(f"{path} is in use by another command: wait until that has ended, or stop it")
    if not (found.runs or found.datasets):
        raise BakeoffError(f"nothing in {path} is readable as a store: use a backup")
    try:
        with part_beside(path) as part:
            with Store(part, create=True) as store:
                lost, missing = _fill(store, found)
            backup = _set_aside(path)
    except OSError as error:
        raise BakeoffError(f"cannot repair {path}: {error.strerror or error}") from error
    intact = len(found.runs) - sum(one.id in found.runs and one.lost != "machine" for one in lost)
    return Repaired(str(path), str(backup), intact, lost, missing)


def _fill(store: Store, found: Salvage) -> tuple[list[LostRun], list[str]]:
    """Write what was found to an empty store, and return the runs that lost something and the lost data sets."""
    db, lost = store._db, dict[str, LostRun]()
    names = ("content_hash", "facts", "test_labels")
    data = [row for row in found.datasets.values() if record_of(dict(zip(names, row, strict=True))) is not None]
    with store.transaction():
        db.executemany("INSERT INTO datasets VALUES (?, ?, ?)", data)
        studies = [row for _, row in sorted(found.studies.items())]
        db.executemany("INSERT INTO studies(at, command, study) VALUES (?, ?, ?)", studies)
        db.executemany("INSERT INTO comparisons(id, data_hash, recipe_key) VALUES (?, ?, ?)", sorted(found.comparisons))
        for run_id, run in sorted(found.runs.items(), key=lambda item: item[1]["rowid"]):
            rows = _with_columns_of_settings(found.rows_of(run_id))
            if (run["environment"] is not None) > (rows.environment is not None) or (
                (run["network"] is not None) > (rows.network is not None)
            ):
                lost[run_id] = _lost(run, "machine")
            if not _write(db, rows):
                lost[run_id] = _lost(run, "result" if _write(db, without_result(rows)) else "everything")
        known = {row[0] for row in data}
        missing = sorted({str(row[0]) for row in db.execute("SELECT data_hash FROM runs")} - known)
        for broken in store.unreadable():
            rows = read_rows(db, broken.id)
            if broken.state == "newer" or (rows.run["data_hash"] in missing and _is_whole(rows)):
                continue
            delete_rows(db, broken.id)
            again = without_result(rows)
            is_kept = _has_its_id(again) and _write(db, again)
            lost[broken.id] = _lost(found.runs[broken.id], "result" if is_kept else "everything")
    for run_id in found.ids - found.runs.keys():
        lost[run_id] = LostRun(run_id, "", "", "", None, "everything")
    return list(lost.values()), missing


def _lost(run: Mapping[str, Any], what: str) -> LostRun:
    seed = run["seed"] if isinstance(run["seed"], int) else None
    return LostRun(run["id"], run["net"], str(run["data"]), str(run["recipe"]), seed, what)


def _write(db: sqlite3.Connection, rows: RunRows) -> bool:
    """Write the rows of a run; return False, and write nothing, if the store cannot hold them."""
    db.execute("SAVEPOINT run")
    try:
        write_rows(db, rows)
    except (sqlite3.Error, OverflowError, KeyError):
        db.execute("ROLLBACK TO run")
        return False
    finally:
        db.execute("RELEASE run")
    return True


def without_result(rows: RunRows) -> RunRows:
    """Return a run as it was before it was trained; its failures stay on record."""
    run = {**rows.run, "state": "waiting", "started": None, "finished": None, "seal": None}
    return RunRows(run, (), {}, None, rows.failures, None, None)


def _with_columns_of_settings(rows: RunRows) -> RunRows:
    """Return a run with the columns that repeat its settings as these say, if the settings match its id."""
    if not _has_its_id(rows):
        return rows
    run = run_of(rows.run["settings"])
    columns = {
        "net": run.net,
        "data": run.data,
        "data_hash": run.data_hash,
        "recipe": run.recipe.name,
        "seed": run.seed,
    }
    return replace(rows, run={**rows.run, **columns})


def _has_its_id(rows: RunRows) -> bool:
    try:
        return run_of(rows.run["settings"]).id == rows.run["id"]
    except DAMAGE:
        return False


def _is_whole(rows: RunRows) -> bool:
    """Return whether nothing of a finished run itself is damaged, regardless of its data set."""
    try:
        rows.arrays()
        is_sealed = rows.run["seal"] == seal(rows.run["settings"], rows.epochs, rows.measures)
        return rows.run["state"] == "done" and is_sealed and rows.predictions is not None and _has_its_id(rows)
    except DAMAGE:
        return False


def _set_aside(path: Path) -> Path:
    """Give the damaged file and its logs names of their own; the file also keeps its name until it is replaced."""
    backup = backup_path(path, "damaged")
    try:
        os.link(path, backup)
    except (OSError, AttributeError):
        shutil.copyfile(path, backup)
    for ending in (*LOGS, "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{ending}").replace(backup.with_name(f"{backup.name}{ending}"))
    return backup
