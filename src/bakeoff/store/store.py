"""One SQLite file with the results of all runs. No torch.

A result is written in one transaction together with the run's state, so it is either complete or absent. Only the
command that has claimed a run may write to it: claims with a heartbeat keep two commands on one store from training the
same run. Every claim has a token, larger than all earlier ones, which every write carries: a command that has lost its
claim can never write.
"""

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.spec.packed import unpack_array
from bakeoff.spec.records import DataRecord, Epoch, Failure, Outcome, RecipeUse
from bakeoff.spec.run import Run
from bakeoff.spec.values import digest
from bakeoff.store.claims import Claim, ClaimLost
from bakeoff.store.codec import epoch_value, is_held, pack_array, seal, settings_of
from bakeoff.store.reader import Reader
from bakeoff.store.rows import delete_rows
from bakeoff.store.schema import RECORDS

Also: TypeAlias = Callable[[], None]


class Store(Reader):
    """An open store. Use it as a context manager; open another one in each thread or process."""

    def add(self, runs: Iterable[Run], data: Iterable[DataRecord]) -> None:
        """Add runs and their data sets; existing ones stay, but unfinished ones get the recipe's name given now.

        An existing data set gets missing `duplicates`, `twins`, `groups`, `properties` and `manifest`, and the current
        list of skipped files.
        """
        records, runs = list(data), list(runs)
        with self.transaction():
            known = {row["id"] for row in self._db.execute("SELECT id FROM runs")}
            self._db.executemany(
                "INSERT OR IGNORE INTO datasets VALUES (?, ?, ?)",
                [(d.content_hash, json.dumps(d.facts), pack_array(d.test_labels, np.int64)) for d in records],
            )
            for name in ("duplicates", "twins", "groups", "properties", "manifest"):
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
                [
                    (r.id, r.net, r.data, r.data_hash, r.recipe.name, r.seed, settings_of(r), _now())
                    for r in runs
                    if r.id not in known
                ],
            )
            self._db.executemany(  # settings of finished runs are sealed
                "UPDATE runs SET recipe = ?1, settings = json_set(settings, '$.recipe.name', ?1) "
                "WHERE id = ?2 AND recipe != ?1 AND state IN ('waiting', 'running') AND json_valid(settings)",
                [(r.recipe.name, r.id) for r in runs if r.id in known],
            )

    def record_study(self, study: str, command: str, compared: Iterable[Collection[RecipeUse]] = ()) -> None:
        """Record a study (as TOML) with its command, once, and which recipes it ranks together."""
        with self.transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO comparisons(id, data_hash, recipe_key) VALUES (?, ?, ?)",
                [(digest(sorted(uses))[:16], *use) for uses in compared for use in uses],
            )
            self._db.execute(
                "INSERT INTO studies(at, command, study) SELECT ?, ?, ? "
                "WHERE NOT EXISTS (SELECT 1 FROM studies WHERE command = ? AND study = ?)",
                (_now(), command, study, command, study),
            )

    def claim(self, run_id: str, owner: str, *, finished: bool = False) -> Claim | None:
        """Claim a run for `owner`: to train it, or to measure more of a finished one.

        Return None unless the run is free or its owner is gone.
        """
        states = ("done",) if finished else ("waiting", "running")
        with self.transaction():
            row = self._db.execute("SELECT state, owner, heartbeat FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None or row["state"] not in states or is_held(row, owner):
                return None
            self._db.execute("UPDATE tokens SET last = last + 1")
            token = int(self._db.execute("SELECT last FROM tokens").fetchone()[0])
            self._db.execute(
                "UPDATE runs SET state = ?, owner = ?, token = ?, heartbeat = ?, started = coalesce(started, ?) "
                "WHERE id = ?",
                ("done" if finished else "running", owner, token, time.time(), _now(), run_id),
            )
        return Claim(run_id, owner, token)

    def _hold(self, claim: Claim, state: str = "running") -> None:
        """Check that a claim still holds. Needs a transaction, so that nobody can claim the run meanwhile."""
        held = self._db.execute(
            "UPDATE runs SET heartbeat = ? WHERE id = ? AND owner = ? AND token = ? AND state = ?",
            (time.time(), claim.run, claim.owner, claim.token, state),
        )
        if not held.rowcount:
            raise ClaimLost(
                f"run {claim.run} in {self.path} was claimed by this command, but another command took over"
            )

    def release(self, owner: str, run_id: str | None = None) -> None:
        """Release all claims of `owner`, or that on one run; any command may continue its unfinished runs."""
        with self.transaction():
            self._db.execute(
                "UPDATE runs SET state = CASE state WHEN 'running' THEN 'waiting' ELSE state END, owner = NULL "
                "WHERE owner = ? AND ? IN (id, '')",
                (owner, run_id or ""),
            )

    def beat(self, owner: str) -> set[str]:
        """Renew the claims of `owner`, and return the runs it still holds."""
        with self.transaction():
            self._db.execute("UPDATE runs SET heartbeat = ? WHERE owner = ?", (time.time(), owner))
            return {row["id"] for row in self._db.execute("SELECT id FROM runs WHERE owner = ?", (owner,))}

    def retry(self, ids: Iterable[str]) -> None:
        """Reset failed runs to waiting; their failures stay recorded."""
        with self.transaction():
            self._db.executemany(
                "UPDATE runs SET state = 'waiting', owner = NULL WHERE id = ? AND state = 'failed'",
                [(i,) for i in ids],
            )

    def forget(self, ids: Iterable[str], owner: str) -> list[str]:
        """Delete runs with all their records, and return the ids of the deleted ones.

        Runs claimed by another command are kept. Data sets, environments and networks that no other run uses are
        deleted too.
        """
        with self.transaction():
            rows = {row["id"]: row for row in self._db.execute("SELECT id, state, owner, heartbeat FROM runs")}
            left = {row["run"] for table in RECORDS for row in self._db.execute(f"SELECT DISTINCT run FROM {table}")}
            known = [run_id for run_id in ids if run_id in rows or run_id in left]
            forgotten = [run_id for run_id in known if run_id not in rows or not is_held(rows[run_id], owner)]
            for run_id in forgotten:
                delete_rows(self._db, run_id)
            for table, key, used in (
                ("datasets", "content_hash", "data_hash"),
                ("environments", "id", "environment"),
                ("networks", "id", "network"),
            ):
                self._db.execute(
                    f"DELETE FROM {table} WHERE {key} NOT IN (SELECT {used} FROM runs WHERE {used} IS NOT NULL)"
                )
            self._db.execute("DELETE FROM comparisons WHERE data_hash NOT IN (SELECT data_hash FROM runs)")
        return forgotten

    def record_epoch(self, claim: Claim, epoch: Epoch, also: Also | None = None) -> None:
        """Record a finished epoch; a repeated one (after a resume) replaces the old one and all later ones.

        `also` is called within the transaction, while nobody else can claim the run.

        Raises:
            ClaimLost: another command has claimed the run since.
        """
        run_id = claim.run
        names = Epoch.__struct_fields__
        marks = ", ".join("?" * (len(names) + 1))
        with self.transaction():
            self._hold(claim)
            self._db.execute("DELETE FROM epochs WHERE run = ? AND epoch >= ?", (run_id, epoch.epoch))
            self._db.execute(
                f"INSERT INTO epochs(run, {', '.join(names)}) VALUES ({marks})",
                (run_id, *(epoch_value(name, getattr(epoch, name)) for name in names)),
            )
            if also:
                also()

    def finish(self, claim: Claim, outcome: Outcome, environment: dict, also: Also | None = None) -> None:
        """Record the result of a run and mark it as done, in one transaction.

        `also` is called within the transaction, while nobody else can claim the run.

        Raises:
            ClaimLost: another command has claimed the run since.
            BakeoffError: the number of predictions is not the number of test images.
        """
        run_id = claim.run
        images, classes = outcome.probabilities.shape
        with self.transaction():
            self._hold(claim)
            row = self._db.execute(
                "SELECT test_labels FROM runs JOIN datasets ON content_hash = data_hash WHERE id = ?",
                (run_id,),
            ).fetchone()
            expected = len(unpack_array(row["test_labels"], np.int64)) if row else 0
            if not images == expected == len(outcome.predicted):
                raise BakeoffError(f"run {run_id}: expected {expected} predictions, got {images}")
            packed = pack_array(outcome.predicted, np.uint16), pack_array(outcome.probabilities, np.float16)
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

    def add_measures(self, claim: Claim, measures: Mapping[str, float]) -> None:
        """Add measures to a finished run, replacing those of the same names, and release the claim.

        Raises:
            ClaimLost: another command has claimed the run since.
            BakeoffError: the run is damaged.
        """
        run_id = claim.run
        with self.transaction():
            self._hold(claim, "done")
            row = self._db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
            epochs = self._db.execute("SELECT * FROM epochs WHERE run = ? ORDER BY epoch", (run_id,)).fetchall()
            known = dict(self._db.execute("SELECT name, value FROM measures WHERE run = ?", (run_id,)).fetchall())
            if row["seal"] not in (None, seal(row["settings"], epochs, known)):
                raise BakeoffError(f"run {run_id} in {self.path} is damaged: train it again with --restart")
            self._set_measures(run_id, measures)
            unbroken = seal(row["settings"], epochs, known | _finite(measures))
            self._db.execute("UPDATE runs SET seal = ?, owner = NULL WHERE id = ?", (unbroken, run_id))

    def fail(self, claim: Claim, failure: Failure, environment: dict) -> None:
        """Record a failure.

        Raises:
            ClaimLost: another command has claimed the run since.
        """
        run_id = claim.run
        with self.transaction():
            self._hold(claim)
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
        """Record the layers of a network, once for all its runs."""
        facts = json.dumps(layers, sort_keys=True) if layers else None
        self._db.execute("INSERT OR IGNORE INTO networks(layers) SELECT ?1 WHERE ?1 IS NOT NULL", (facts,))
        self._db.execute(
            "UPDATE runs SET network = (SELECT id FROM networks WHERE layers = ?) WHERE id = ?", (facts, run_id)
        )


def _finite(measures: Mapping[str, float]) -> dict[str, float]:
    """Return the measures without NaN and infinite values."""
    return {name: float(value) for name, value in measures.items() if math.isfinite(value)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
