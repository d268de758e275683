import errno
import os
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

import tiny
from bakeoff import data
from bakeoff.errors import BakeoffError
from bakeoff.execution.worker import Placement, cores, explain, place, train
from bakeoff.spec.recipe import SGD
from bakeoff.spec.records import Failure
from bakeoff.spec.run import Run


@pytest.fixture(scope="module")
def run() -> Run:
    """One short run on the real digits."""
    recipe = msgspec.structs.replace(tiny.RECIPE, images_per_class=20, validation=50, epochs=2)
    return Run("lenet-afif", "digits", data.info("digits").content_hash, recipe, 0)


class TestPlacement:
    def test_is_one_worker_per_core_with_one_thread_each(self, monkeypatch):
        monkeypatch.setattr("bakeoff.execution.worker.cores", lambda: 8)
        assert place(100) == Placement(8, 1, "cpu")
        assert place(3) == Placement(3, 2, "cpu")
        assert place(0) == Placement(1, 8, "cpu")
        assert place(100, "cuda") == Placement(1, 8, "cuda")

    def test_may_be_chosen(self, monkeypatch):
        monkeypatch.setattr("bakeoff.execution.worker.cores", lambda: 8)
        assert place(100, workers=2) == Placement(2, 4, "cpu")
        assert place(100, workers=2, threads=1) == Placement(2, 1, "cpu")
        assert place(2, workers=20) == Placement(2, 4, "cpu")  # no more than there is work for

    @pytest.mark.parametrize("wrong", [{"workers": 0}, {"threads": -1}])
    def test_needs_somebody_to_work(self, wrong):
        with pytest.raises(BakeoffError, match="must be 1 to 1024"):
            place(3, **wrong)

    def test_counts_the_cores_this_process_may_use(self):
        assert 1 <= cores() <= os.cpu_count()


class TestFailures:
    """Whatever goes wrong with one run is told, and the next one can be trained."""

    def outcome(self, run: Run, tmp_path: Path) -> Failure:
        with closing(train(run, Placement(1, 1), tmp_path)) as items:
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
        assert failure.message.startswith("the images of digits have changed since the study began")

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
        assert explain(error).kind == kind

    def test_of_memory_give_a_hint(self):
        assert "use a smaller batch (--set batch_size=64) or fewer --workers" in explain(MemoryError()).message
