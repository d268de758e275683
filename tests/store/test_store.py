import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import DataRecord, Epoch, Failure, Outcome
from bakeoff.spec.run import PROTOCOL, Run
from bakeoff.spec.values import digest
from bakeoff.store import codec, schema
from bakeoff.store.claims import STALE_SECONDS, ClaimLost, is_alive, new_owner, working
from bakeoff.store.store import Store
from generated import RUNS, values
from tiny import ClaimingStore

RECIPE = Recipe(
    name="r", epochs=3, batch_size=32, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1)
)
RUN = Run("conv", "digits", "hash", RECIPE, 0)
OTHER = msgspec.structs.replace(RUN, seed=1)
LABELS = np.array([0, 2, 1, 1])
DATA = DataRecord("hash", {"name": "digits", "classes": ["a", "b", "c"]}, LABELS)
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0, 0, 1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], np.float16)
OUTCOME = Outcome(3, PROBABILITIES.argmax(1).astype(np.uint16), PROBABILITIES, {"test_accuracy": 0.75, "epochs": 3})
ENVIRONMENT = {"torch": "2", "threads": 1}
SOMEBODY = "elsewhere.example:1234:1700000000"
ME = "me"
"""Owners on machines that cannot be asked."""


def epoch(number: int, **changes) -> Epoch:
    return msgspec.structs.replace(Epoch(number, 1.0, 0.5, 0.9, 0.6, 0.1, 2.0, 0.5, 700.0, 10**9), **changes)


@pytest.fixture
def store(tmp_path):
    with ClaimingStore(tmp_path / "a.db", create=True) as opened:
        opened.add([RUN, OTHER], [DATA])
        yield opened


