import random
import shutil
import sqlite3
from pathlib import Path

import msgspec
import numpy as np
import pytest
from stored import DATA, ENVIRONMENT, ME, OUTCOME, RUN, SOMEBODY, epoch, make_older

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.spec.records import Failure, Outcome, RecipeUse
from bakeoff.store import pages
from bakeoff.store.check import check
from bakeoff.store.repair import rebuild, repair
from bakeoff.store.store import Store

RUNS = [msgspec.structs.replace(RUN, seed=seed) for seed in range(30)]
PAGE = 4096
LAYERS = ({"name": "fc", "type": "Linear", "input": [3], "output": [2], "parameters": 8, "flops": 6},)


def fill(path: Path) -> Path:
    """Make a store of several pages per table: 28 results, a failure, and a run that has begun."""
    dice = np.random.default_rng(0)
    with tiny.ClaimingStore(path, create=True) as store:
        store.add(RUNS, [DATA])
        store.record_study("name = 'x'", "bakeoff run x", [[RecipeUse("hash", "key")]])
        for run in RUNS[:28]:
            for number in (1, 2, 3):
                store.record_epoch(run.id, epoch(number, train_loss=float(dice.random()), learning_rate=1.0))
            scores = dice.random((4, 3)).astype(np.float16)
            measures = {f"measure {number}": float(number) for number in range(20)} | {"test_accuracy": dice.random()}
            store.finish(run.id, Outcome(3, OUTCOME.predicted, scores, measures, LAYERS), ENVIRONMENT)
        store.fail(RUNS[28].id, Failure("error", "made up", "trace", 1, 2, "net.py", 3), ENVIRONMENT)
        store.claim(RUNS[29].id, SOMEBODY)
        store._db.execute("UPDATE runs SET heartbeat = 0")
        store.record_epoch(RUNS[29].id, epoch(1), SOMEBODY)
        store._db.execute("UPDATE runs SET heartbeat = 0")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return fill(tmp_path_factory.mktemp("whole") / "whole.db")


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    return Path(shutil.copyfile(whole, tmp_path / "a.db"))


def content(path: Path) -> dict[str, tuple]:
    """Every number of the runs that can be read."""
    with Store(path) as store:
        return {
            one.id: (
                "waiting" if one.state == "running" else one.state,
                one.epochs, one.measures, one.failure, one.environment, one.layers,
                [array.tobytes() for array in store.predictions(one.id)] if one.state == "done" else None,
            )
            for one in store.results()
        }  # fmt: skip


def salvageable(path: Path) -> dict[str, tuple]:
    """The results that SQLite itself can still read of a damaged file."""
    try:
        return {run_id: rest for run_id, rest in content(path).items() if rest[0] == "done"}
    except BakeoffError:
        return {}


