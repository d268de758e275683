"""A store of an earlier version, with a run that was stopped, is read and continued as if nothing had changed.

`earlier.db` was written by the version that had not yet been divided into packages, by the command below, stopped in
the second run's 61st epoch.
"""

import shutil
from pathlib import Path

import msgspec
import pytest

from bakeoff.store.store import Store

HERE = Path(__file__).parent / "earlier"
CHANGES = ("images_per_class=20", "validation=50", "epochs=200", "image.scale=1")
FINISHED, STOPPED = "e4eb5864cfeda09e", "b92870ef77a5be70"


@pytest.fixture
def earlier(tmp_path):
    """A copy of the store and the files beside it."""
    shutil.copytree(HERE / "earlier.db.files", tmp_path / "earlier.db.files")
    return Path(shutil.copy(HERE / "earlier.db", tmp_path))


def test_its_runs_keep_their_ids_and_numbers(earlier):
    with Store(earlier) as store:
        finished, stopped = sorted(store.results(), key=lambda result: result.run.seed)
    assert (finished.id, finished.state, len(finished.epochs)) == (FINISHED, "done", 200)
    assert (stopped.id, stopped.state, len(stopped.epochs)) == (STOPPED, "waiting", 60)
    assert [finished.run.id, stopped.run.id] == [FINISHED, STOPPED]
    assert finished.measures["test_accuracy"] == pytest.approx(0.814136, abs=1e-6)


def test_the_stopped_run_continues_from_its_checkpoint(earlier, bakeoff):
    with Store(earlier) as store:
        before = {result.id: result for result in store.results()}
    settings = [word for change in CHANGES for word in ("--set", change)]
    command = ["run", "--store", str(earlier), "--nets", "lenet-afif", "--data", "digits", "--seeds", "2", *settings]
    said = bakeoff(*command, "--workers", "1")
    assert said.code == 0, said.err
    with Store(earlier) as store:
        after = {result.id: result for result in store.results()}
    assert after.keys() == {FINISHED, STOPPED}
    assert msgspec.to_builtins(after[FINISHED].epochs) == msgspec.to_builtins(before[FINISHED].epochs)
    assert after[FINISHED].measures == before[FINISHED].measures
    assert after[STOPPED].state == "done"
    assert len(after[STOPPED].epochs) == 200
    assert after[STOPPED].epochs[:60] == before[STOPPED].epochs