class TestOpening:
    def test_makes_a_store_only_when_asked(self, tmp_path):
        path = tmp_path / "a.db"
        with pytest.raises(BakeoffError, match=r"no store at .*a\.db: `bakeoff run --store .*` makes one"):
            Store(path)
        assert not path.exists()
        Store(path, create=True).close()
        with Store(path) as store:
            assert store.results() == []
            assert store.files == tmp_path / "a.db.files"

    def test_needs_the_folder(self, tmp_path):
        with pytest.raises(BakeoffError, match=r"the folder .*absent for the store does not exist"):
            Store(tmp_path / "absent" / "a.db", create=True)
        (tmp_path / "file").touch()
        with pytest.raises(BakeoffError, match="does not exist"):
            Store(tmp_path / "file" / "a.db", create=True)

    def test_refuses_a_folder(self, tmp_path):
        with pytest.raises(BakeoffError, match="the store must be a file"):
            Store(tmp_path)

    @pytest.mark.parametrize("content", [b"hello", b"PNG" * 5000, bytes(range(256)) * 20])
    def test_refuses_files_that_are_no_store(self, tmp_path, content):
        path = tmp_path / "a.db"
        path.write_bytes(content)
        with pytest.raises(BakeoffError, match=r"a\.db is not a bakeoff store \(file is not a database\)"):
            Store(path, create=True)
        assert path.read_bytes() == content

    def test_refuses_other_databases_and_leaves_them_alone(self, tmp_path):
        path = tmp_path / "theirs.db"
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE runs(id)")
        db.close()
        before = path.read_bytes()
        with pytest.raises(BakeoffError, match="an SQLite file but not a bakeoff store"):
            Store(path, create=True)
        assert path.read_bytes() == before

    def test_refuses_a_newer_version(self, tmp_path):
        path = tmp_path / "a.db"
        Store(path, create=True).close()
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        with pytest.raises(BakeoffError, match=r"written by a newer bakeoff \(store version 99, .*\): upgrade bakeoff"):
            Store(path)

    def test_migrates_an_older_version(self, store, monkeypatch):
        store.claim(RUN.id, ME)
        added = "ALTER TABLE runs ADD COLUMN note TEXT; CREATE TABLE extra(id INTEGER PRIMARY KEY)"
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, added))
        with Store(store.path) as newer:
            assert [result.id for result in newer.results()] == [RUN.id, OTHER.id]
            assert newer._pragma("user_version") == len(schema.MIGRATIONS)
            newer._db.execute("SELECT note FROM runs")
            newer._db.execute("SELECT id FROM extra")

    def test_reads_an_older_version_in_a_place_that_cannot_be_written(self, tmp_path, monkeypatch):
        path = tmp_path / "a.db"
        with Store(path, create=True) as store:
            store.add([RUN], [DATA])
            store._db.execute("ALTER TABLE runs DROP COLUMN network")
            store._db.execute("DROP TABLE networks")
            for column in ("file", "line"):
                store._db.execute(f"ALTER TABLE failures DROP COLUMN {column}")
            store._db.execute("PRAGMA user_version = 2")
        before = path.read_bytes()
        monkeypatch.setattr(os, "access", lambda place, mode: False)
        with Store(path) as store:
            assert [result.id for result in store.results()] == [RUN.id]
            with pytest.raises(BakeoffError, match="attempt to write a readonly database"):
                store.add([OTHER], [DATA])
        assert path.read_bytes() == before

    def test_leaves_an_older_version_as_it_is_until_it_is_written(self, store, monkeypatch):
        before = store.path.read_bytes()
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE extra(id)"))
        with Store(store.path) as newer:
            assert len(newer.results()) == 2
            newer._db.execute("SELECT id FROM extra")
            assert store.path.read_bytes() == before
            newer.claim(RUN.id, ME)
            assert newer.results()[0].state == "running"
        with sqlite3.connect(store.path) as file:
            assert file.execute("SELECT state FROM runs WHERE id = ?", (RUN.id,)).fetchone() == ("running",)
            assert file.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        file.close()

    def test_keeps_the_old_version_when_a_migration_fails(self, store, monkeypatch):
        before = store._pragma("user_version")
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE extra(id); SELECT nonsense"))
        with pytest.raises(BakeoffError):
            Store(store.path)
        assert store._pragma("user_version") == before
        assert not store._db.execute("SELECT * FROM sqlite_master WHERE name = 'extra'").fetchall()

    def test_reads_a_store_in_a_place_that_cannot_be_written(self, tmp_path, monkeypatch):
        """A share, a compact disk: no file can be made beside it."""
        path = tmp_path / "what a? #store%20.db"
        with Store(path, create=True) as store:
            store.add([RUN], [DATA])
        monkeypatch.setattr(os, "access", lambda place, mode: False)
        with Store(path) as store:
            assert [result.id for result in store.results()] == [RUN.id]
            assert [file.name for file in tmp_path.iterdir()] == [path.name]
            with pytest.raises(BakeoffError, match="attempt to write a readonly database"):
                store.claim(RUN.id, ME)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_says_when_it_may_not(self, tmp_path):
        path = tmp_path / "a.db"
        Store(path, create=True).close()
        path.chmod(0)
        with pytest.raises(BakeoffError, match="cannot open the store"):
            Store(path)

    def test_by_many_at_once_makes_one_store(self, tmp_path):
        def open_it():
            barrier.wait()
            try:
                Store(path, create=True).close()
            except BakeoffError as error:
                problems.append(str(error))

        problems = []
        for attempt in range(5):
            path, barrier = tmp_path / f"{attempt}.db", threading.Barrier(8)
            threads = [threading.Thread(target=open_it) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            with Store(path) as store:
                assert store.results() == []
        assert problems == []


class TestResults:
    def test_come_back_as_they_were_given(self, store):
        assert store.claim(RUN.id, ME)
        epochs = [epoch(1), epoch(2, validation_loss=None, validation_accuracy=None), epoch(3)]
        for one in epochs:
            store.record_epoch(RUN.id, one)
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        done, waiting = store.results()
        assert (done.run, done.state, done.epochs) == (RUN, "done", tuple(epochs))
        assert done.measures == OUTCOME.measures
        assert done.environment == ENVIRONMENT
        assert done.failure is None
        assert done.started is not None and done.started <= done.finished
        assert (waiting.run, waiting.state, waiting.epochs, waiting.measures) == (OTHER, "waiting", (), {})
        predicted, probabilities = store.predictions(RUN.id)
        assert (predicted == OUTCOME.predicted).all()
        assert (probabilities == PROBABILITIES).all()
        assert (predicted.dtype, probabilities.dtype) == (np.uint16, np.float16)
        assert store.results([OTHER.id]) == [waiting]
        assert store.states([RUN.id, "unknown"]) == {RUN.id: "done"}

    def test_keep_the_protocol_they_were_trained_by(self, store):
        """Also that of stores in which it was not written down: that was the first."""
        old = msgspec.structs.replace(OTHER, protocol=1)
        store.add([old], [DATA])
        store._db.execute("UPDATE runs SET settings = json_remove(settings, '$.protocol') WHERE id = ?", (old.id,))
        assert {r.id: r.run.protocol for r in store.results([RUN.id, old.id])} == {RUN.id: PROTOCOL, old.id: 1}

    def test_are_seen_by_others_when_they_are_there(self, store):
        with Store(store.path) as other:
            assert other.states([RUN.id]) == {RUN.id: "waiting"}
            store.claim(RUN.id, ME)
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
            assert other.results([RUN.id])[0].measures == OUTCOME.measures

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(runs=st.lists(RUNS, max_size=3), curve=st.lists(values(Epoch), max_size=4))
    def test_of_any_run_come_back(self, tmp_path, runs, curve):
        curve = [Epoch(*(codec.finite(name, getattr(one, name)) for name in Epoch.__struct_fields__)) for one in curve]
        path = tmp_path / "any.db"
        path.unlink(missing_ok=True)
        with ClaimingStore(path, create=True) as store:
            store.add(runs, [])
            for run in runs:
                for number, one in enumerate(curve, start=1):
                    store.record_epoch(run.id, msgspec.structs.replace(one, epoch=number))
            unique = list({run.id: run for run in reversed(runs)}.values())[::-1]
            results = store.results()
            assert [result.id for result in results] == [run.id for run in unique]
            assert all(
                [msgspec.structs.replace(e, epoch=0) for e in result.epochs]
                == [msgspec.structs.replace(e, epoch=0) for e in curve]
                for result in results
            )

    def test_need_as_many_predictions_as_test_images(self, store):
        store.claim(RUN.id, ME)
        for wrong in (
            Outcome(3, OUTCOME.predicted[:3], PROBABILITIES[:3], {}),
            Outcome(3, OUTCOME.predicted[:3], PROBABILITIES, {}),
        ):
            with pytest.raises(BakeoffError, match=r"predicted . images of 4: this is no result"):
                store.finish(RUN.id, wrong, ENVIRONMENT)
        (result, _) = store.results()
        assert (result.state, result.measures, result.environment) == ("running", {}, {})
        with pytest.raises(BakeoffError, match=r"has no whole result: its predictions are not there"):
            store.predictions(RUN.id)
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)

    def test_are_all_there_or_not_at_all(self, store, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        store.claim(RUN.id, ME)
        monkeypatch.setattr(store, "_set_environment", stop)
        with pytest.raises(KeyboardInterrupt):
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        assert store.results()[0].measures == {}
        assert store.states([RUN.id])[RUN.id] == "running"

    def test_are_read_as_they_were_at_one_moment(self, store):
        """A reader never sees a run that is done and has no measures."""
        stop = threading.Event()

        def write():
            with ClaimingStore(store.path) as writer:
                while not stop.is_set():
                    writer.forget([RUN.id], "me")
                    writer.add([RUN], [DATA])
                    writer.finish(RUN.id, OUTCOME, ENVIRONMENT)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            seen = [result for _ in range(200) for result in store.results([RUN.id])]
        finally:
            stop.set()
            thread.join()
        assert all((result.state == "done") == bool(result.measures) for result in seen)

    def test_of_data_sets_need_no_images(self, store):
        record = store.datasets()["hash"]
        assert (record.test_labels == LABELS).all()
        assert record.facts == DATA.facts
        changed = DataRecord("hash", {"name": "other"}, LABELS[:2])
        store.add([], [changed])
        assert store.datasets()["hash"].facts == DATA.facts

    def test_of_the_same_machine_share_their_environment(self, store):
        for run in (RUN, OTHER):
            store.finish(run.id, OUTCOME, ENVIRONMENT)
        assert store._db.execute("SELECT count(*) FROM environments").fetchone()[0] == 1

    def test_of_one_network_share_its_layers(self, store):
        layers = ({"name": "0", "type": "Conv2d", "input": [1, 8, 8], "output": [4, 6, 6], "parameters": 40},)
        for run in (RUN, OTHER):
            store.finish(run.id, replace(OUTCOME, layers=layers), ENVIRONMENT)
        assert [result.layers for result in store.results()] == [layers, layers]
        assert store._db.execute("SELECT count(*) FROM networks").fetchone()[0] == 1
        store.forget([RUN.id], ME)
        store.add([RUN], [DATA])
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        assert [result.layers for result in store.results()] == [layers, ()]

    def test_of_data_sets_get_their_duplicates_later(self, store):
        """Older stores have none, and what else is known of a data set stays."""
        later = {"name": "other", "duplicates": {"known": [2], "conflicting": 0}}
        store.add([], iter([DataRecord("hash", later, LABELS)]))
        assert store.datasets()["hash"].facts == DATA.facts | {"duplicates": later["duplicates"]}
        store.add([], [DataRecord("hash", {"duplicates": {}}, LABELS)])
        assert store.datasets()["hash"].facts == DATA.facts | {"duplicates": later["duplicates"]}

    def test_of_what_was_asked_are_kept_once(self, store):
        for command in ("bakeoff run a", "bakeoff run a", "bakeoff run b"):
            store.record_study("name = 'a'", command)
        assert [(command, study) for _, command, study in store.studies()] == [
            ("bakeoff run a", "name = 'a'"),
            ("bakeoff run b", "name = 'a'"),
        ]


class TestEpochs:
    def test_that_are_repeated_replace_what_came_after(self, store):
        for number in (1, 2, 3):
            store.record_epoch(RUN.id, epoch(number))
        store.record_epoch(RUN.id, epoch(2, train_loss=0.25))
        assert [(e.epoch, e.train_loss) for e in store.results()[0].epochs] == [(1, 1.0), (2, 0.25)]

    def test_of_other_runs_stay(self, store):
        store.record_epoch(OTHER.id, epoch(2))
        store.record_epoch(RUN.id, epoch(1))
        assert len(store.results()[1].epochs) == 1

    def test_with_a_loss_that_is_no_number_are_kept_without_it(self, store):
        store.record_epoch(RUN.id, epoch(1, validation_loss=float("nan")))
        assert store.results()[0].epochs[0].validation_loss is None


class TestFailures:
    FAILURE = Failure("diverged", "the loss became NaN [/x]", "trace", epoch=2, step=7)

    def test_are_rows_and_no_results(self, store):
        store.claim(RUN.id, ME)
        store.record_epoch(RUN.id, epoch(1))
        store.fail(RUN.id, self.FAILURE, ENVIRONMENT)
        result = store.results()[0]
        assert (result.state, result.failure, result.measures) == ("failed", self.FAILURE, {})
        assert result.environment == ENVIRONMENT

    def test_are_tried_again_on_request_and_stay_on_record(self, store):
        store.fail(RUN.id, self.FAILURE, ENVIRONMENT)
        assert not store.claim(RUN.id, ME)
        store.retry([RUN.id, OTHER.id])
        assert store.states([RUN.id])[RUN.id] == "waiting"
        assert store.claim(RUN.id, ME)
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        assert store.results()[0].failure is None
        assert store._db.execute("SELECT count(*) FROM failures").fetchone()[0] == 1

    def test_name_the_file_they_came_from(self, store):
        here = Failure("error", "ValueError: no", "trace", file="/home/me/my_net.py", line=12)
        store.fail(RUN.id, here, {})
        assert store.results()[0].failure == here

    def test_of_older_stores_came_from_no_known_file(self, store):
        store.fail(RUN.id, self.FAILURE, {})
        for column in ("file", "line"):
            store._db.execute(f"ALTER TABLE failures DROP COLUMN {column}")
        store._db.execute("PRAGMA user_version = 3")
        with Store(store.path) as newer:
            assert newer.results()[0].failure == self.FAILURE

    def test_shown_are_the_last_ones(self, store):
        store.fail(RUN.id, self.FAILURE, {})
        store.retry([RUN.id])
        store.fail(RUN.id, Failure("killed", "again"), {})
        assert store.results()[0].failure == Failure("killed", "again")


def end_process() -> str:
    """The owner of a process on this machine that has ended."""
    code = "from bakeoff.store.claims import new_owner; print(new_owner())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def living() -> Iterator[str]:
    with working() as owner:
        yield owner


class TestClaims:
    def test_are_for_one_at_a_time(self, store, living):
        with Store(store.path) as other:
            assert store.claim(RUN.id, living)
            assert store.claim(RUN.id, living)
            assert not other.claim(RUN.id, SOMEBODY)
            assert other.claim(OTHER.id, SOMEBODY)
            assert not store.claim(OTHER.id, living)
            store.release(SOMEBODY)
            assert not other.claim(RUN.id, SOMEBODY)
            store.release(living)
            assert other.claim(RUN.id, SOMEBODY)

    def test_of_runs_that_ended_or_are_unknown_fail(self, store):
        store.finish(RUN.id, OUTCOME, {})
        store.fail(OTHER.id, Failure("error", "x"), {})
        assert not store.claim(RUN.id, ME)
        assert not store.claim(OTHER.id, ME)
        assert not store.claim("unknown", ME)

    def test_of_finished_runs_are_for_further_measures(self, store):
        assert not store.claim(RUN.id, ME, finished=True)
        store.finish(RUN.id, OUTCOME, {})
        assert store.claim(RUN.id, ME, finished=True)
        assert not store.claim(RUN.id, SOMEBODY, finished=True)
        assert store.forget([RUN.id], SOMEBODY) == []
        store.release(ME)
        assert store.states([RUN.id]) == {RUN.id: "done"}
        assert store.claim(RUN.id, SOMEBODY, finished=True)

    def test_of_a_process_that_is_gone_are_free(self, store):
        assert store.claim(RUN.id, end_process())
        assert store.claim(RUN.id, ME)

    def test_of_this_process_are_free_when_their_work_has_ended(self, store):
        """In a notebook the process lives on."""
        with working() as owner:
            assert store.claim(RUN.id, owner)
            assert not store.claim(RUN.id, ME)
        assert store.claim(RUN.id, ME)

    def test_of_a_process_that_was_killed_and_not_yet_buried_are_free(self, store):
        """A zombie still has a process id."""
        code = "import time; from bakeoff.store.claims import new_owner; print(new_owner(), flush=True); time.sleep(99)"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        owner = process.stdout.readline().strip()
        assert store.claim(RUN.id, owner)
        assert not store.claim(RUN.id, ME)
        process.kill()
        deadline = time.monotonic() + 10
        while is_alive(owner) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert store.claim(RUN.id, ME)
        process.wait()
        process.stdout.close()

    def test_of_another_machine_hold_until_its_heart_has_stopped(self, store, monkeypatch):
        assert is_alive(SOMEBODY) is None
        assert store.claim(RUN.id, SOMEBODY)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS - 1)
        assert not store.claim(RUN.id, ME)
        assert store.beat(SOMEBODY) == {RUN.id}
        monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS + 1)
        assert not store.claim(RUN.id, ME)
        monkeypatch.setattr(time, "time", lambda: now + 2 * STALE_SECONDS + 1)
        assert store.claim(RUN.id, ME)
        assert store.beat(SOMEBODY) == set()

    def test_live_as_long_as_epochs_come(self, store, monkeypatch):
        assert store.claim(RUN.id, SOMEBODY)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS + 1)
        store.record_epoch(RUN.id, epoch(1), SOMEBODY)
        assert not store.claim(RUN.id, ME)

    def test_of_a_process_id_used_again_are_free(self, store, living):
        name, *_ = living.rsplit(":", 2)
        parent = f"{name}:{os.getppid()}:{psutil.Process(os.getppid()).create_time():.0f}"
        assert is_alive(living)
        assert is_alive(parent)
        used_again = f"{name}:{os.getppid()}:{int(parent.rsplit(':')[-1]) - 100}"
        assert is_alive(used_again) is False
        assert store.claim(RUN.id, used_again)
        assert store.claim(RUN.id, living)

    def test_know_machines_with_colons_in_their_names(self, monkeypatch):
        monkeypatch.setattr(socket, "gethostname", lambda: "fe80::1")
        with working() as owner:
            assert is_alive(owner)

    @pytest.mark.parametrize("where", ["", "0123456789ab"])
    def test_of_a_container_with_the_same_name_are_judged_by_their_heart(self, store, monkeypatch, where):
        """Its processes cannot be seen from here, and it has others under the same numbers."""
        monkeypatch.setattr("bakeoff.store.claims._processes", lambda: where)
        owner = new_owner().replace(f":{os.getpid()}:", ":1:")
        monkeypatch.undo()
        assert is_alive(owner) is None
        assert store.claim(RUN.id, owner)
        assert not store.claim(RUN.id, ME)

    def test_of_older_versions_are_judged_by_their_heart(self):
        assert is_alive(f"{socket.gethostname()}:{os.getpid()}:1700000000") is None

    def test_have_owners_that_are_never_the_same(self):
        assert len({new_owner() for _ in range(100)}) == 100


