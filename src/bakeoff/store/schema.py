"""The file under a store: its tables, how older files are brought up to date, and transactions. No torch.

It is one file at any time but the milliseconds of a transaction: what a copy of it holds is all there is.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Self

from bakeoff.errors import BakeoffError

PATIENCE = 60
"""Seconds to wait for others who are writing."""
APPLICATION_ID = 0x62616B65  # "bake", in the file's header

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE datasets(
        content_hash TEXT PRIMARY KEY, facts TEXT NOT NULL, test_labels BLOB NOT NULL);
    CREATE TABLE environments(id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);
    CREATE TABLE runs(
        id TEXT PRIMARY KEY, net TEXT NOT NULL, data TEXT NOT NULL, data_hash TEXT NOT NULL,
        recipe TEXT NOT NULL, seed INTEGER NOT NULL, settings TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
        added TEXT NOT NULL, started TEXT, finished TEXT,
        owner TEXT, heartbeat REAL, environment INTEGER REFERENCES environments(id));
    CREATE TABLE epochs(
        run TEXT NOT NULL REFERENCES runs(id), epoch INTEGER NOT NULL,
        train_loss REAL NOT NULL, train_accuracy REAL NOT NULL,
        validation_loss REAL, validation_accuracy REAL,
        learning_rate REAL NOT NULL, train_seconds REAL NOT NULL, evaluation_seconds REAL NOT NULL,
        images_per_second REAL NOT NULL, peak_memory_bytes INTEGER NOT NULL,
        PRIMARY KEY (run, epoch)) WITHOUT ROWID;
    CREATE TABLE measures(
        run TEXT NOT NULL REFERENCES runs(id), name TEXT NOT NULL, value REAL NOT NULL,
        PRIMARY KEY (run, name)) WITHOUT ROWID;
    CREATE TABLE predictions(
        run TEXT PRIMARY KEY REFERENCES runs(id), images INTEGER NOT NULL, classes INTEGER NOT NULL,
        predicted BLOB NOT NULL, probabilities BLOB NOT NULL);
    CREATE TABLE failures(
        id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id), at TEXT NOT NULL,
        kind TEXT NOT NULL, message TEXT NOT NULL, traceback TEXT NOT NULL, epoch INTEGER, step INTEGER);
    CREATE TABLE studies(
        id INTEGER PRIMARY KEY, at TEXT NOT NULL, command TEXT NOT NULL, study TEXT NOT NULL);
    """,
    "ALTER TABLE runs ADD COLUMN seal TEXT",
    """
    CREATE TABLE networks(id INTEGER PRIMARY KEY, layers TEXT NOT NULL UNIQUE);
    ALTER TABLE runs ADD COLUMN network INTEGER REFERENCES networks(id);
    """,
    """
    ALTER TABLE failures ADD COLUMN file TEXT NOT NULL DEFAULT '';
    ALTER TABLE failures ADD COLUMN line INTEGER;
    """,
)
"""Each brings a file from the version of its position to the next; they are never changed, only added to."""


def _text(raw: bytes) -> str:
    """Return a text; what is damaged is marked, and found by those who look at what it means."""
    return raw.decode("utf-8", "replace")


@cache
def _columns() -> dict[str, frozenset[str]]:
    """Return the columns of the tables that a store has, by table."""
    with closing(sqlite3.connect(":memory:")) as db:
        for script in MIGRATIONS:
            db.executescript(script)
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: frozenset(row[1] for row in db.execute(f"PRAGMA table_info({table})")) for table in tables}


def _connection(place: str | Path) -> sqlite3.Connection:
    connection = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, uri=isinstance(place, str))
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    return connection


