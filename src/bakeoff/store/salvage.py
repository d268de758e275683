"""Reads what is left of a damaged store: all rows that can be read, sorted by what they are. No torch."""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.errors import BakeoffError
from bakeoff.store import pages
from bakeoff.store.codec import facts_of, layers_of
from bakeoff.store.rows import EPOCH, FAILURE, RUN, RunRows
from bakeoff.store.schema import LOGS

ID_LENGTH = 16
RUN_COLUMNS = (*RUN[:-1], "owner", "heartbeat", "environment", "seal", "network", "token")
"""Columns of a run in their order in the file; the last ones are missing in rows of older versions."""
FEWEST = {"runs": RUN_COLUMNS.index("seal"), "failures": FAILURE.index("file")}
"""Columns that rows of the oldest version have; of failures, besides their id and run."""


@dataclass
class Salvage:
    """The rows that could be read, by what they are."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    epochs: dict[str, dict[int, tuple]] = field(default_factory=dict)
    measures: dict[str, dict[str, float]] = field(default_factory=dict)
    predictions: dict[str, tuple] = field(default_factory=dict)
    failures: dict[str, dict[int, tuple]] = field(default_factory=dict)
    datasets: dict[str, tuple] = field(default_factory=dict)
    environments: dict[int, str] = field(default_factory=dict)
    networks: dict[int, str] = field(default_factory=dict)
    studies: dict[int, tuple] = field(default_factory=dict)
    comparisons: set[tuple] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    """Ids of runs that are mentioned anywhere."""

    def take(self, row: pages.PageRow) -> None:
        """Sort in one row, by the number of its values and their types: a damaged file may not say what it is of."""
        match row.values:
            case [None, str(text)] if row.rowid is not None:
                (self.networks if text.startswith("[") else self.environments)[row.rowid] = text
            case [str(), str(), bytes()]:
                self.datasets[row.values[0]] = row.values
            case [str(run), str(name), int() | float() as value] if row.rowid is None:
                self.measures.setdefault(run, {})[name] = float(value)
            case [str(), str(), str()] if row.rowid is None:
                data_hash, key, comparison = row.values
                self.comparisons.add((comparison, data_hash, key))
            case [None, str(), str(), str()] if row.rowid is not None:
                self.studies[row.rowid] = row.values[1:]
            case [str(run), int(), int(), bytes(), bytes()]:
                self.predictions[run] = row.values[1:]
            case [None, str(run), *rest] if len(rest) >= FEWEST["failures"] and row.rowid is not None:
                values = (*rest, "", None) if len(rest) < len(FAILURE) else rest
                self.failures.setdefault(run, {})[row.rowid] = tuple(values)
            case [str(run), int(number), *rest] if len(rest) == len(EPOCH) - 2 and row.rowid is None:
                self.epochs.setdefault(run, {})[number] = (run, number, *map(_real, rest[:-1]), rest[-1])
            case [str(run), str(), str(), *rest] if len(rest) + 3 >= FEWEST["runs"] and row.rowid is not None:
                columns = dict.fromkeys(RUN_COLUMNS) | dict(zip(RUN_COLUMNS, row.values, strict=False))
                if run not in self.runs or self.runs[run]["seal"] is None:
                    self.runs[run] = columns | {"rowid": row.rowid}
        if row.values and isinstance(row.values[0], str) and len(row.values[0]) == ID_LENGTH:
            self.ids.add(row.values[0])

    def rows_of(self, run_id: str) -> RunRows:
        """Return the rows of a run."""
        run = self.runs[run_id]
        return RunRows(
            {name: run[name] for name in RUN},
            tuple(row for _, row in sorted(self.epochs.get(run_id, {}).items())),
            self.measures.get(run_id, {}),
            self.predictions.get(run_id),
            tuple(row for _, row in sorted(self.failures.get(run_id, {}).items())),
            self._known(self.environments, run["environment"], facts_of),
            self._known(self.networks, run["network"], layers_of),
        )

    @staticmethod
    def _known(texts: Mapping[int, str], number: int | None, read: Callable[[str], Any]) -> str | None:
        text = texts.get(number) if number is not None else None
        return text if text is not None and read(text) is not None else None


def _real(value: Any) -> Any:
    """Return a value of a column of real numbers, of which SQLite keeps whole ones as integers."""
    return float(value) if isinstance(value, int) else value


def salvage(path: Path) -> Salvage:
    """Return all rows that can be read of a store.

    Raises:
        BakeoffError: the file cannot be read.
    """
    found = Salvage()
    try:
        with TemporaryDirectory(prefix="bakeoff-") as folder:
            copy = Path(folder, "copy.db")
            shutil.copyfile(path, copy)
            for ending in LOGS:
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
            with suppress(sqlite3.Error), closing(sqlite3.connect(copy)) as db:
                db.execute("PRAGMA journal_mode = DELETE").fetchall()  # carries over what is in a log, if there is one
            for row in pages.read_rows(copy):
                found.take(row)
    except OSError as error:
        raise BakeoffError(f"cannot read {path}: {error.strerror or error}") from error
    return found