class TestLostClaims:
    """Who has lost a run, or never had it, writes nothing of it."""

    WRITES = {
        "an epoch": lambda store, owner: store.record_epoch(RUN.id, epoch(2), owner),
        "a result": lambda store, owner: store.finish(RUN.id, OUTCOME, ENVIRONMENT, owner),
        "a failure": lambda store, owner: store.fail(RUN.id, Failure("error", "x"), ENVIRONMENT, owner),
        "measures": lambda store, owner: store.add_measures(RUN.id, {"robustness": 0.5}, owner),
    }

    @pytest.mark.parametrize("write", WRITES)
    @pytest.mark.parametrize("state", ["waiting", "stolen", "finished by another", "failed by another", "given back"])
    def test_are_refused(self, tmp_path, write, state):
        with Store(tmp_path / "b.db", create=True) as store:
            store.add([RUN], [DATA])
            if state != "waiting":
                store.claim(RUN.id, SOMEBODY)
                store.record_epoch(RUN.id, epoch(1), SOMEBODY)
                store._db.execute("UPDATE runs SET heartbeat = 0")
                assert store.claim(RUN.id, ME)
            if state == "finished by another":
                store.finish(RUN.id, OUTCOME, ENVIRONMENT, ME)
            if state == "failed by another":
                store.fail(RUN.id, Failure("error", "y"), ENVIRONMENT, ME)
            if state == "given back":
                store.release(ME)
            before = "\n".join(store._db.iterdump())
            for loser in (SOMEBODY, ME) if state != "stolen" else (SOMEBODY,):
                with pytest.raises(ClaimLost, match="another command took over"):
                    self.WRITES[write](store, loser)
            assert "\n".join(store._db.iterdump()) == before
            store.results()


