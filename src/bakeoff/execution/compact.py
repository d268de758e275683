"""Frees the space that a store and the files beside it no longer need. No torch."""

import sqlite3
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.execution.extend import Key, can_be_extended, key_without_epochs
from bakeoff.spec.paths import trunk_path
from bakeoff.spec.recipe import Cooldown
from bakeoff.spec.records import Result
from bakeoff.store.claims import is_at_work
from bakeoff.store.files import CHECKPOINTS, StoreFile, files_of
from bakeoff.store.store import Store


@dataclass(frozen=True)
class Compacted:
    """What compacting a store freed. The field names are JSON keys: do not rename them."""

    store: str
    bytes_before: int
    """Of the SQLite file."""
    bytes_after: int
    deleted: list[str]
    """Files deleted from the folder beside it."""
    deleted_bytes: int
    held_bytes: int
    """Of the checkpoints left with which `pick` and `tune` could continue."""

    @property
    def freed(self) -> int:
        """Bytes freed in all."""
        return self.bytes_before - self.bytes_after + self.deleted_bytes


def compact(
    path: Path, *, checkpoints: bool = False, trainings: bool = False, settled: Collection[str] = ()
) -> Compacted:
    """Shrink the SQLite file, and delete the files beside it that nothing can use.

    These are checkpoints of finished runs, and of trainings of `pick` and `tune` that none would continue; drafts of
    commands that have ended; and files of runs and networks that are no longer in the store. Files that bakeoff did not
    write stay.

    Args:
        path: the store.
        checkpoints: also delete checkpoints from which only longer runs could resume.
        trainings: also delete checkpoints with which `pick` and `tune` could continue; they would train again.
        settled: ids of trainings whose contest does not continue them.

    Raises:
        BakeoffError: there is no such store, another command uses it, or the disk has no room for a second copy of it.
    """
    with Store(path) as store:
        before = path.stat().st_size
        with store.transaction():  # so that no run can be claimed meanwhile
            rows = store._db.execute("SELECT id, net, owner, heartbeat FROM runs").fetchall()
            if any(row["owner"] and is_at_work(row["owner"], row["heartbeat"]) for row in rows):
                raise BakeoffError(f"{path} is in use by another command: wait until that has ended, or stop it")
            files = files_of(store.files, {row["id"] for row in rows}, {str(row["net"]) for row in rows})
            results = store.results()
            done = {result.id: result.run for result in results if result.state == "done"}
            held = {result.id for result in results if result.is_untested}
            over = {result.id for result in results if result.state == "waiting" and result.id in settled}
            over |= held if trainings else _superseded(results, store.files)
            kept = {run_id for run_id, run in done.items() if can_be_extended(run.recipe)}
            unneeded = [
                file
                for file in files
                if _is_unneeded(file, done.keys(), set() if checkpoints else kept, checkpoints)
                or (file.kind in CHECKPOINTS and file.owner in over)
            ]
            left = sum(file.bytes for file in files if file.kind in CHECKPOINTS and file.owner in held - over)
            _delete(unneeded, store.files)
        try:
            store.shrink()
        except sqlite3.Error as error:
            raise BakeoffError(
                f"cannot shrink {path}: {error}: it needs room for a second copy, and no other command may use it"
            ) from error
    size = sum(file.bytes for file in unneeded)
    return Compacted(str(path), before, path.stat().st_size, [str(file.path) for file in unneeded], size, left)


def _superseded(results: Iterable[Result], folder: Path) -> set[str]:
    """Return the trainings held for `pick` and `tune` whose longer one is trained, too: that one would be continued."""
    by_key: dict[Key, list[Result]] = {}
    for result in results:
        if (result.is_untested or result.state == "done") and isinstance(result.run.recipe.schedule, Cooldown):
            by_key.setdefault(key_without_epochs(result.run), []).append(result)
    found = set()
    for alike in by_key.values():
        longest = max(
            (result.run.recipe.epochs for result in alike if trunk_path(folder, result.id).exists()), default=0
        )
        found |= {result.id for result in alike if result.is_untested and result.run.recipe.epochs < longest}
    return found


def _is_unneeded(file: StoreFile, done: Iterable[str], extensible: set[str], all_checkpoints: bool) -> bool:
    """Return whether nothing can use a file; `extensible` are runs whose checkpoints longer runs may resume from."""
    if file.kind in ("draft", "leftover"):
        return True
    is_done = file.owner in done
    if file.kind == "trunk":
        return is_done and all_checkpoints
    return file.kind == "checkpoint" and is_done and file.owner not in extensible


def _delete(files: Iterable[StoreFile], folder: Path) -> None:
    for file in files:
        file.path.unlink(missing_ok=True)
        parent = file.path.parent
        while parent != folder:
            with suppress(OSError):  # not empty yet
                parent.rmdir()
            parent = parent.parent