class Database:
    """An open file. Use it as a context manager; open it anew in another thread or process."""

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        """Open the store at `path`, migrate an older one.

        Raises:
            BakeoffError: there is no file and `create` is false; the file is no store, comes from a newer
                version of bakeoff, cannot be written.
        """
        self.path = Path(path)
        self._is_copy = False
        if not self.path.name or self.path.is_dir():
            raise BakeoffError(f"the store must be a file, and {self.path} is a folder: --store bakeoff.db")
        if self.path.exists() and not self.path.is_file():  # a device may look empty, a pipe never answers
            raise BakeoffError(f"the store must be a file, and {self.path} is a pipe or a device: --store bakeoff.db")
        if not create and not self.path.exists():
            raise BakeoffError(f"no store at {self.path}: `bakeoff run --store {self.path}` makes one")
        if not self.path.parent.is_dir():
            raise BakeoffError(f"the folder {self.path.parent} for the store does not exist: make it first")
        try:
            self._db = self._connect(create)
            try:
                self._prepare(create)
            except BaseException:
                self._db.close()
                raise
        except sqlite3.OperationalError as error:
            raise BakeoffError(f"cannot open the store {self.path}: {error}") from error
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if str(error) == "file is not a database":
                raise BakeoffError(f"{self.path} is not a bakeoff store ({error}): choose another --store") from error
            raise BakeoffError(f"the store {self.path} is damaged: {error}") from error

    def _connect(self, create: bool) -> sqlite3.Connection:
        """Open the file. In a place that cannot be written, SQLite must be told that nobody else writes either."""
        logs = [self.path.with_name(f"{self.path.name}-{kind}") for kind in ("wal", "journal")]
        self._is_fixed = not (create or os.access(self.path.parent, os.W_OK) or any(log.exists() for log in logs))
        if not self._is_fixed:
            return _connection(self.path)
        return _connection(f"{self.path.absolute().as_uri()}?immutable=1")

    def _prepare(self, create: bool) -> None:
        self._db.execute("BEGIN")  # one look at the file, which another process may be making just now
        application, version = self._pragma("application_id"), self._pragma("user_version")
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        has_log = self._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        self._db.execute("COMMIT")
        if has_log and not tables:
            log = f"{self.path.name}-wal"
            raise BakeoffError(
                f"{self.path} is empty: all of it is in {log}, which an older bakeoff left beside the original, and "
                f"which is not here: copy {log} too, or copy the store once no command is at it"
            )
        if has_log and create:
            self._leave_log()
        if application != APPLICATION_ID and tables:
            raise BakeoffError(f"{self.path} is an SQLite file but not a bakeoff store: choose another --store")
        if version > len(MIGRATIONS):
            raise BakeoffError(
                f"{self.path} was written by a newer bakeoff (store version {version}, this one reads up to "
                f"{len(MIGRATIONS)}): upgrade bakeoff"
            )
        if version == len(MIGRATIONS):
            self._check_tables()
            return
        if not create:
            self._copy_to_memory()
        self._migrate()

    def _migrate(self) -> None:
        with self._all_or_nothing():
            for number, script in enumerate(MIGRATIONS, start=1):
                if number > self._pragma("user_version"):
                    for statement in filter(str.strip, script.split(";")):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {number}")
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _check_tables(self) -> None:
        """Raise an error of SQLite if a table is not as it was made: what its rows mean is not known then."""
        for table, columns in _columns().items():
            found = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if not columns <= found:
                raise sqlite3.DatabaseError(f"its table {table} is damaged")

    def _leave_log(self) -> None:
        """Bring a store of an older version into one file; not while others have it open.

        They wrote ahead into a log: a copy of the file alone lacked what was in the log, and nobody could tell.
        """
        self._db.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE}")

    def _copy_to_memory(self) -> None:
        """Go on with a copy, to be brought up to date: who only looks at a file does not change it."""
        copy = _connection(":memory:")
        self._db.backup(copy)
        self._db.close()
        self._db, self._is_copy = copy, True

    def _leave_memory(self) -> None:
        """Go back to the file, which is going to be written."""
        if self._is_fixed:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        self._db.close()
        self._db, self._is_copy = _connection(self.path), False
        self._migrate()

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of a block or nothing of it.

        Raises:
            BakeoffError: the disk is full or the file cannot be written.
        """
        try:
            if self._is_copy:
                self._leave_memory()
        except sqlite3.Error as error:
            raise BakeoffError(f"cannot write to the store {self.path}: {error}") from error
        with self._all_or_nothing():
            yield

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except (sqlite3.Error, zlib.error, UnicodeDecodeError) as error:  # the last: SQLite quotes what is damaged
            raise BakeoffError(f"cannot write to the store {self.path}: {error}") from error
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See one state of the store throughout a block, whoever writes meanwhile.

        Raises:
            BakeoffError: the file is damaged so that SQLite cannot read it.
        """
        try:
            self._db.execute("BEGIN")
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: SQLite quotes what is damaged
            raise BakeoffError(f"the store {self.path} is damaged: {error}") from error
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk.

        Raises:
            sqlite3.Error: the disk is full, or others are at it.
        """
        self._db.execute("VACUUM")

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
