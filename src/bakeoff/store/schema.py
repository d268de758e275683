"""The SQLite file of a store: tables, migrations and transactions. No torch.

Except during a transaction everything is in one file, so a copy of it is complete.
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
from bakeoff.spec.paths import store_argument
from bakeoff.store.backups import keep_backup
from bakeoff.store.network_disks import warn_of_network

PATIENCE = 60
"""Seconds to wait for other writers."""
LOGS = ("-journal", "-wal")
"""Endings of SQLite's logs beside a file, which belong to it."""
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
    """
    CREATE TABLE IF NOT EXISTS comparisons(
        id TEXT NOT NULL, data_hash TEXT NOT NULL, recipe_key TEXT NOT NULL,
        PRIMARY KEY (data_hash, recipe_key, id)) WITHOUT ROWID;
    """,
    """
    ALTER TABLE runs ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE tokens(last INTEGER NOT NULL);
    INSERT INTO tokens(last) VALUES (0);
    """,
)
"""Each migrates a file from the version of its position to the next. Never change one, only append."""
RECORDS = ("epochs", "measures", "predictions", "failures")
"""Tables with rows of a run beside that in the table `runs`."""


def _text(raw: bytes) -> str:
    """Decode a text; damaged bytes become U+FFFD and are detected when the value is validated."""
    return raw.decode("utf-8", "replace")


@cache
def _columns() -> dict[str, frozenset[str]]:
    """Return the columns of each table of a store."""
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
    """An open file. Use it as a context manager; every thread and process needs its own."""

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        """Open the store at `path`, migrating an older one; a backup of it is kept beside it before it is written.

        Raises:
            BakeoffError: there is no file and `create` is false; or the file is not a store, was written by a newer
                version of bakeoff, or cannot be written.
        """
        self.path = Path(path)
        self._is_copy = False
        if not self.path.name or self.path.is_dir():
            raise BakeoffError(f"the store must be a file, such as bakeoff.db, and {self.path} is a folder")
        if self.path.exists() and not self.path.is_file():  # a device may look empty, a pipe blocks
            raise BakeoffError(f"the store must be a file, such as bakeoff.db, and {self.path} is a pipe or a device")
        if not create and not self.path.exists():
            raise BakeoffError(f"no store at {self.path}: `bakeoff run{store_argument(self.path)}` creates one")
        if not self.path.parent.is_dir():
            raise BakeoffError(f"the folder {self.path.parent} of the store does not exist: create it first")
        if create and self.path.suffix != ".tmp":  # nobody else uses a new file before it is complete
            warn_of_network(self.path)
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
                raise BakeoffError(
                    f"{self.path} is not a bakeoff store ({error}): choose another file; if it was one, "
                    f"`bakeoff store repair {self.path}` saves what is readable"
                ) from error
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> BakeoffError:
        advice = f"`bakeoff store repair {self.path}` saves what is readable"
        return BakeoffError(f"the store {self.path} is damaged ({error}): {advice}")

    def _connect(self, create: bool) -> sqlite3.Connection:
        """Open the file. In a read-only folder SQLite needs to know that nobody else writes either."""
        logs = [self.path.with_name(f"{self.path.name}{ending}") for ending in LOGS]
        self._is_fixed = not (create or os.access(self.path.parent, os.W_OK) or any(log.exists() for log in logs))
        if not self._is_fixed:
            return _connection(self.path)
        return _connection(f"{self.path.absolute().as_uri()}?immutable=1")

    def _prepare(self, create: bool) -> None:
        self._db.execute("BEGIN")  # a consistent view: another process may be creating the file right now
        application, version = self._pragma("application_id"), self._pragma("user_version")
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        has_log = self._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        self._db.execute("COMMIT")
        self._opened_version = version
        if has_log and not tables:
            log = f"{self.path.name}-wal"
            raise BakeoffError(
                f"{self.path} is empty: its content is in {log}, a file of an older bakeoff that is missing here: "
                f"copy {log} too, or copy the store again while no command uses it"
            )
        if has_log and create:
            self._leave_log()
        if application != APPLICATION_ID and tables:
            raise BakeoffError(f"{self.path} is an SQLite file but not a bakeoff store: choose another file")
        if version > len(MIGRATIONS):
            raise BakeoffError(
                f"{self.path} was written by a newer bakeoff (store version {version}, this version supports up to "
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
            version = self._pragma("user_version")
            if 0 < version < len(MIGRATIONS) and not self._is_copy:
                keep_backup(self.path, f"v{version}")
            for number, script in enumerate(MIGRATIONS, start=1):
                if number > self._pragma("user_version"):
                    for statement in filter(str.strip, script.split(";")):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {number}")
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _check_tables(self) -> None:
        """Raise an SQLite error if a table lacks a column."""
        for table, columns in _columns().items():
            found = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if not columns <= found:
                raise sqlite3.DatabaseError(f"its table {table} is damaged")

    def _leave_log(self) -> None:
        """Switch a store of an older version from write-ahead logging to one file, unless others have it open.

        A copy of the file alone would silently lack the content of the log.
        """
        self._db.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE}")

    def _copy_to_memory(self) -> None:
        """Continue with a copy in memory, to migrate it: reading never changes the file."""
        copy = _connection(":memory:")
        self._db.backup(copy)
        self._db.close()
        self._db, self._is_copy = copy, True

    def _leave_memory(self) -> None:
        """Return to the file, for writing."""
        if self._is_fixed:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        self._db.close()
        self._db, self._is_copy = _connection(self.path), False
        self._migrate()

    @property
    def version(self) -> int:
        """Version of the format of the file: the number of migrations it has been through."""
        return self._opened_version

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block as one write transaction.

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
        except (
            sqlite3.Error,
            zlib.error,
            UnicodeDecodeError,
        ) as error:  # UnicodeDecodeError: a message quotes damaged text
            raise BakeoffError(f"cannot write to the store {self.path}: {error}") from error
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Run a block as one read transaction, with a consistent view of the store; within another, as part of it.

        Raises:
            BakeoffError: SQLite cannot read the file.
        """
        is_outermost = not self._db.in_transaction
        try:
            if is_outermost:
                self._db.execute("BEGIN")
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # a message quotes damaged text
            raise self._damaged(error) from error
        finally:
            if is_outermost and self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def shrink(self) -> None:
        """Return the space of deleted rows to the disk.

        Raises:
            sqlite3.Error: the disk is full, or the file is in use.
        """
        self._db.execute("VACUUM")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