class TestForgetting:
    def test_leaves_only_what_was_planned(self, store):
        store.record_epoch(RUN.id, epoch(1))
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store.fail(OTHER.id, Failure("error", "x"), {})
        assert store.forget([RUN.id, OTHER.id, "unknown"], ME) == [RUN.id, OTHER.id]
        assert store.results() == store.unreadable() == []
        assert store.datasets() == {}
        store.add([RUN, OTHER], [DATA])
        for result in store.results():
            assert (result.state, result.epochs, result.measures, result.started) == ("waiting", (), {}, None)
        with pytest.raises(BakeoffError, match="its predictions are not there"):
            store.predictions(RUN.id)

    def test_spares_what_another_process_is_training(self, store):
        store.claim(RUN.id, SOMEBODY)
        store.claim(OTHER.id, end_process())
        store.record_epoch(RUN.id, epoch(1), SOMEBODY)
        assert store.forget([RUN.id, OTHER.id], ME) == [OTHER.id]
        (held,) = store.results()
        assert (held.state, len(held.epochs)) == ("running", 1)


class TestFaults:
    def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(self, store):
        store.claim(RUN.id, ME)
        pages = store._pragma("page_count")
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        random = np.random.default_rng(0).random((4, 5000)).astype(np.float16)
        large = Outcome(3, OUTCOME.predicted, random, OUTCOME.measures)
        with pytest.raises(BakeoffError, match=r"cannot write to the store .*a\.db: database or disk is full"):
            store.finish(RUN.id, large, ENVIRONMENT)
        assert store.results()[0].state == "running"
        assert store.results()[0].measures == {}
        store._db.execute("PRAGMA max_page_count = 100000")
        store.finish(RUN.id, large, ENVIRONMENT)
        assert store.results()[0].state == "done"

    def test_a_locked_store_is_one_sentence(self, store):
        with Store(store.path) as other:
            other._db.execute("PRAGMA busy_timeout = 10")
            with (
                store.transaction(),
                pytest.raises(BakeoffError, match=r"cannot write to the store .* database is locked"),
            ):
                other.beat(SOMEBODY)

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE runs SET settings = '{' WHERE {this}",
            "UPDATE runs SET settings = '{}' WHERE {this}",
            "UPDATE runs SET settings = '[]' WHERE {this}",
            "UPDATE runs SET settings = {deep} WHERE {this}",
            """UPDATE runs SET settings = replace(settings, '"seed"', '"sead"') WHERE {this}""",
            "UPDATE runs SET settings = replace(settings, '0.1', '0.2') WHERE {this}",
            "UPDATE runs SET settings = cast(x'ff' AS TEXT) WHERE {this}",
            "UPDATE runs SET state = 'waiting' WHERE {this}",
            "UPDATE runs SET seal = 'x' WHERE {this}",
            "UPDATE runs SET environment = 77 WHERE {this}",
            "UPDATE runs SET data_hash = 'gone' WHERE {this}",
            "DELETE FROM runs WHERE {this}",
            "UPDATE measures SET value = 'much' WHERE run = '{id}'",
            "UPDATE measures SET value = 9e999 WHERE run = '{id}' AND name = 'epochs'",
            "UPDATE measures SET value = 0.76 WHERE run = '{id}' AND name = 'test_accuracy'",
            "UPDATE measures SET name = 'tost_accuracy' WHERE run = '{id}' AND name = 'test_accuracy'",
            "DELETE FROM measures WHERE run = '{id}' AND name = 'epochs'",
            "UPDATE epochs SET train_loss = 'much' WHERE run = '{id}'",
            "UPDATE epochs SET learning_rate = x'00' WHERE run = '{id}'",
            "UPDATE epochs SET train_loss = 1.5 WHERE run = '{id}'",
            "DELETE FROM epochs WHERE run = '{id}'",
            "UPDATE predictions SET predicted = x'00' WHERE run = '{id}'",
            "UPDATE predictions SET probabilities = substr(probabilities, 1, 9) WHERE run = '{id}'",
            "UPDATE predictions SET classes = 7 WHERE run = '{id}'",
            "DELETE FROM predictions WHERE run = '{id}'",
        ],
    )
    def test_damage_costs_the_run_it_belongs_to_and_no_other(self, store, damage):
        for run in (RUN, OTHER):
            store.record_epoch(run.id, epoch(1))
            store.finish(run.id, OUTCOME, ENVIRONMENT)
        _, whole = store.results()
        store._db.execute("PRAGMA foreign_keys = OFF")
        deep = "'" + 100_000 * "[" + "'"
        store._db.execute(damage.replace("{this}", f"id = '{RUN.id}'").replace("{id}", RUN.id).replace("{deep}", deep))
        (left,) = store.results()
        assert (left.id, left.measures, left.epochs) == (OTHER.id, whole.measures, whole.epochs)
        (broken,) = store.unreadable()
        assert (broken.id, broken.state) == (RUN.id, "damaged")
        assert store.states([RUN.id, OTHER.id]) == {RUN.id: "damaged", OTHER.id: "done"}
        if "DELETE FROM runs" not in damage:
            assert (broken.net, broken.data, broken.recipe, broken.seed) == ("conv", "digits", "r", 0)
        assert store.forget([RUN.id], ME) == [RUN.id]
        store.add([RUN], [DATA])
        assert [result.state for result in store.results()] == ["done", "waiting"]
        assert store.unreadable() == []

    @pytest.mark.parametrize(
        "damage",
        ["UPDATE environments SET facts = 'x'", "UPDATE datasets SET test_labels = x'00'",
         "UPDATE datasets SET facts = '[]'"],
    )  # fmt: skip
    def test_damage_of_what_runs_share_costs_those_that_have_a_result(self, store, damage):
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store._db.execute(damage)
        assert [result.id for result in store.results()] == [OTHER.id]
        assert [run.id for run in store.unreadable()] == [RUN.id]

    @pytest.mark.parametrize("is_finished", [True, False])
    def test_what_a_newer_version_wrote_is_not_called_damaged(self, store, is_finished):
        """Its recipes may have fields that this version does not know."""
        if is_finished:
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        settings = json.loads(store._db.execute("SELECT settings FROM runs WHERE id = ?", (RUN.id,)).fetchone()[0])
        settings["recipe"]["invented"] = 3
        text = json.dumps(settings)
        recipe = {name: value for name, value in settings["recipe"].items() if name != "name"}
        identity = [settings["protocol"], settings["net"], settings["data_hash"], digest(recipe), settings["seed"]]
        if is_finished:
            seal = codec.seal(text, [], OUTCOME.measures)
            store._db.execute("UPDATE runs SET settings = ?, seal = ? WHERE id = ?", (text, seal, RUN.id))
        else:
            store._db.execute(
                "UPDATE runs SET settings = ?, id = ? WHERE id = ?", (text, digest(identity)[:16], RUN.id)
            )
        (newer,) = store.unreadable()
        assert newer.state == "newer"
        assert "invented" in newer.reason
        assert "upgrade bakeoff" in newer.reason
        assert [result.id for result in store.results()] == [OTHER.id]

    def test_a_fault_of_our_own_is_not_called_damage(self, store, monkeypatch):
        monkeypatch.setattr("bakeoff.store.reader.versions", lambda *_: {}["missing"])
        with pytest.raises(KeyError):
            store.results()

    def test_measures_that_are_no_numbers_are_left_out(self, store):
        measures = {"test_accuracy": 0.5, "speed": float("inf"), "energy": float("nan")}
        store.record_epoch(RUN.id, epoch(1, validation_loss=float("inf")))
        store.finish(RUN.id, replace(OUTCOME, measures=measures), ENVIRONMENT)
        store.add_measures(RUN.id, {"robustness": float("nan"), "more": 0.25})
        result = store.results()[0]
        assert result.measures == {"test_accuracy": 0.5, "more": 0.25}
        assert result.epochs[0].validation_loss is None

    def test_any_number_keeps_its_seal(self, store):
        measures = {"minus zero": -0.0, "tiny": 5e-324, "large": 2**60, "third": 1 / 3, "none": 0, "most": 1.7e308}
        store.record_epoch(RUN.id, epoch(1, train_loss=-0.0, validation_loss=float("nan")))
        store.finish(RUN.id, Outcome(3, OUTCOME.predicted, PROBABILITIES, measures), ENVIRONMENT)
        assert store.results()[0].measures == measures

    def test_stores_without_seals_can_be_read(self, store):
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store._db.execute("UPDATE runs SET seal = NULL")
        assert store.results()[0].measures == OUTCOME.measures

    def test_a_file_cut_short_is_one_sentence(self, tmp_path, store):
        store.close()
        copy = tmp_path / "cut.db"
        whole = Path(store.path).read_bytes()
        copy.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BakeoffError, match=r"cut\.db"), Store(copy) as opened:
            opened.results()


