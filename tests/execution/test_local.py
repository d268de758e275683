import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

import tiny
from bakeoff import data
from bakeoff.errors import BakeoffError
from bakeoff.execution.executors import Resources
from bakeoff.execution.executors.local import Pool
from bakeoff.execution.worker import JobOutput, Message, Placement, Step
from bakeoff.nets import user_file
from bakeoff.nets.sources import Source
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run


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
    return [worker.process.pid for worker in pool._workers.values()]


@pytest.fixture
def own_run(run, tmp_path) -> Run:
    """A run of a network from a file, kept where workers look."""
    text = (
        "import torch\nfrom torch import nn\ntorch.set_default_dtype(torch.float64)\nprint('read')\n"
        "def flat(images, classes):\n    torch.set_grad_enabled(False)\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))\n"
    )
    called = f"flat@{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    (tmp_path / f"{called}.py").write_text(text)
    return msgspec.structs.replace(run, net=called)


def end_at_once(*_) -> JobOutput:
    """A job that ends its process."""
    os._exit(3)


class TestPool:
    def test_trains_runs_and_tells_of_each_epoch(self, run, tmp_path):
        other = msgspec.structs.replace(run, seed=1)
        with Pool(Placement(2, 1), tmp_path) as pool:
            assert pool.resources == Resources(2, 2)
            for one in (run, other):
                pool.submit(one)
            assert (pool.resources.idle, pool.running) == (0, [run, other])
            said = collect(pool, until=2)
            assert (pool.resources.idle, pool.running) == (2, [])
        for one in (run, other):
            own = [message for message in said if message.run_id == one.id]
            assert [m.content.epoch for m in own if isinstance(m.content, Epoch)] == [1, 2]
            assert isinstance(own[-1].content, Outcome)
            assert own[-1].environment["threads"] == 1
            assert weights_path(tmp_path, one.id).exists()

    def test_trains_nothing_more_where_code_of_a_users_file_has_run(self, run, own_run, tmp_path, capfd):
        other = msgspec.structs.replace(run, seed=1)
        used = []
        with Pool(Placement(1, 1), tmp_path) as pool:
            for one in (run, own_run, other, run):
                pool.submit(one)
                used += process_ids(pool)
                assert isinstance(collect(pool)[-1].content, Outcome)
        assert used[0] == used[1] != used[2] == used[3]
        assert capfd.readouterr().out == ""

    def test_stops_a_run_that_takes_too_long_and_continues(self, run, tmp_path):
        endless = longer(run)
        with Pool(Placement(1, 1, run_timeout=2.0), tmp_path) as pool:
            pool.submit(endless)
            (late,) = process_ids(pool)
            *_, last = collect(pool)
            assert (last.run_id, last.content.kind) == (endless.id, "timeout")
            assert "--run-timeout" in last.content.message and "--retry-failed" in last.content.message
            assert ends(late) and checkpoint_path(tmp_path, endless.id).exists()
        with Pool(Placement(1, 1, run_timeout=50.0), tmp_path) as pool:
            pool.submit(run)
            assert isinstance(collect(pool)[-1].content, Outcome)

    def test_tells_in_which_line_of_a_users_file_a_run_took_too_long(self, run, tmp_path):
        text = (
            "from torch import nn\nclass Endless(nn.Module):\n"
            "    def __init__(self, images, classes):\n        super().__init__()\n"
            "        self.classify = nn.Linear(64, classes)\n"
            "    def forward(self, x):\n        while len(x) > 1:\n            pass\n"
        )
        file = str(tmp_path / "é endless.py")
        called = user_file.register_net({"": Source(text, file)}, ["Endless"])
        user_file.save_sources(called, tmp_path)
        with Pool(Placement(1, 1, run_timeout=3.0), tmp_path) as pool:
            stacks = Path(pool._stack_folder.name)
            pool.submit(msgspec.structs.replace(run, net=called))
            failure = collect(pool)[-1].content
        assert (failure.kind, failure.file) == ("timeout", file) and failure.line in (7, 8)
        assert f"é endless.py, line {failure.line}" in failure.message
        assert not stacks.exists()

    def test_turns_a_killed_worker_into_a_failure_and_continues(self, run, tmp_path):
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
            assert pool.resources.idle == 1
            pool.submit(run)
            assert isinstance(collect(pool)[-1].content, Outcome)
            assert process_ids(pool) != [victim]

    def test_says_with_what_a_worker_ended(self, run, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            pool.submit(longer(run))
            wait_for(pool, Step)
            os.kill(process_ids(pool)[0], signal.SIGTERM)
            assert wait_for(pool, Failure).content.message == "the worker process ended with exit code -15"

    def test_replaces_idle_workers_that_die(self, run, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            (victim,) = process_ids(pool)
            os.kill(victim, signal.SIGKILL)
            assert list(pool.messages(timeout=5)) == []
            assert pool.resources.idle == 1
            assert process_ids(pool) != [victim]
            for one in (run, msgspec.structs.replace(run, seed=1), msgspec.structs.replace(run, seed=2)):
                pool.submit(one)
                assert isinstance(collect(pool)[-1].content, Outcome)
                os.kill(process_ids(pool)[0], signal.SIGKILL)
                list(pool.messages(timeout=5))

    def test_gives_a_run_to_another_worker_when_one_is_dead_already(self, run, tmp_path):
        """Whether sending to it fails or the pipe still takes it."""
        with Pool(Placement(1, 1), tmp_path) as pool:
            for wait in (0.5, 0):
                (victim,) = pool._workers.values()
                victim.process.kill()
                if wait:
                    victim.process.join()
                pool.submit(run)
                assert pool.running == [run]
                assert isinstance(collect(pool)[-1].content, Outcome)

    def test_gives_a_run_on_that_its_worker_had_not_begun(self, run, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            (worker,) = pool._workers.values()
            os.kill(worker.process.pid, signal.SIGSTOP)
            pool.submit(run)
            worker.process.kill()
            assert isinstance(collect(pool)[-1].content, Outcome)

    def test_gives_up_when_one_after_the_other_dies_before_it_does_anything(self, run, tmp_path):
        with Pool(Placement(1, 1), tmp_path, end_at_once) as pool:
            pool.submit(run)
            assert wait_for(pool, Failure).content.kind == "killed"  # it had begun: that is about the run
            deaths = 0
            with pytest.raises(BakeoffError, match=r"3 worker processes in a row .* killed .* fewer --workers"):
                while deaths < 10:
                    os.kill(process_ids(pool)[0], signal.SIGKILL)
                    list(pool.messages(timeout=5))
                    deaths += 1
            assert deaths == 2

    def test_dismisses_the_worker_of_a_run(self, run, tmp_path):
        endless = longer(run)
        with Pool(Placement(1, 1), tmp_path) as pool:
            pool.submit(endless)
            wait_for(pool, Step)
            before = process_ids(pool)
            pool.cancel(endless.id)
            assert (pool.resources.idle, pool.running) == (1, [])
            assert all(map(ends, before))
            pool.submit(run)
            assert {message.run_id for message in collect(pool)} == {run.id}

    def test_ends_its_workers_when_closed(self, run, tmp_path):
        with Pool(Placement(2, 1), tmp_path) as pool:
            pool.submit(longer(run))
            wait_for(pool, Epoch)
            ids = process_ids(pool)
        assert all(ends(process_id) for process_id in ids)
        assert checkpoint_path(tmp_path, longer(run).id).exists()

    def test_ends_with_its_parent(self, run, tmp_path):
        """However the parent dies, no worker continues training."""
        code = (
            "import sys, msgspec, pathlib\n"
            "from bakeoff.spec.run import Run\n"
            "from bakeoff.execution.executors.local import Pool\n"
            "from bakeoff.execution.worker import Placement\n"
            "run = msgspec.json.decode(sys.stdin.readline(), type=Run)\n"
            "pool = Pool(Placement(2, 1), pathlib.Path(sys.argv[1]))\n"
            "pool.submit(run)\n"
            "while not any(type(m.content).__name__ == 'Step' for m in pool.messages(1.0)): pass\n"
            "print(*(worker.process.pid for worker in pool._workers.values()), flush=True)\n"
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

    def test_ignores_workers_without_runs(self, tmp_path):
        with Pool(Placement(1, 1), tmp_path) as pool:
            assert list(pool.messages(timeout=0.05)) == []
