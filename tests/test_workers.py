import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import psutil
import pytest

import tiny
from bakeoff import data
from bakeoff.errors import BakeoffError
from bakeoff.files import checkpoint_path, weights_path
from bakeoff.records import Epoch, Failure, Outcome
from bakeoff.spec import SGD, Run
from bakeoff.workers import Message, Placement, Pool, Step, cores, explain, place, train


@pytest.fixture(scope="module")
def run() -> Run:
    """One short run on the real digits."""
    recipe = msgspec.structs.replace(tiny.RECIPE, images_per_class=20, validation=50, epochs=2)
    return Run("lenet-afif", "digits", data.info("digits").content_hash, recipe, 0)


def longer(run: Run) -> Run:
    """A run that does not end by itself."""
    return msgspec.structs.replace(run, recipe=msgspec.structs.replace(run.recipe, epochs=100_000))


def collect(pool: Pool, until: int = 1, seconds: float = 60) -> list[Message]:
    """What the workers say until so many runs have ended."""
    said: list[Message] = []
    deadline = time.monotonic() + seconds
    while sum(isinstance(message.content, Outcome | Failure) for message in said) < until:
        assert time.monotonic() < deadline, said
        said += pool.messages(timeout=1.0)
    return said


def wait_for(pool: Pool, kind: type) -> Message:
    """The first message of a kind."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for message in pool.messages(timeout=1.0):
            if isinstance(message.content, kind):
                return message
    raise AssertionError(f"no {kind.__name__}")


def ends(process_id: int, seconds: float = 15) -> bool:
    """Whether a process is gone soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(process_id) or psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def process_ids(pool: Pool) -> list[int]:
    return [process.pid for process, _ in pool._workers.values()]


class TestPlacement:
    def test_is_one_worker_per_core_with_one_thread_each(self, monkeypatch):
        monkeypatch.setattr("bakeoff.workers.cores", lambda: 8)
        assert place(100) == Placement(8, 1, "cpu")
        assert place(3) == Placement(3, 2, "cpu")
        assert place(0) == Placement(1, 8, "cpu")
        assert place(100, "cuda") == Placement(1, 8, "cuda")

    def test_may_be_chosen(self, monkeypatch):
        monkeypatch.setattr("bakeoff.workers.cores", lambda: 8)
        assert place(100, workers=2) == Placement(2, 4, "cpu")
        assert place(100, workers=2, threads=1) == Placement(2, 1, "cpu")
        assert place(2, workers=20) == Placement(2, 4, "cpu")  # no more than there is work for

    @pytest.mark.parametrize("wrong", [{"workers": 0}, {"threads": -1}])
    def test_needs_somebody_to_work(self, wrong):
        with pytest.raises(BakeoffError, match="must be at least 1"):
            place(3, **wrong)

    def test_counts_the_cores_this_process_may_use(self):
        assert 1 <= cores() <= os.cpu_count()


class TestPool:
    def test_trains_runs_and_tells_of_each_epoch(self, run, tmp_path):
        other = msgspec.structs.replace(run, seed=1)
        with Pool(Placement(2, 1), tmp_path) as pool:
            assert pool.idle == 2
            for one in (run, other):
                pool.submit(one)
            assert (pool.idle, pool.at_work) == (0, [run, other])
            said = collect(pool, until=2)
            assert (pool.idle, pool.at_work) == (2, [])
        for one in (run, other):
            own = [message for message in said if message.run_id == one.id]
            assert [m.content.epoch for m in own if isinstance(m.content, Epoch)] == [1, 2]
            assert isinstance(own[-1].content, Outcome)
            assert own[-1].environment["threads"] == 1
            assert weights_path(tmp_path, one.id).exists()

    def test_turns_a_killed_worker_into_a_failure_and_goes_on(self, run, tmp_path):
        endless = longer(run)
        with Pool(Placement(1, 1), tmp_path) as pool:
            pool.submit(endless)
            assert isinstance(wait_for(pool, Step).content, Step)
            (victim,) = process_ids(pool)
            os.kill(victim, signal.SIGKILL)
            failure = wait_for(pool, Failure)
            assert failure.run_id == endless.id
            assert failure.content.kind == "killed"
            assert "killed (signal 9)" in failure.content.message
            assert pool.idle == 1
            pool.submit(run)
            assert isinstance(collect(pool)[-1].content, Outcome)
            assert process_ids(pool) != [victim]

    def test_says_with_what_a_worker_ended(self, run, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            pool.submit(longer(run))
            wait_for(pool, Step)
            os.kill(process_ids(pool)[0], signal.SIGTERM)
            assert wait_for(pool, Failure).content.message == "the worker process ended with exit code -15"

    def test_says_when_a_worker_dies_before_it_has_a_run(self, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            os.kill(process_ids(pool)[0], signal.SIGKILL)
            with pytest.raises(BakeoffError, match=r"a worker process could not start \(exit code -9\)"):
                collect(pool)

    def test_ends_its_workers_when_closed(self, run, tmp_path):
        with Pool(Placement(2, 1), tmp_path) as pool:
            pool.submit(longer(run))
            wait_for(pool, Epoch)
            ids = process_ids(pool)
        assert all(ends(process_id) for process_id in ids)
        assert checkpoint_path(tmp_path, longer(run).id).exists()

    def test_ends_with_its_parent(self, run, tmp_path):
        """However the parent dies, no worker goes on training."""
        code = (
            "import sys, msgspec, pathlib\n"
            "from bakeoff.spec import Run\n"
            "from bakeoff.workers import Placement, Pool\n"
            "run = msgspec.json.decode(sys.stdin.readline(), type=Run)\n"
            "pool = Pool(Placement(2, 1), pathlib.Path(sys.argv[1]))\n"
            "pool.submit(run)\n"
            "while not any(type(m.content).__name__ == 'Step' for m in pool.messages(1.0)): pass\n"
            "print(*(process.pid for process, _ in pool._workers.values()), flush=True)\n"
            "while True: list(pool.messages(1.0))\n"
        )
        command = [sys.executable, "-c", code, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
            parent.stdin.write(msgspec.json.encode(longer(run)).decode() + "\n")
            parent.stdin.flush()
            ids = [int(word) for word in parent.stdout.readline().split()]
            assert len(ids) == 2
            parent.kill()
        assert all(ends(process_id) for process_id in ids)

    def test_hears_nothing_from_workers_without_runs(self, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            assert list(pool.messages(timeout=0.05)) == []


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

        monkeypatch.setattr("bakeoff.train.build", fail)
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