class TestFurtherMeasures:
    def test_join_those_of_a_finished_run(self, store):
        store.record_epoch(RUN.id, epoch(1))
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        before = store.results()[0]
        store.add_measures(RUN.id, {"robustness": 0.5, "epochs": 4})
        after = store.results()[0]
        assert after.measures == {"test_accuracy": 0.75, "epochs": 4, "robustness": 0.5}
        assert (after.id, after.epochs, after.finished) == (before.id, before.epochs, before.finished)

    def test_are_refused_by_runs_without_a_result(self, store):
        for run_id in (RUN.id, "unheard of"):
            with pytest.raises(ClaimLost):
                store.add_measures(run_id, {"robustness": 0.5})

    def test_do_not_mend_the_seal_of_a_damaged_run(self, store):
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store._db.execute("UPDATE measures SET value = 0.76 WHERE name = 'test_accuracy'")
        with pytest.raises(BakeoffError, match="has no whole result"):
            store.add_measures(RUN.id, {"robustness": 0.5})


def test_settings_are_stored_as_readable_json(store):
    row = store._db.execute("SELECT settings FROM runs").fetchone()
    assert json.loads(row["settings"])["recipe"]["optimizer"] == {"name": "sgd", "lr": 0.1}


class TestFiles:
    def test_are_one_at_any_time(self, tmp_path):
        """So that a copy of it holds all that was finished."""
        path = tmp_path / "a.db"
        with tiny.ClaimingStore(path, create=True) as store:
            store.add([RUN, OTHER], [DATA])
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
            store.record_epoch(OTHER.id, epoch(1))
            assert [file.name for file in tmp_path.iterdir()] == ["a.db"]
            shutil.copy(path, tmp_path / "copy.db")
        with Store(tmp_path / "copy.db") as copy:
            assert [(result.state, len(result.epochs)) for result in copy.results()] == [("done", 0), ("running", 1)]

    def old(self, path: Path) -> sqlite3.Connection:
        """A store that an older version has open: it wrote ahead into a log."""
        Store(path, create=True).close()
        theirs = sqlite3.connect(path, isolation_level=None)
        theirs.execute("PRAGMA journal_mode = WAL")
        return theirs

    def test_of_older_versions_become_one_when_they_are_written(self, tmp_path):
        path = tmp_path / "a.db"
        theirs = self.old(path)
        theirs.execute("INSERT INTO studies(at, command, study) VALUES ('x', 'y', 'z')")
        with Store(path, create=True) as store:  # they have it open: it stays as it is
            assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        theirs.close()
        with Store(path) as store:
            assert store.studies() == [("x", "y", "z")]
        with Store(path, create=True) as store:
            assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
            assert store.studies() == [("x", "y", "z")]
        assert [file.name for file in tmp_path.iterdir()] == ["a.db"]

    def test_of_older_versions_copied_without_all_they_hold_say_what_is_missing(self, tmp_path):
        path = tmp_path / "a.db"
        theirs = sqlite3.connect(path, isolation_level=None)
        theirs.execute("PRAGMA journal_mode = WAL")
        theirs.execute("CREATE TABLE runs(id)")
        shutil.copy(path, tmp_path / "copy.db")
        theirs.close()
        for create in (False, True):
            with pytest.raises(
                BakeoffError, match=r"copy copy\.db-wal too, or copy the store once no command is at it"
            ):
                Store(tmp_path / "copy.db", create=create)
