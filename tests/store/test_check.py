import shutil
import sqlite3

import pytest
from stored import DATA, ENVIRONMENT, ME, OTHER, OUTCOME, RUN, SOMEBODY, end_process, epoch, make_older

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import checkpoint_path, contests_folder, weights_path
from bakeoff.store.check import check
from bakeoff.store.info import info
from bakeoff.store.store import Store


@pytest.fixture
def path(store):
    store.record_epoch(RUN.id, epoch(1))
    store.finish(RUN.id, OUTCOME, ENVIRONMENT)
    store.files.mkdir()
    weights_path(store.files, RUN.id).write_text("weights")
    return store.path


def kinds(path) -> list[tuple[str, bool]]:
    return sorted({(problem.kind, problem.is_damage) for problem in check(path).problems})


class TestCheck:
    def test_finds_nothing_in_a_sound_store(self, path):
        before = path.read_bytes()
        found = check(path)
        assert (found.runs, found.readable, found.problems, found.is_damaged) == (2, 2, [], False)
        assert path.read_bytes() == before

    def test_knows_the_records_of_contests(self, path):
        record = contests_folder(path.with_name("a.db.files")) / "0123.json"
        record.parent.mkdir()
        record.write_text("{}")
        assert check(path).problems == []
        assert info(path).file_bytes == {"weights": 7, "contest": 2}

    @pytest.mark.parametrize(
        ("damage", "kind"),
        [
            ("UPDATE epochs SET train_loss = 3", "run"),
            ("DELETE FROM predictions", "run"),
            ("UPDATE datasets SET facts = 'x'", "row"),
            ("UPDATE environments SET facts = 'x'", "row"),
            ("INSERT INTO measures VALUES ('0123456789abcdef', 'x', 1)", "row"),
        ],
    )
    def test_finds_damage(self, path, damage, kind):
        with Store(path) as store:
            store._db.execute("PRAGMA foreign_keys = OFF")
            store._db.execute(damage)
        assert (kind, True) in kinds(path)
        assert check(path).is_damaged

    def test_finds_damage_of_the_structure(self, path):
        damaged = bytearray(path.read_bytes())
        damaged[4096 * 3 : 4096 * 3 + 200] = bytes(200)
        path.write_bytes(damaged)
        assert ("file", True) in kinds(path)

    def test_refuses_what_is_not_a_store(self, tmp_path):
        (tmp_path / "b.db").write_text("hello")
        with pytest.raises(BakeoffError, match="not a bakeoff store"):
            check(tmp_path / "b.db")

    def test_finds_claims_of_the_dead_which_do_no_harm(self, path, store):
        store.claim(OTHER.id, SOMEBODY)
        assert kinds(path) == []
        store._db.execute("UPDATE runs SET owner = ?", (end_process(),))
        assert kinds(path) == [("claim", False)]

    def test_finds_what_lies_beside(self, path, store):
        for name in ("0123456789abcdef.pt", "mine@01234567.py", f"{RUN.id}.0123.pt", "holiday.jpg"):
            (store.files / name).write_text("x")
        messages = [problem.message for problem in check(path).problems]
        assert len(messages) == 3
        assert "2 files (2 B) of runs and networks that are no longer in the store" in messages[0]
        assert "1 file (1 B) that workers have not finished" in messages[1]
        assert "1 file (1 B) that bakeoff did not write" in messages[2]
        weights_path(store.files, RUN.id).unlink()
        assert check(path).problems[-1].runs == [RUN.id]
        assert not check(path).is_damaged

    def test_says_that_a_copy_may_lack_its_log(self, path, tmp_path):
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("UPDATE runs SET started = 'now'")
            db.commit()
            shutil.copyfile(path, tmp_path / "copy.db")
            assert any("a.db-wal belongs to the store" in problem.message for problem in check(path).problems)
        db.close()
        assert any("copy.db-wal, that is not here" in one.message for one in check(tmp_path / "copy.db").problems)


class TestOneFile:
    def test_holds_everything_after_every_write(self, store, tmp_path):
        """A copy of only the file, made between two transactions, has everything that was written."""
        writes = (
            lambda: store.record_epoch(RUN.id, epoch(1)),
            lambda: store.finish(RUN.id, OUTCOME, ENVIRONMENT),
            lambda: store.add_measures(RUN.id, {"more": 1.0}),
            lambda: store.record_study("x", "y"),
            lambda: store.forget([OTHER.id], ME),
        )
        for number, write in enumerate(writes):
            write()
            assert [path.name for path in tmp_path.iterdir() if "a.db-" in path.name] == []
            copy = tmp_path / f"copy{number}.db"
            shutil.copyfile(store.path, copy)
            with Store(copy) as other:
                assert (other.read(), other.studies()) == (store.read(), store.studies())

    def test_is_what_a_store_with_a_log_becomes_when_it_is_written(self, path):
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode = WAL")
        db.close()
        Store(path, create=True).close()
        assert path.read_bytes()[18:20] == b"\x01\x01"
        assert sorted(one.name for one in path.parent.iterdir()) == ["a.db", "a.db.files"]


def test_info_says_what_is_there(path, store):
    store.record_study("name = 'x'", "bakeoff run")
    checkpoint_path(store.files, OTHER.id).write_text("check")
    found = info(path)
    assert found.states == {"done": 1, "waiting": 1}
    assert found.protocols == {RUN.protocol: 2}
    assert (found.networks, found.studies) == (1, 1)
    assert [(one.name, one.runs, one.test_images) for one in found.data] == [("digits", 2, 4)]
    assert found.file_bytes == {"weights": 7, "checkpoint": 5}
    assert (found.version, found.bytes) == (found.current_version, path.stat().st_size)
    assert found.backups == []
    make_older(store, 5)
    assert info(path).version == 5
    Store(path, create=True).close()
    assert [one.rpartition("/")[2] for one in info(path).backups] == ["a.db.v5.backup"]
    assert info(path).version == found.version
    store.add([], [DATA])
