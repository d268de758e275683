import os
import sqlite3
import threading
from pathlib import Path

import pytest
from stored import DATA, ME, OTHER, RUN, make_older

from bakeoff.errors import BakeoffError
from bakeoff.store import schema
from bakeoff.store.store import Store


class TestOpening:
    def test_makes_a_store_only_when_asked(self, tmp_path):
        path = tmp_path / "a.db"
        with pytest.raises(BakeoffError, match=r"no store at .*a\.db: `bakeoff run --store .*` creates one"):
            Store(path)
        assert not path.exists()
        Store(path, create=True).close()
        with Store(path) as store:
            assert store.results() == []
            assert store.files == tmp_path / "a.db.files"

    def test_needs_the_folder(self, tmp_path):
        with pytest.raises(BakeoffError, match=r"the folder .*absent of the store does not exist"):
            Store(tmp_path / "absent" / "a.db", create=True)
        (tmp_path / "file").touch()
        with pytest.raises(BakeoffError, match="does not exist"):
            Store(tmp_path / "file" / "a.db", create=True)

    def test_refuses_a_folder(self, tmp_path):
        with pytest.raises(BakeoffError, match="the store must be a file"):
            Store(tmp_path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
    @pytest.mark.parametrize("create", [False, True])
    def test_refuses_pipes_and_devices(self, tmp_path, create):
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "pipe", Path(os.devnull)):
            with pytest.raises(BakeoffError, match="the store must be a file"):
                Store(path, create=create)

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
            make_older(store, 2)
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
        """As on a read-only share or disk: no file can be created beside it."""
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
