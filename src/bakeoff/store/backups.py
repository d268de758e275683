"""Backups of a store, made before it is changed as a whole. No torch."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import part_beside


def backup_path(path: Path, reason: str) -> Path:
    """Return a path beside a store at which there is no backup yet."""
    endings = (reason, *(f"{reason}-{number}" for number in range(2, 1000)))
    places = (path.with_name(f"{path.name}.{ending}.backup") for ending in endings)
    return next(place for place in places if not place.exists())


def keep_backup(path: Path, reason: str) -> Path:
    """Copy a store in one consistent state to a new file beside it, such as `a.db.v5.backup`, and return its path.

    Earlier backups stay. Other processes may use the store meanwhile.

    Args:
        path: the store.
        reason: part of the backup's name.

    Raises:
        BakeoffError: the store cannot be read, or there is no room for a copy.
    """
    target = backup_path(path, reason)
    try:
        with (
            part_beside(target) as part,
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(part)) as copy,
        ):
            source.backup(copy)
    except (sqlite3.Error, OSError) as error:
        raise BakeoffError(
            f"cannot keep a backup of {path} as {target.name} ({error}): free some space in {path.parent.absolute()}"
        ) from error
    return target
