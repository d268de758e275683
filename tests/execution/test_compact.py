import msgspec
import pytest

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.compact import compact
from bakeoff.execution.plan import make_record
from bakeoff.spec.paths import checkpoint_path, trunk_path, weights_path
from bakeoff.spec.recipe import Constant, Cooldown, Cosine
from bakeoff.spec.records import Epoch
from bakeoff.store.info import info
from bakeoff.store.store import Store


@pytest.fixture
def path(tmp_path):
    """A store of two finished runs, of which only one can be extended, and one that is not finished."""
    path = tmp_path / "a.db"
    tiny.finished_store(path, ("nin",), seeds=1)
    runs = {"extensible": tiny.run("nin"), "open": tiny.run("conv")}
    runs["fixed"] = tiny.run("nin", 5, schedule=Cosine())
    assert isinstance(runs["extensible"].recipe.schedule, Constant)
    with tiny.ClaimingStore(path) as store:
        store.add([runs["fixed"], runs["open"]], [make_record(tiny.dataset())])
        store.files.mkdir()
        (outcome,) = [one for one in store.results() if one.state == "done"]
        predicted, probabilities = store.predictions(outcome.id)
        store.finish(runs["fixed"].id, tiny.Outcome(3, predicted, probabilities, outcome.measures), {})
        for run in runs.values():
            checkpoint_path(store.files, run.id).write_bytes(bytes(1000))
            weights_path(store.files, run.id).write_bytes(bytes(10))
        trunk_path(store.files, runs["extensible"].id).write_bytes(bytes(100))
        checkpoint_path(store.files, runs["open"].id, "0123456789abcdef").write_bytes(bytes(1))
        for name in ("start@89abcdef.pth", "gone@89abcdef/part.py", "0123456789abcdef.safetensors", "holiday.jpg"):
            (store.files / name).parent.mkdir(exist_ok=True)
            (store.files / name).write_bytes(bytes(1))
    return path, {name: run.id for name, run in runs.items()}


def test_deletes_what_nothing_can_use(path):
    place, runs = path
    with Store(place) as store:
        before, folder = store.results(), store.files
    done = compact(place)
    assert {one.rpartition("/")[2] for one in done.deleted} == {
        f"{runs['fixed']}.pt", f"{runs['open']}.0123456789abcdef.pt", "start@89abcdef.pth", "part.py",
        "0123456789abcdef.safetensors",
    }  # fmt: skip
    assert done.deleted_bytes == 1004
    assert done.freed == 1004 + done.bytes_before - done.bytes_after
    assert not (folder / "gone@89abcdef").exists()
    assert (folder / "holiday.jpg").exists()
    with Store(place) as store:
        assert store.results() == before
    again = compact(place, checkpoints=True)
    assert {one.rpartition("/")[2] for one in again.deleted} == {
        f"{runs['extensible']}.pt", f"{runs['extensible']}.trunk",
    }  # fmt: skip
    assert checkpoint_path(folder, runs["open"]).exists()
    assert compact(place, checkpoints=True).deleted == []


def test_gives_the_space_of_forgotten_runs_back(path):
    place, _ = path
    with Store(place) as store:
        store.add([msgspec.structs.replace(tiny.run(), seed=seed) for seed in range(9, 600)], [])
        store.forget([tiny.run(seed=seed).id for seed in range(9, 600)], "me")
    done = compact(place)
    assert done.bytes_after < done.bytes_before


def test_waits_for_other_commands(path):
    place, runs = path
    with Store(place) as store:
        store.claim(runs["open"], "elsewhere.example:1:2")
        with pytest.raises(BakeoffError, match="in use by another command"):
            compact(place)
        assert checkpoint_path(store.files, runs["fixed"]).exists()


@pytest.fixture
def stages(tmp_path):
    """A store with three stages of a training as a contest leaves them: only the longest continues."""
    runs = [tiny.run("nin", epochs=epochs, schedule=Cooldown()) for epochs in (1, 2, 4)]
    with tiny.ClaimingStore(tmp_path / "a.db", create=True) as store:
        store.add(runs, [make_record(tiny.dataset())])
        store.files.mkdir()
        for run in runs:
            for number in range(1, run.recipe.epochs + 1):
                store.record_epoch(run.id, Epoch(number, 1.0, 0.5, 0.5, 0.6, 0.1, 2.0, 0.5, 22.0, 10**8))
            store.release("me")
            checkpoint_path(store.files, run.id).write_bytes(bytes(1000))
            trunk_path(store.files, run.id).write_bytes(bytes(100))
        assert all(result.is_untested for result in store.results())
    return tmp_path / "a.db", [run.id for run in runs]


def test_keeps_the_stage_that_a_contest_continues_from(stages):
    path, ids = stages
    assert info(path).file_bytes == {"held": 3300}
    done = compact(path)
    assert sorted({one.rpartition("/")[2].partition(".")[0] for one in done.deleted}) == sorted(ids[:2])
    assert (done.deleted_bytes, done.held_bytes) == (2200, 1100)
    assert compact(path).deleted == []
    done = compact(path, trainings=True)
    assert (done.deleted_bytes, done.held_bytes) == (1100, 0)


def test_keeps_no_stage_of_a_settled_contest(stages):
    path, ids = stages
    assert compact(path, settled=ids).deleted_bytes == 3300
