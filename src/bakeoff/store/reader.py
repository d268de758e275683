"""Reads a store. Damage affects only the runs it belongs to; all others are read. No torch."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np

from bakeoff.data.versions import label_versions
from bakeoff.errors import BakeoffError
from bakeoff.spec.packed import unpack_array
from bakeoff.spec.paths import files_folder
from bakeoff.spec.records import DataRecord, RecipeUse, Result, Unreadable
from bakeoff.spec.run import Run
from bakeoff.store.codec import DAMAGE, facts_of, layers_of, predictions_of, record_of, result_of, unreadable_of
from bakeoff.store.folds import merge_records, split_ids
from bakeoff.store.schema import Database

FEW = 100
"""So many runs are looked up one by one; for more, the whole store is read."""
KEPT = 2**26
"""Bytes of predictions that are kept once they were unpacked to be checked."""

State: TypeAlias = tuple[int, int]
"""What changes when somebody writes to the file."""
Predictions: TypeAlias = tuple[np.ndarray, np.ndarray]


def _marks(ids: Sequence[str]) -> str:
    return ", ".join("?" * len(ids))


def _grouped(rows: Iterable[tuple]) -> dict[str, list[tuple]]:
    found: dict[str, list[tuple]] = {}
    for row in rows:
        if (own := found.get(row[0])) is None:
            found[row[0]] = [row]
        else:
            own.append(row)
    return found


class Reader(Database):
    """A store open for reading. Use it as a context manager; every thread and process needs its own."""

    _seen: tuple[State, list[Result], list[Unreadable]] | None = None
    """What was read last, with the state of the file then."""
    _unpacked: tuple[State, dict[str, Predictions]] | None = None
    """Predictions that were unpacked then, by run."""

    @property
    def files(self) -> Path:
        """The folder next to the store for checkpoints and weights."""
        return files_folder(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block as one write transaction; see `Database.transaction`."""
        self._seen = None
        with super().transaction():
            yield

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the state of those of the runs that are in the store, including "damaged" and "newer"."""
        found, broken = self.read(ids)
        return {result.id: result.state for result in found} | {run.id: run.state for run in broken}

    def finished(self) -> list[Run]:
        """Return the runs that have a result."""
        return [result.run for result in self.results() if result.state == "done"]

    def results(self, ids: Iterable[str] | None = None) -> list[Result]:
        """Return the results of the runs (all by default), in the order they were added.

        Measures that are not finite are left out, as are runs that cannot be read: see `unreadable`.
        """
        return self.read(ids)[0]

    def unreadable(self, ids: Iterable[str] | None = None) -> list[Unreadable]:
        """Return those of the runs (all by default) that are damaged or were written by a newer version."""
        return self.read(ids)[1]

    def read(self, ids: Iterable[str] | None = None) -> tuple[list[Result], list[Unreadable]]:
        """Return `results` and `unreadable` in one consistent view.

        What was read is kept until somebody has written to the store.
        """
        with self.reading():
            now = self._state()
            wanted = None if ids is None else set(ids)
            if self._seen is None or self._seen[0] != now:
                self._seen = None
                if wanted is not None and len(wanted) <= FEW:
                    return self._read(sorted(wanted))
                self._seen = now, *self._read()
            _, found, broken = self._seen
            if wanted is None:
                return list(found), list(broken)
            return [one for one in found if one.id in wanted], [one for one in broken if one.id in wanted]

    def _state(self) -> State:
        return self._pragma("data_version"), self._db.total_changes

    def _read(self, ids: Sequence[str] | None = None) -> tuple[list[Result], list[Unreadable]]:
        found: list[Result] = []
        broken: list[Unreadable] = []
        records = self._records()
        shapes = {
            key: (len(record.test_labels), len(record.facts["classes"]))
            for key, record in records.items()
            if record is not None
        }
        chosen, of_run = ("", "") if ids is None else (f"WHERE id IN ({_marks(ids)})", f"WHERE run IN ({_marks(ids)})")
        given = ids or ()
        epochs = self._by_run(f"SELECT * FROM epochs {of_run} ORDER BY run, epoch", given)
        measures = self._by_run(f"SELECT run, name, value FROM measures {of_run}", given)
        failures: dict[str, sqlite3.Row] = {
            row["run"]: row for row in self._db.execute(f"SELECT * FROM failures {of_run} ORDER BY id", given)
        }
        environments = {row["id"]: facts_of(row["facts"]) for row in self._db.execute("SELECT * FROM environments")}
        networks = {row["id"]: layers_of(row["layers"]) for row in self._db.execute("SELECT * FROM networks")}
        rows = self._db.execute(f"SELECT * FROM runs {chosen} ORDER BY rowid", given).fetchall()
        used = self._db.execute("SELECT data, data_hash, min(rowid) FROM runs GROUP BY data, data_hash ORDER BY 3")
        compared = self._comparisons()
        facts = {key: record.facts for key, record in records.items() if record is not None}
        named = label_versions([(str(data), data_hash) for data, data_hash, _ in used], lambda: facts)
        unreal = self._check_predictions(rows, shapes, of_run, given)
        for row in rows:
            own = epochs.get(row["id"], []), measures.get(row["id"], [])
            try:
                if row["id"] in unreal:
                    raise unreal[row["id"]]
                found.append(result_of(row, *own, failures.get(row["id"]), environments, networks, named, compared))
            except DAMAGE as error:
                broken.append(unreadable_of(row, *own, error))
        known = {row["id"] for row in rows}
        broken += [
            Unreadable(run_id, "", "", "", None, "damaged", "it is damaged: its settings are missing")
            for run_id in sorted({str(one) for one in (epochs.keys() | measures.keys()) - known})
        ]
        return found, broken

    def _by_run(self, query: str, ids: Sequence[str]) -> dict[str, list[tuple]]:
        """Return the rows of each run as plain tuples, whose first value is its id."""
        cursor = self._db.cursor()
        cursor.row_factory = None
        lenient = self._db.text_factory
        self._db.text_factory = str  # much faster, but refuses damaged text
        try:
            return _grouped(cursor.execute(query, ids))
        except sqlite3.OperationalError:
            self._db.text_factory = lenient
            return _grouped(cursor.execute(query, ids))
        finally:
            self._db.text_factory = lenient

    def _comparisons(self) -> Mapping[RecipeUse, list[str]]:
        """Return the ids of the comparisons of recipes that a recipe on a data set is part of."""
        found: dict[RecipeUse, list[str]] = {}
        for row in self._db.execute("SELECT data_hash, recipe_key, id FROM comparisons ORDER BY id"):
            found.setdefault(RecipeUse(row["data_hash"], row["recipe_key"]), []).append(str(row["id"]))
        return found

    def _check_predictions(
        self, rows: Iterable[sqlite3.Row], shapes: Mapping[str, tuple[int, int]], of_run: str, given: Sequence[str]
    ) -> dict[str, Exception]:
        """Return what is wrong with the predictions of finished runs: missing, damaged or incomplete.

        `shapes` has the (test images, classes) of the data sets, by their hash.
        """
        wanted = {row["id"]: shapes.get(row["data_hash"]) for row in rows if row["state"] == "done"}
        wrong: dict[str, Exception] = dict.fromkeys(wanted, ValueError("its predictions are missing"))
        kept: dict[str, Predictions] = {}
        room = KEPT
        for run_id, *own in self._db.execute(f"SELECT * FROM predictions {of_run}", given):
            if run_id not in wanted:
                continue
            try:
                found = predictions_of(*own)
                if found[1].shape != wanted[run_id]:
                    raise ValueError("the number of its predictions is not the number of test images")
                del wrong[run_id]
            except DAMAGE as error:
                wrong[run_id] = error
                continue
            if (room := room - found[0].nbytes - found[1].nbytes) >= 0:
                kept[run_id] = found
        self._unpacked = self._state(), kept
        return wrong

    def _predictions(self, run_id: str) -> Predictions:
        if self._unpacked and self._unpacked[0] == self._state() and run_id in self._unpacked[1]:
            return self._unpacked[1][run_id]
        row = self._db.execute("SELECT * FROM predictions WHERE run = ?", (run_id,)).fetchone()
        if row is None:
            raise ValueError("its predictions are missing")
        return predictions_of(*row[1:])

    def studies(self) -> list[tuple[str, str, str]]:
        """Return (time, command, study as TOML) of the studies run on this store, oldest first."""
        with self.reading():
            rows = self._db.execute("SELECT at, command, study FROM studies ORDER BY id").fetchall()
        return [tuple(row) for row in rows if all(isinstance(value, str) for value in row)]

    def datasets(self) -> dict[str, DataRecord]:
        """Return the data sets of the store by content hash, without damaged records.

        Folds of which all are there are also put together.
        """
        with self.reading():
            records = {key: record for key, record in self._records().items() if record is not None}
        return records | merge_records(records)

    def _records(self) -> Mapping[str, DataRecord | None]:
        return {row["content_hash"]: record_of(row) for row in self._db.execute("SELECT * FROM datasets")}

    def predicted(self, run_id: str) -> np.ndarray:
        """Return only the predicted classes (N,) uint16 of a finished run: faster than `predictions`.

        Raises:
            BakeoffError: the run has none, or they are damaged.
        """
        if len(ids := split_ids(run_id)) > 1:
            return np.concatenate([self.predicted(one) for one in ids])
        with self.reading():
            if self._unpacked and self._unpacked[0] == self._state() and run_id in self._unpacked[1]:
                return self._unpacked[1][run_id][0]
            row = self._db.execute("SELECT predicted FROM predictions WHERE run = ?", (run_id,)).fetchone()
            try:
                return unpack_array(row["predicted"], np.uint16)
            except DAMAGE as error:
                raise BakeoffError(f"cannot read the predictions of run {run_id} in {self.path}: {error}") from error

    def predictions(self, run_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the predicted classes (N,) uint16 and the class probabilities (N, K) float16 of a finished run.

        Raises:
            BakeoffError: the run has none, or they are damaged.
        """
        if len(ids := split_ids(run_id)) > 1:
            predicted, probabilities = zip(*(self.predictions(one) for one in ids), strict=True)
            return np.concatenate(predicted), np.concatenate(probabilities)
        with self.reading():
            try:
                return self._predictions(run_id)
            except DAMAGE as error:
                raise BakeoffError(f"cannot read the predictions of run {run_id} in {self.path}: {error}") from error
