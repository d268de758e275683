"""One SQLite file with everything the runs left. No torch.

A result is one transaction, and its done-mark is in it: a run is either wholly there or not at all.
The command that has claimed a run is its only writer: a claim with a heartbeat keeps two commands on one store
from training the same run twice, and who has lost it is refused.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.spec.records import DataRecord, Epoch, Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.store.claims import ClaimLost
from bakeoff.store.codec import finite, is_held, pack, seal, settings_of, unpack
from bakeoff.store.reader import Reader

Also: TypeAlias = Callable[[], None]


class Store(Reader):
    """An open store. Use it as a context manager; open it anew in another thread or process."""

    def add(self, runs: Iterable[Run], data: Iterable[DataRecord]) -> None:
        """Make the runs and their data sets known; those already there stay as they are.

        A data set gets its `duplicates`, `properties` and `manifest` even so if they had not been looked for, and what
        was left out of it as it is now.
        """
        records = list(data)
        with self.transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO datasets VALUES (?, ?, ?)",
                [(d.content_hash, json.dumps(d.facts), pack(d.test_labels, np.int64)) for d in records],
            )
            for name in ("duplicates", "properties", "manifest"):
                self._db.executemany(
                    f"UPDATE datasets SET facts = json_set(facts, '$.{name}', json(?)) "
                    f"WHERE content_hash = ? AND json_type(facts, '$.{name}') IS NULL",
                    [(json.dumps(d.facts[name]), d.content_hash) for d in records if name in d.facts],
                )
            self._db.executemany(
                "UPDATE datasets SET facts = json_set(facts, '$.skipped', json(?), '$.left_out', json(?)) "
                "WHERE content_hash = ?",
                [
                    (json.dumps(d.facts["skipped"]), json.dumps(d.facts["left_out"]), d.content_hash)
                    for d in records
                    if {"skipped", "left_out"} <= d.facts.keys()
                ],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO runs(id, net, data, data_hash, recipe, seed, settings, state, added) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)",
                [(r.id, r.net, r.data, r.data_hash, r.recipe.name, r.seed, settings_of(r), _now()) for r in runs],
            )

    def record_study(self, study: str, command: str) -> None:
        """Keep what was asked: the study as TOML and the command, once each."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO studies(at, command, study) SELECT ?, ?, ? "
                "WHERE NOT EXISTS (SELECT 1 FROM studies WHERE command = ? AND study = ?)",
                (_now(), command, study, command, study),
            )

    def claim(self, run_id: str, owner: str, *, finished: bool = False) -> bool:
        """Take a run for `owner`: to train it, or a finished one to measure more of it.

        True if it was there to be taken or its owner is gone, false if it is somebody else's.
        """
        states = ("done",) if finished else ("waiting", "running")
        with self.transaction():
            row = self._db.execute("SELECT state, owner, heartbeat FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None or row["state"] not in states or is_held(row, owner):
                return False
            self._db.execute(
                "UPDATE runs SET state = ?, owner = ?, heartbeat = ?, started = coalesce(started, ?) WHERE id = ?",
                ("done" if finished else "running", owner, time.time(), _now(), run_id),
            )
        return True

    def _hold(self, run_id: str, owner: str, state: str = "running") -> None:
        """Refuse whoever has not claimed a run; within a transaction, so that nobody can take it before its end."""
        held = self._db.execute(
            "UPDATE runs SET heartbeat = ? WHERE id = ? AND owner = ? AND state = ?",
            (time.time(), run_id, owner, state),
        )
        if not held.rowcount:
            raise ClaimLost(f"run {run_id} in {self.path} is not this command's: another command took over")

    def release(self, owner: str) -> None:
        """Give back all that `owner` has claimed, unfinished runs so that any command may go on with them."""
        with self.transaction():
            self._db.execute(
                "UPDATE runs SET state = CASE state WHEN 'running' THEN 'waiting' ELSE state END, owner = NULL "
                "WHERE owner = ?",
                (owner,),
            )

    def beat(self, owner: str) -> set[str]:
        """Say that `owner` is still at its runs, and return those that are still its own."""
        with self.transaction():
            self._db.execute("UPDATE runs SET heartbeat = ? WHERE owner = ?", (time.time(), owner))
            return {row["id"] for row in self._db.execute("SELECT id FROM runs WHERE owner = ?", (owner,))}

    def retry(self, ids: Iterable[str]) -> None:
        """Let failed runs wait for another try; what failed stays on record."""
        with self.transaction():
            self._db.executemany(
                "UPDATE runs SET state = 'waiting', owner = NULL WHERE id = ? AND state = 'failed'",
                [(i,) for i in ids],
            )

    def forget(self, ids: Iterable[str], owner: str) -> list[str]:
        """Delete the runs and all that they left in the store, and return those that were.

        Runs that another command is at are left alone. What only deleted runs had goes with them: data sets, machines.
        """
        with self.transaction():
            rows = {row["id"]: row for row in self._db.execute("SELECT id, state, owner, heartbeat FROM runs")}
            tables = ("epochs", "measures", "predictions", "failures")
            left = {row["run"] for table in tables for row in self._db.execute(f"SELECT DISTINCT run FROM {table}")}
            known = [run_id for run_id in ids if run_id in rows or run_id in left]
            forgotten = [run_id for run_id in known if run_id not in rows or not is_held(rows[run_id], owner)]
            for run_id in forgotten:
                for table in tables:
                    self._db.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))
                self._db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            for table, key, used in (
                ("datasets", "content_hash", "data_hash"),
                ("environments", "id", "environment"),
                ("networks", "id", "network"),
            ):
                self._db.execute(
                    f"DELETE FROM {table} WHERE {key} NOT IN (SELECT {used} FROM runs WHERE {used} IS NOT NULL)"
                )
        return forgotten

    def record_epoch(self, run_id: str, epoch: Epoch, owner: str, also: Also | None = None) -> None:
        """Keep one finished epoch; a repeated one (after a resume) replaces the old, later ones go.

        What is to be done `also` is done while nobody else can take the run, and not at all if it is another's.

        Raises:
            ClaimLost: the run is not that of `owner`.
        """
        names = Epoch.__struct_fields__
        marks = ", ".join("?" * (len(names) + 1))
        with self.transaction():
            self._hold(run_id, owner)
            self._db.execute("DELETE FROM epochs WHERE run = ? AND epoch >= ?", (run_id, epoch.epoch))
            self._db.execute(
                f"INSERT INTO epochs(run, {', '.join(names)}) VALUES ({marks})",
                (run_id, *(finite(name, getattr(epoch, name)) for name in names)),
            )
            if also:
                also()

    def finish(self, run_id: str, outcome: Outcome, environment: dict, owner: str, also: Also | None = None) -> None:
        """Keep the result of a run: predictions, measures, environment and the done-mark, all or nothing.

        What is to be done `also` is done while nobody else can take the run, and not at all if it is another's.

        Raises:
            ClaimLost: the run is not that of `owner`.
            BakeoffError: the number of predictions is not the number of test images.
        """
        images, classes = outcome.probabilities.shape
        with self.transaction():
            self._hold(run_id, owner)
            row = self._db.execute(
                "SELECT test_labels FROM runs JOIN datasets ON content_hash = data_hash WHERE id = ?",
                (run_id,),
            ).fetchone()
            expected = len(unpack(row["test_labels"], np.int64)) if row else 0
            if not images == expected == len(outcome.predicted):
                raise BakeoffError(f"run {run_id} predicted {images} images of {expected}: this is no result")
            packed = pack(outcome.predicted, np.uint16), pack(outcome.probabilities, np.float16)
            self._db.execute(
                "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?, ?)", (run_id, images, classes, *packed)
            )
            self._db.execute("DELETE FROM measures WHERE run = ?", (run_id,))
            self._set_measures(run_id, outcome.measures)
            self._set_environment(run_id, environment)
            self._set_layers(run_id, outcome.layers)
            settings = self._db.execute("SELECT settings FROM runs WHERE id = ?", (run_id,)).fetchone()[0]
            epochs = self._db.execute("SELECT * FROM epochs WHERE run = ? ORDER BY epoch", (run_id,)).fetchall()
            self._db.execute(
                "UPDATE runs SET state = 'done', owner = NULL, finished = ?, seal = ? WHERE id = ?",
                (_now(), seal(settings, epochs, _finite(outcome.measures)), run_id),
            )
            if also:
                also()

    def add_measures(self, run_id: str, measures: Mapping[str, float], owner: str) -> None:
        """Keep further measures of a finished run, in place of older ones of their names, and give it back.

        Raises:
            ClaimLost: the run is not that of `owner`.
            BakeoffError: it is not as it was written.
        """
        with self.transaction():
            self._hold(run_id, owner, "done")
            row = self._db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
            epochs = self._db.execute("SELECT * FROM epochs WHERE run = ? ORDER BY epoch", (run_id,)).fetchall()
            known = dict(self._db.execute("SELECT name, value FROM measures WHERE run = ?", (run_id,)).fetchall())
            if row["seal"] not in (None, seal(row["settings"], epochs, known)):
                raise BakeoffError(f"run {run_id} in {self.path} has no whole result: --restart trains it anew")
            self._set_measures(run_id, measures)
            unbroken = seal(row["settings"], epochs, known | _finite(measures))
            self._db.execute("UPDATE runs SET seal = ?, owner = NULL WHERE id = ?", (unbroken, run_id))

    def fail(self, run_id: str, failure: Failure, environment: dict, owner: str) -> None:
        """Keep a failure: a row of its own, never a result.

        Raises:
            ClaimLost: the run is not that of `owner`.
        """
        with self.transaction():
            self._hold(run_id, owner)
            self._db.execute(
                "INSERT INTO failures(run, at, kind, message, traceback, epoch, step, file, line) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (run_id, _now(), *astuple(failure)),
            )
            self._set_environment(run_id, environment)
            self._db.execute(
                "UPDATE runs SET state = 'failed', owner = NULL, finished = ? WHERE id = ?", (_now(), run_id)
            )

    def _set_measures(self, run_id: str, measures: Mapping[str, float]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO measures VALUES (?, ?, ?)", [(run_id, k, v) for k, v in _finite(measures).items()]
        )

    def _set_environment(self, run_id: str, environment: dict) -> None:
        facts = json.dumps(environment, sort_keys=True)
        self._db.execute("INSERT OR IGNORE INTO environments(facts) VALUES (?)", (facts,))
        self._db.execute(
            "UPDATE runs SET environment = (SELECT id FROM environments WHERE facts = ?) WHERE id = ?",
            (facts, run_id),
        )

    def _set_layers(self, run_id: str, layers: Sequence[dict]) -> None:
        """Keep the layers of a network once for all of its runs."""
        facts = json.dumps(layers, sort_keys=True) if layers else None
        self._db.execute("INSERT OR IGNORE INTO networks(layers) SELECT ?1 WHERE ?1 IS NOT NULL", (facts,))
        self._db.execute(
            "UPDATE runs SET network = (SELECT id FROM networks WHERE layers = ?) WHERE id = ?", (facts, run_id)
        )


def _finite(measures: Mapping[str, float]) -> dict[str, float]:
    """Leave out what could not be measured: it is no number, or infinite."""
    return {name: float(value) for name, value in measures.items() if math.isfinite(value)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
