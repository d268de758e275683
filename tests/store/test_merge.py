import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from mergeable import RUNS, content, outcome, write
from stored import DATA, ENVIRONMENT, LABELS, ME, OUTCOME, RUN, epoch, make_older

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import checkpoint_path, contests_folder, files_folder, trunk_path, weights_path
from bakeoff.spec.records import DataRecord, Failure, RecipeUse, is_cost
from bakeoff.store import merge_files
from bakeoff.store.merge import merge
from bakeoff.store.store import Store


def make(path: Path, *finished: int, accuracy: float = 0.75, seconds: float = 2.0) -> Path:
    """Make a store with results of these seeds, and weights beside it."""
    with tiny.ClaimingStore(path, create=True) as store:
        store.add([RUNS[seed] for seed in finished], [DATA])
        for seed in finished:
            store.record_epoch(RUNS[seed].id, epoch(1, train_seconds=seconds))
            store.finish(RUNS[seed].id, outcome(accuracy, train_seconds=seconds), ENVIRONMENT)
            write(weights_path(store.files, RUNS[seed].id), f"{path.stem} {seed}")
    return path


class TestMerging:
    def test_carries_everything_over(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0, 1), make(tmp_path / "b.db", 2)
        with Store(one, create=True) as store:
            store.record_study("name = 'x'", "bakeoff run x", [[RecipeUse("hash", "key")]])
        with Store(other, create=True) as store:
            store.record_study("name = 'x'", "bakeoff run x")
            store.record_study("name = 'y'", "bakeoff run y")
        write(contests_folder(files_folder(other)) / "0123.json", "a contest")
        before = [path.read_bytes() for path in (one, other)]
        merged = merge([one, other], tmp_path / "all.db")
        assert (merged.runs, merged.shared, merged.conflicts, merged.left_out, merged.files) == (3, 0, [], [], 4)
        assert (contests_folder(tmp_path / "all.db.files") / "0123.json").read_text() == "a contest"
        assert content(tmp_path / "all.db") == content(one) | content(other)
        with Store(tmp_path / "all.db") as store, Store(one) as first:
            assert [study[1:] for study in store.studies()] == [
                ("bakeoff run x", "name = 'x'"),
                ("bakeoff run y", "name = 'y'"),
            ]
            assert store.datasets()["hash"].facts == first.datasets()["hash"].facts
            assert store._db.execute("SELECT data_hash, recipe_key FROM comparisons").fetchall()[0][:] == (
                "hash",
                "key",
            )
            assert weights_path(store.files, RUNS[2].id).read_text() == "b 2"
            assert sorted(result.run.seed for result in store.results()) == [0, 1, 2]
        assert [path.read_bytes() for path in (one, other)] == before
        assert {path.name for path in tmp_path.iterdir()} == {
            "a.db", "a.db.files", "b.db", "b.db.files", "all.db", "all.db.files",
        }  # fmt: skip

    def test_keeps_equal_results_once_whatever_they_cost(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0, seconds=2), make(tmp_path / "b.db", 0, seconds=3)
        merged = merge([one, other], tmp_path / "all.db")
        assert (merged.runs, merged.shared, merged.conflicts) == (1, 1, [])
        assert content(tmp_path / "all.db") in (content(one), content(other))

    def test_lists_results_that_differ(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0, 1), make(tmp_path / "b.db", 0, accuracy=0.5)
        with Store(other, create=True) as store:
            store._db.execute("UPDATE runs SET finished = '2030-01-01T00:00:00+00:00'")
        for order in ([one, other], [other, one]):
            merged = merge(order, tmp_path / "all.db", overwrite=True)
            (conflict,) = merged.conflicts
            assert (conflict.id, conflict.seed) == (RUNS[0].id, 0)
            assert (conflict.kept, conflict.dropped) == (str(one), str(other))
            assert conflict.differences == ["test_accuracy 0.75 and 0.5"]
            assert content(tmp_path / "all.db") == content(one)
            with Store(tmp_path / "all.db") as store:
                assert weights_path(store.files, RUNS[0].id).read_text() == "a 0"

    @pytest.mark.parametrize("name", ["peak_memory_bytes", "features_shared", "runs_at_once"])
    def test_what_depends_on_the_machine_may_differ(self, name):
        """Features of a frozen network are computed by the first run that needs them, and shared by the next."""
        assert is_cost(name)

    def test_names_the_first_epoch_and_predictions_that_differ(self, tmp_path):
        for name, loss, predicted in (("a.db", 1.0, [0, 2, 1, 2]), ("b.db", 1.5, [0, 2, 1, 1])):
            with tiny.ClaimingStore(tmp_path / name, create=True) as store:
                store.add([RUN], [DATA])
                for number in (1, 2, 3):
                    store.record_epoch(RUN.id, epoch(number, train_loss=1.0 if number == 1 else loss))
                store.finish(RUN.id, replace(OUTCOME, predicted=np.array(predicted, np.uint16)), {})
        (conflict,) = merge([tmp_path / "a.db", tmp_path / "b.db"], tmp_path / "c.db").conflicts
        assert conflict.differences == ["train_loss from epoch 2 on", "1 of 4 predicted classes"]

    def test_adds_what_only_one_store_has_of_a_result(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0), make(tmp_path / "b.db", 0)
        with tiny.ClaimingStore(other) as store:
            store.add_measures(RUN.id, {"robustness": 0.25})
            store.add([], [replace(DATA, facts=DATA.facts | {"duplicates": {"known": [1]}})])
        weights_path(tmp_path / "a.db.files", RUN.id).unlink()
        merged = merge([one, other], tmp_path / "all.db")
        assert (merged.conflicts, merged.files) == ([], 1)
        with Store(tmp_path / "all.db") as store:
            (result,) = store.results()
            assert result.measures["robustness"] == 0.25
            assert store.datasets()["hash"].facts["duplicates"] == {"known": [1]}

    def test_prefers_results_to_failures_and_more_epochs_to_fewer(self, tmp_path):
        with tiny.ClaimingStore(tmp_path / "a.db", create=True) as store:
            store.add(RUNS[:3], [DATA])
            store.fail(RUNS[0].id, Failure("error", "x"), {})
            store.record_epoch(RUNS[1].id, epoch(1))
            write(checkpoint_path(store.files, RUNS[1].id), "one epoch")
        with tiny.ClaimingStore(make(tmp_path / "b.db", 0)) as store:
            store.add(RUNS[:3], [DATA])
            for number in (1, 2):
                store.record_epoch(RUNS[1].id, epoch(number))
            write(checkpoint_path(store.files, RUNS[1].id), "two epochs")
            write(trunk_path(store.files, RUNS[1].id), "trunk")
            write(checkpoint_path(store.files, RUNS[1].id, "abc"), "a draft")
            write(store.files / "foreign.txt", "what is this?")
        merge([tmp_path / "a.db", tmp_path / "b.db"], tmp_path / "all.db")
        with Store(tmp_path / "all.db") as store:
            assert store.states([run.id for run in RUNS[:3]]) == {
                RUNS[0].id: "done",
                RUNS[1].id: "waiting",  # the claim stays behind
                RUNS[2].id: "waiting",
            }
            assert len(store.results()[1].epochs) == 2
            assert store._db.execute("SELECT message FROM failures").fetchall()[0][0] == "x"
            assert {path.name: path.read_text() for path in store.files.iterdir()} == {
                f"{RUNS[0].id}.safetensors": "b 0",
                f"{RUNS[1].id}.pt": "two epochs",
                f"{RUNS[1].id}.trunk": "trunk",
            }
            assert store.claim(RUNS[1].id, ME)

    def test_carries_users_networks_over(self, tmp_path):
        run = msgspec.structs.replace(RUN, net="mine@01234567:start@89abcdef")
        with Store(tmp_path / "a.db", create=True) as store:
            store.add([run], [DATA])
            for name in ("mine@01234567.py", "mine@01234567.json", "mine@01234567/part.py", "start@89abcdef.pth"):
                write(store.files / name, name)
            write(store.files / "other@01234567.py", "of no run")
        assert merge([tmp_path / "a.db"], tmp_path / "all.db").files == 4
        assert (tmp_path / "all.db.files" / "mine@01234567" / "part.py").read_text() == "mine@01234567/part.py"

    def test_leaves_damaged_runs_out_unless_another_store_has_them(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0, 1), make(tmp_path / "b.db", 1)
        with Store(one) as store:
            store._db.execute("UPDATE epochs SET train_loss = 9")
        merged = merge([one, other], tmp_path / "all.db")
        (lost,) = merged.left_out
        assert (lost.id, lost.store, lost.seed) == (RUNS[0].id, str(one), 0)
        assert content(tmp_path / "all.db") == content(other)

    def test_reads_older_stores_and_leaves_them_as_they_are(self, tmp_path):
        path = make(tmp_path / "a.db", 0)
        with Store(path) as store:
            make_older(store, 3)
        before = path.read_bytes()
        merge([path], tmp_path / "all.db")
        assert content(tmp_path / "all.db") == content(path)
        assert path.read_bytes() == before

    def test_refuses_to_overwrite_unless_told_to(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0), make(tmp_path / "b.db", 1)
        before = one.read_bytes()
        with pytest.raises(BakeoffError, match="add --overwrite"):
            merge([one, other], one)
        assert one.read_bytes() == before
        expected = content(one) | content(other)
        merge([one, other], one, overwrite=True)
        assert content(one) == expected
        assert {path.name for path in (tmp_path / "a.db.files").iterdir()} == {
            f"{RUNS[0].id}.safetensors", f"{RUNS[1].id}.safetensors",
        }  # fmt: skip

    def test_refuses_without_room_and_leaves_nothing(self, tmp_path, monkeypatch):
        one = make(tmp_path / "a.db", 0)
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("another disk")))
        monkeypatch.setattr(merge_files.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2}))
        with pytest.raises(BakeoffError, match=r"no room for 3 B .* 2 B are free"):
            merge([one], tmp_path / "all.db")
        assert {path.name for path in tmp_path.iterdir()} == {"a.db", "a.db.files"}
        monkeypatch.undo()
        assert merge([one], tmp_path / "all.db").copied_bytes == 0

    def test_copies_files_where_they_cannot_be_linked(self, tmp_path, monkeypatch):
        one = make(tmp_path / "a.db", 0)
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("another disk")))
        assert merge([one], tmp_path / "all.db").copied_bytes == 3
        assert weights_path(tmp_path / "all.db.files", RUN.id).read_text() == "a 0"

    def test_refuses_data_sets_that_contradict_each_other(self, tmp_path):
        one, other = make(tmp_path / "a.db", 0), tmp_path / "b.db"
        with Store(other, create=True) as store:
            store.add([], [DataRecord("hash", DATA.facts, LABELS[::-1].copy())])
        with pytest.raises(BakeoffError, match="other test labels"):
            merge([one, other], tmp_path / "all.db")
        assert not (tmp_path / "all.db").exists()


def test_a_store_in_use_is_copied_as_it_was_at_one_moment(tmp_path):
    path = make(tmp_path / "a.db", 0)
    with Store(path) as store, store.transaction():
        store._db.execute("DELETE FROM epochs")
        merge([path], tmp_path / "copy.db")
        store._db.execute("ROLLBACK")
        store._db.execute("BEGIN")
    assert content(tmp_path / "copy.db") == content(path)
    with sqlite3.connect(tmp_path / "copy.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        facts = json.loads(db.execute("SELECT facts FROM environments").fetchone()[0])
    db.close()
    assert facts == ENVIRONMENT
