import errno
import os
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

import tiny
from bakeoff import data
from bakeoff.errors import BakeoffError
from bakeoff.execution.worker import Placement, cores, placement_for, to_failure, train_run
from bakeoff.spec.recipe import SGD
from bakeoff.spec.records import Failure, Outcome
from bakeoff.spec.run import Run


@pytest.fixture(scope="module")
def run() -> Run:
    """One short run on the real digits."""
    recipe = msgspec.structs.replace(tiny.RECIPE, images_per_class=20, validation=50, epochs=2)
    return Run("lenet-afif", "digits", data.info("digits").content_hash, recipe, 0)


class TestPlacement:
    def test_is_one_worker_per_core_with_one_thread_each(self, monkeypatch):
        monkeypatch.setattr("bakeoff.execution.worker.cores", lambda: 8)
        assert placement_for(100) == Placement(8, 1, "cpu")
        assert placement_for(3) == Placement(3, 2, "cpu")
        assert placement_for(0) == Placement(1, 8, "cpu")
        assert placement_for(100, "cuda") == Placement(1, 8, "cuda")

    def test_may_be_chosen(self, monkeypatch):
        monkeypatch.setattr("bakeoff.execution.worker.cores", lambda: 8)
        assert placement_for(100, workers=2) == Placement(2, 4, "cpu")
        assert placement_for(100, workers=2, threads=1) == Placement(2, 1, "cpu")
        assert placement_for(2, workers=20) == Placement(2, 4, "cpu")  # no more than there is work for

    @pytest.mark.parametrize("wrong", [{"workers": 0}, {"threads": -1}])
    def test_needs_a_worker(self, wrong):
        with pytest.raises(BakeoffError, match="must be 1 to 1024"):
            placement_for(3, **wrong)

    def test_counts_the_cores_this_process_may_use(self):
        assert 1 <= cores() <= os.cpu_count()


class TestFailures:
    """Whatever goes wrong with one run is reported, and the next one can be trained."""

    def outcome(self, run: Run, tmp_path: Path) -> Failure:
        with closing(train_run(run, Placement(1, 1), tmp_path)) as items:
            *_, (last, environment) = items
        assert isinstance(last, Failure)
        assert environment["threads"] == 1
        return last

    def test_of_a_diverged_loss(self, run, tmp_path):
        wild = msgspec.structs.replace(
            run, net="nin", recipe=msgspec.structs.replace(run.recipe, optimizer=SGD(lr=1e30))
        )
        failure = self.outcome(wild, tmp_path)
        assert (failure.kind, failure.traceback) == ("diverged", "")
        assert failure.epoch == 1
        assert failure.step >= 1

    def test_of_the_user(self, run, tmp_path):
        failure = self.outcome(msgspec.structs.replace(run, net="conv"), tmp_path)
        assert failure == Failure("error", "conv needs at least 18×18 pixels; these images are 8×8: add --scale 3 "
                                  "to enlarge them")  # fmt: skip

    def test_of_images_that_changed_since_the_plan(self, run, tmp_path):
        failure = self.outcome(msgspec.structs.replace(run, data_hash="0" * 64), tmp_path)
        assert failure.message.startswith("the images of digits have changed")

    def test_of_anything_else_keep_the_traceback(self, run, tmp_path, monkeypatch):
        def fail(*_):
            raise RuntimeError("no such [/thing]")

        monkeypatch.setattr("bakeoff.training.loop.build", fail)
        failure = self.outcome(run, tmp_path)
        assert (failure.kind, failure.message) == ("error", "RuntimeError: no such [/thing]")
        assert "in fail" in failure.traceback

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
            (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk-full"),
            (OSError(errno.EACCES, "Permission denied"), "error"),
            (MemoryError(), "out-of-memory"),
            (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out-of-memory"),
            (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), "out-of-memory"),
            (ValueError("x"), "error"),
        ],
    )
    def test_have_kinds(self, error, kind):
        assert to_failure(error).kind == kind

    @pytest.mark.parametrize("allocate", [lambda: torch.empty(2**58), lambda: np.empty(2**58)], ids=["torch", "numpy"])
    def test_of_memory_are_recognised_by_the_allocators(self, allocate, run, tmp_path, monkeypatch):
        """The errors that they really raise without memory; the next run is trained."""
        with monkeypatch.context() as patched:
            patched.setattr("bakeoff.training.loop.build", lambda *_: allocate())
            assert self.outcome(run, tmp_path).kind == "out-of-memory"
        with closing(train_run(run, Placement(1, 1), tmp_path)) as items:
            *_, (last, _) = items
        assert isinstance(last, Outcome)

    def test_of_memory_give_a_hint(self):
        message = to_failure(MemoryError()).message
        assert "--set batch_size=" in message and "--workers" in message
