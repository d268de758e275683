import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from stored import DATA, ENVIRONMENT, ME, OTHER, OUTCOME, RUN, SOMEBODY, end_process, epoch, make_older

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import Failure
from bakeoff.store.claims import ClaimLost
from bakeoff.store.store import Store


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
        make_older(store, 3)
        with Store(store.path) as newer:
            assert newer.results()[0].failure == self.FAILURE

    def test_shown_are_the_last_ones(self, store):
        store.fail(RUN.id, self.FAILURE, {})
        store.retry([RUN.id])
        store.fail(RUN.id, Failure("killed", "again"), {})
        assert store.results()[0].failure == Failure("killed", "again")


class TestNames:
    """A run has the name that the recipe got last before it was finished."""

    RENAMED = msgspec.structs.replace(RUN, recipe=msgspec.structs.replace(RUN.recipe, name="tuned"))

    def test_are_those_of_the_last_command(self, store):
        store.add([self.RENAMED], [])
        found = store.results([RUN.id])[0]
        assert found.run == self.RENAMED and found.id == RUN.id

    def test_of_finished_runs_stay(self, store):
        store.record_epoch(RUN.id, epoch(1))
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store.add([self.RENAMED], [])
        assert store.results([RUN.id])[0].run == RUN


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
        with pytest.raises(BakeoffError, match="its predictions are missing"):
            store.predictions(RUN.id)

    def test_spares_what_another_process_is_training(self, store):
        store.claim(RUN.id, SOMEBODY)
        store.claim(OTHER.id, end_process())
        store.record_epoch(RUN.id, epoch(1), SOMEBODY)
        assert store.forget([RUN.id, OTHER.id], ME) == [OTHER.id]
        (held,) = store.results()
        assert (held.state, len(held.epochs)) == ("running", 1)


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
        with pytest.raises(BakeoffError, match="is damaged"):
            store.add_measures(RUN.id, {"robustness": 0.5})


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
        """A store that an older version has open, with a write-ahead log."""
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

    def test_of_older_versions_copied_without_their_log_name_the_missing_file(self, tmp_path):
        path = tmp_path / "a.db"
        theirs = sqlite3.connect(path, isolation_level=None)
        theirs.execute("PRAGMA journal_mode = WAL")
        theirs.execute("CREATE TABLE runs(id)")
        shutil.copy(path, tmp_path / "copy.db")
        theirs.close()
        for create in (False, True):
            with pytest.raises(BakeoffError, match=r"copy copy\.db-wal too"):
                Store(tmp_path / "copy.db", create=create)
