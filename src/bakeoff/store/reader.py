"""Reading a store. What is damaged costs the runs it belongs to: the others are read all the same. No torch."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bakeoff.data.versions import versions
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import DataRecord, Result, Unreadable
from bakeoff.spec.run import Run
from bakeoff.store.codec import DAMAGE, array_of, facts_of, layers_of, record_of, result_of, unpack, unreadable_of
from bakeoff.store.schema import Database


class Reader(Database):
    """An open store that is read. Use it as a context manager; open it anew in another thread or process."""

    @property
    def files(self) -> Path:
        """The folder beside the store for checkpoints and weights."""
        return self.path.with_name(self.path.name + ".files")

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the state of each of the runs that the store knows, "damaged" and "newer" among them."""
        found, broken = self.read(ids)
        return {result.id: result.state for result in found} | {run.id: run.state for run in broken}

    def finished(self) -> list[Run]:
        """Return the runs that have a result, without it."""
        return [result.run for result in self.results() if result.state == "done"]

    def results(self, ids: Iterable[str] | None = None) -> list[Result]:
        """Return what is known of the runs (all of them by default), in the order they were added.

        A measure that is not finite is not known.
        Those that cannot be read are left out: see `unreadable`.
        """
        return self.read(ids)[0]

    def unreadable(self, ids: Iterable[str] | None = None) -> list[Unreadable]:
        """Return the runs (of all by default) that are damaged, or were written by a newer version."""
        return self.read(ids)[1]

    def read(self, ids: Iterable[str] | None = None) -> tuple[list[Result], list[Unreadable]]:
        """Return `results` and `unreadable` of one moment."""
        wanted = None if ids is None else set(ids)
        found: list[Result] = []
        broken: list[Unreadable] = []
        with self.reading():
            records = self._records()
            shapes = {
                key: (len(record.test_labels), len(record.facts["classes"]))
                for key, record in records.items()
                if record is not None
            }
            epochs = self._grouped("SELECT * FROM epochs ORDER BY run, epoch")
            measures = self._grouped("SELECT run, name, value FROM measures")
            failures = self._grouped("SELECT * FROM failures ORDER BY id")
            environments = {row["id"]: facts_of(row["facts"]) for row in self._db.execute("SELECT * FROM environments")}
            networks = {row["id"]: layers_of(row["layers"]) for row in self._db.execute("SELECT * FROM networks")}
            rows = self._db.execute("SELECT * FROM runs ORDER BY rowid").fetchall()
            facts = {key: record.facts for key, record in records.items() if record is not None}
            named = versions(((str(row["data"]), row["data_hash"]) for row in rows), lambda: facts)
            for row in rows:
                if wanted is not None and row["id"] not in wanted:
                    continue
                own = epochs.get(row["id"], []), measures.get(row["id"], [])
                try:
                    if row["state"] == "done":
                        self._check_predictions(row["id"], shapes.get(row["data_hash"]))
                    failure = failures.get(row["id"], [None])[-1]
                    result = result_of(row, *own, failure, environments, networks)
                    version = named[row["data_hash"]]
                    found.append(replace(result, data=version.label, version=version.said))
                except DAMAGE as error:
                    broken.append(unreadable_of(row, *own, error))
            known = {row["id"] for row in rows}
            left = [run_id for run_id in epochs.keys() | measures.keys() if run_id not in known]
            broken += [
                Unreadable(str(run_id), "", "", "", None, "damaged", "nothing is left of what it was")
                for run_id in sorted(map(str, left))
                if wanted is None or run_id in wanted
            ]
        return found, broken

    def _grouped(self, query: str) -> dict[str, list[sqlite3.Row]]:
        found: dict[str, list[sqlite3.Row]] = {}
        for row in self._db.execute(query):
            found.setdefault(row["run"], []).append(row)
        return found

    def _check_predictions(self, run_id: str, shape: tuple[int, int] | None) -> None:
        """Raise one of `DAMAGE` if the predictions of a finished run are not there, whole.

        They have the `shape` (test images, classes) of its data set.
        """
        _, probabilities = self._predictions(run_id)
        if probabilities.shape != shape:
            raise ValueError("there is not one prediction for each of its test images")

    def _predictions(self, run_id: str) -> tuple[np.ndarray, np.ndarray]:
        row = self._db.execute("SELECT * FROM predictions WHERE run = ?", (run_id,)).fetchone()
        if row is None:
            raise ValueError("its predictions are not there")
        shape = int(row["images"]), int(row["classes"])
        return array_of(row["predicted"], np.uint16, shape[:1]), array_of(row["probabilities"], np.float16, shape)

    def studies(self) -> list[tuple[str, str, str]]:
        """Return (time, command, study as TOML) of what was asked of this store, oldest first, but what is no text."""
        with self.reading():
            rows = self._db.execute("SELECT at, command, study FROM studies ORDER BY id").fetchall()
        return [tuple(row) for row in rows if all(isinstance(value, str) for value in row)]

    def datasets(self) -> dict[str, DataRecord]:
        """Return the data sets of the store by content hash, but those whose record is damaged."""
        with self.reading():
            return {key: record for key, record in self._records().items() if record is not None}

    def _records(self) -> Mapping[str, DataRecord | None]:
        return {row["content_hash"]: record_of(row) for row in self._db.execute("SELECT * FROM datasets")}

    def predicted(self, run_id: str) -> np.ndarray:
        """Return the predicted classes (N,) uint16 of a finished run alone, which is sooner read.

        Raises:
            BakeoffError: the run has none, or they are damaged.
        """
        with self.reading():
            row = self._db.execute("SELECT predicted FROM predictions WHERE run = ?", (run_id,)).fetchone()
            try:
                return unpack(row["predicted"], np.uint16)
            except DAMAGE as error:
                raise BakeoffError(f"run {run_id} in {self.path} has no whole result: {error}") from error

    def predictions(self, run_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the predicted classes (N,) uint16 and the class probabilities (N, K) float16 of a finished run.

        Raises:
            BakeoffError: the run has none, or they are damaged.
        """
        with self.reading():
            try:
                return self._predictions(run_id)
            except DAMAGE as error:
                raise BakeoffError(f"run {run_id} in {self.path} has no whole result: {error}") from error
