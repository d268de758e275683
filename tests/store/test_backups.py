import sqlite3

import pytest
from stored import DATA, ENVIRONMENT, ME, OTHER, OUTCOME, RUN, epoch, make_older

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.store import schema
from bakeoff.store.store import Store


@pytest.fixture
def older(tmp_path):
    """A store of the version before claims had tokens."""
    path = tmp_path / "a.db"
    with tiny.ClaimingStore(path, create=True) as store:
        store.add([RUN, OTHER], [DATA])
        store.record_epoch(RUN.id, epoch(1))
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        make_older(store, 5)
    return path


def test_a_migration_keeps_the_old_file(older):
    before = older.read_bytes()
    with Store(older) as store:
        results = store.results()
        assert list(older.parent.iterdir()) == [older]  # reading changes nothing
        assert store.claim(OTHER.id, ME).token == 1
        assert store.results()[0] == results[0]
        assert [result.id for result in results] == [RUN.id, OTHER.id]
    backup = older.with_name("a.db.v5.backup")
    assert sorted(older.parent.iterdir()) == [older, backup]
    with sqlite3.connect(backup) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (5,)
    copy.close()
    with Store(backup) as store:
        assert store.results() == results
    older.write_bytes(before)
    Store(older, create=True).close()
    assert older.with_name("a.db.v5-2.backup").exists()


def test_without_room_for_it_nothing_is_changed(older, monkeypatch):
    before = older.read_bytes()

    def fail(*_: object) -> None:
        raise BakeoffError("cannot keep a backup")

    monkeypatch.setattr(schema, "keep_backup", fail)
    with pytest.raises(BakeoffError, match="cannot keep a backup"):
        Store(older, create=True)
    assert older.read_bytes() == before
