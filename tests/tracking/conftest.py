from pathlib import Path

import pytest

import tiny
from bakeoff.execution.plan import make_record
from bakeoff.spec.records import Epoch, Failure


@pytest.fixture
def filled(tmp_path) -> Path:
    """A store with two results, a failed run after one epoch, and a run that has not begun."""
    path = tmp_path / "a.db"
    tiny.finished_store(path, ("nin",), seeds=2)
    with tiny.ClaimingStore(path) as store:
        store.add([tiny.run("conv", 0), tiny.run("conv", 1)], [make_record(tiny.dataset())])
        store.record_epoch(tiny.run("conv", 0).id, Epoch(1, 1.0, 0.5, None, None, 0.1, 2.0, 0.5, 22.0, 10**8))
        store.fail(tiny.run("conv", 0).id, Failure("diverged", "the loss became NaN"), {})
    return path


IDS = [tiny.run("nin", 0).id, tiny.run("nin", 1).id, tiny.run("conv", 0).id]
"""Runs of this store that are mirrored."""