class TestRepair:
    def test_leaves_an_intact_store_alone(self, copy, whole):
        repaired = repair(copy)
        assert (repaired.intact, repaired.lost, repaired.backup) == (30, [], "")
        assert copy.read_bytes() == whole.read_bytes()
        assert list(copy.parent.iterdir()) == [copy]

    def test_names_runs_with_their_recipe(self, copy):
        with Store(copy) as store:
            store._db.execute("UPDATE runs SET seal = 'x' WHERE id = ?", [RUNS[0].id])
        (lost,) = repair(copy).lost
        assert lost.label == f"{RUN.net} · {RUN.recipe.name} · {RUN.data} · seed 0"

    def test_of_a_store_that_is_not_there_says_so(self, tmp_path):
        with pytest.raises(BakeoffError, match="no store at"):
            repair(tmp_path / "a.db")

    def test_changes_no_number(self, copy, whole):
        repaired = rebuild(copy)
        assert (repaired.intact, repaired.lost, repaired.lost_datasets) == (30, [], [])
        assert content(copy) == content(whole)
        assert Path(repaired.backup).read_bytes() == whole.read_bytes()
        with Store(copy) as store, Store(whole) as before:
            assert [one.id for one in store.results()] == [one.id for one in before.results()]
            assert store.studies() == before.studies()
            assert store.datasets()["hash"].facts == before.datasets()["hash"].facts
            assert store._db.execute("SELECT count(*) FROM comparisons").fetchone()[0] == 1
            assert store.claim(RUNS[29].id, ME)
        assert not check(copy).is_damaged

    def test_reads_the_rows_that_sqlite_reads(self, whole):
        found = [row.values for row in pages.read_rows(whole)]
        with sqlite3.connect(whole) as db:
            for table in ("epochs", "measures"):
                rows = db.execute(f"SELECT * FROM {table}").fetchall()
                assert set(rows) <= set(found)
        db.close()

    @pytest.mark.parametrize("seed", range(40))
    def test_costs_no_result_that_is_intact(self, copy, whole, seed):
        """Whole pages are zeroed, filled with noise or swapped, bytes are flipped, or the end is cut off."""
        dice, damaged = random.Random(seed), bytearray(whole.read_bytes())
        last = len(damaged) // PAGE - 1
        kind = ("zeros", "noise", "flips", "cut", "swap", "header")[seed % 6]
        for _ in range(dice.choice([1, 2, 3])):
            at = PAGE * dice.randint(1, last)
            if kind == "zeros":
                damaged[at : at + PAGE] = bytes(PAGE)
            elif kind == "noise":
                damaged[at : at + PAGE] = dice.randbytes(PAGE)
            elif kind == "flips":
                for _ in range(20):
                    damaged[dice.randrange(100, len(damaged))] ^= 1 << dice.randrange(8)
            elif kind == "swap":
                other = PAGE * dice.randint(1, last)
                damaged[at : at + PAGE], damaged[other : other + PAGE] = (
                    damaged[other : other + PAGE], damaged[at : at + PAGE],
                )  # fmt: skip
        if kind == "cut":
            del damaged[dice.randrange(len(damaged) // 2, len(damaged)) :]
        if kind == "header":
            damaged[:PAGE] = bytes(PAGE)  # the schema is gone: SQLite reads nothing
        copy.write_bytes(damaged)
        expected, still_readable = content(whole), salvageable(copy)
        try:
            repaired = repair(copy)
        except BakeoffError as error:
            assert "nothing" in str(error)
            assert still_readable == {}
            return
        with Store(copy) as store:
            assert store._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            unreadable = {one.id for one in store.unreadable()}
        found = content(copy)
        named = {lost.id for lost in repaired.lost}
        for run_id, had in still_readable.items():
            if had == expected[run_id] and not repaired.lost_datasets:
                assert found[run_id] == had
        for run_id, has in found.items():
            if has[0] == "done":  # no result is invented; what is known of the machine may be lost
                assert (has[1], has[2], has[6]) == (expected[run_id][1], expected[run_id][2], expected[run_id][6])
                assert has == expected[run_id] or run_id in named
        for run_id, had in expected.items():
            if had[0] == "done" and found.get(run_id, ("",))[0] != "done":
                assert run_id in named | unreadable
        if repaired.lost_datasets:
            with Store(copy) as store:
                store.add([], [DATA])  # as the same command does
                assert store.unreadable() == []
        if kind == "header":
            assert found == expected

    def test_reads_older_versions(self, tmp_path):
        path = fill(tmp_path / "a.db")
        expected = content(path)
        with Store(path) as store:
            make_older(store, 1)
            store._db.execute("VACUUM")
        repaired = rebuild(path)
        assert repaired.intact == 30
        for run_id, (state, epochs, measures, _, _, _, predictions) in content(path).items():
            had = expected[run_id]
            assert (state, epochs, measures, predictions) == (had[0], had[1], had[2], had[6])

    def test_does_not_bring_back_what_was_forgotten(self, copy):
        with Store(copy) as store:
            store.forget([run.id for run in RUNS[:20]], ME)
        assert rebuild(copy).intact == 10
        assert content(copy).keys() == {run.id for run in RUNS[20:]}

    def test_carries_over_what_is_only_in_a_log(self, copy, tmp_path):
        with sqlite3.connect(copy) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("UPDATE failures SET message = 'only in the log'")
            db.commit()
            place = tmp_path / "moved"
            place.mkdir()
            for path in tmp_path.glob("a.db*"):
                shutil.copyfile(path, place / path.name)
        db.close()
        repaired = rebuild(place / "a.db")
        assert content(place / "a.db")[RUNS[28].id][3].message == "only in the log"
        assert {path.name for path in place.iterdir()} == {
            "a.db", "a.db.damaged.backup", "a.db.damaged.backup-wal", "a.db.damaged.backup-shm",
        }  # fmt: skip
        assert repaired.lost == []

    def test_waits_for_other_commands(self, copy):
        with Store(copy) as store:
            store.claim(RUNS[29].id, SOMEBODY)
        before = copy.read_bytes()
        with pytest.raises(BakeoffError, match="in use by another command"):
            rebuild(copy)
        assert copy.read_bytes() == before

    @pytest.mark.parametrize("bytes_of_it", [b"", b"hello", bytes(10_000), b"\r" * 100_000])
    def test_refuses_what_is_not_a_store(self, tmp_path, bytes_of_it):
        path = tmp_path / "a.db"
        path.write_bytes(bytes_of_it)
        with pytest.raises(BakeoffError, match="nothing"):
            repair(path)
        assert path.read_bytes() == bytes_of_it
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("seed", range(3))
def test_hostile_pages_end_soon(seed):
    """Any bytes at all: rows or nothing, and no endless loop."""
    dice = random.Random(seed)
    header = b"SQLite format 3\0" + (512).to_bytes(2, "big")
    for _ in range(50):
        content = header + dice.randbytes(82) + b"".join(
            bytes([dice.choice([2, 5, 10, 13])]) + dice.randbytes(511) for _ in range(dice.randint(1, 6))
        )  # fmt: skip
        found = pages.Pages(content)
        for number in range(1, found.count + 1):
            assert all(isinstance(row.values, tuple) for row in found.rows(number))
