"""Kill anything at any moment: the same command goes on, and nothing is lost, doubled or different."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from campaign import assert_like, start

from bakeoff.errors import BakeoffError
from bakeoff.store.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

KILLS = 32


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that train: children of the server that starts them."""
    return [child for server in family(process)[1:] for child in _children(server)]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def is_over(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_end(processes: list[psutil.Process], seconds: float = 30) -> bool:
    """Whether none of them outlives its parent for long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(map(is_over, processes)):
            return True
        time.sleep(0.05)
    return False


@dataclass
class Tally:
    """What a campaign did."""

    kills: Counter = field(default_factory=Counter)
    commands: int = 0
    studies: int = 0
    slowest_orphan: float = 0.0
    training: int = 0
    """Kills while at least one run was between two epochs or within one."""
    started: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        kills = ", ".join(f"{number} {target}" for target, number in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({kills}; {self.training} while training), {self.commands} commands, "
            f"{self.studies} studies finished, orphans gone after at most {self.slowest_orphan:.1f} s, "
            f"{time.monotonic() - self.started:.0f} s"
        )


def is_training(store: Path) -> bool:
    """Whether some run has been claimed and has finished an epoch."""
    try:
        with Store(store) as opened:
            return any(result.state == "running" and result.epochs for result in opened.results())
    except BakeoffError:  # not made yet
        return False


def strike(process: subprocess.Popen[str], target: str, store: Path, tally: Tally) -> bool:
    """Kill the group, the parent, one worker or the server that starts them; tell whether there was one to kill."""
    everybody, was_training = family(process), bool(workers(process)) and is_training(store)
    if process.poll() is not None or not everybody:
        return False
    if target == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif target == "parent":
        process.kill()
    else:
        victims = workers(process) if target == "worker" else [p for p in everybody[1:] if _children(p)]
        if not victims:
            return False
        random.choice(victims).kill()
    tally.kills[target] += 1
    tally.training += was_training
    if target in ("group", "parent"):
        process.wait()
        clock = time.monotonic()
        assert all_end(everybody), [p for p in everybody if not is_over(p)]
        tally.slowest_orphan = max(tally.slowest_orphan, time.monotonic() - clock)
    return True


def test_a_study_survives_any_kill(reference, tmp_path, capsys):
    random.seed(1)
    tally = Tally()
    while sum(tally.kills.values()) < KILLS:
        store = tmp_path / f"{tally.studies}.db"
        process = start(store)
        tally.commands += 1
        while True:
            try:
                code = process.wait(timeout=random.uniform(0.2, 9))
            except subprocess.TimeoutExpired:
                target = random.choice(["group", "parent", "worker", "server"])
                if strike(process, target, store, tally) and process.returncode is not None:
                    process = start(store)
                    tally.commands += 1
                continue
            assert code in (0, 1, 2), store.with_suffix(".log").read_text()[-2000:]
            with Store(store) as opened:
                states = [result.state for result in opened.results()]
            if code == 0 and states == ["done"] * 4:
                break
            process = start(store)  # a killed worker fails its run: the command tries it again
            tally.commands += 1
        tally.studies += 1
        assert_like(store, reference)
        log = store.with_suffix(".log").read_text()
        assert "Traceback" not in log
        finished = Counter(line.partition(":")[0] for line in log.splitlines() if line.startswith("✓"))
        assert set(finished.values()) <= {1}, finished
    with capsys.disabled():
        print(f"\nkilled: {tally}")


def test_two_commands_on_one_store_survive_any_kill(reference, tmp_path, capsys):
    random.seed(2)
    tally = Tally()
    while sum(tally.kills.values()) < 10:
        store, states = tmp_path / f"shared{tally.studies}.db", []
        while states != ["done"] * 4:
            both = [start(store), start(store)]
            tally.commands += 2
            time.sleep(random.uniform(2, 7))
            for process in both[: random.choice([1, 2])]:
                strike(process, random.choice(["group", "parent"]), store, tally)
            codes = [process.wait() for process in both]
            assert set(codes) <= {0, 1, -signal.SIGKILL}, store.with_suffix(".log").read_text()[-2000:]
            with Store(store) as opened:
                states = [result.state for result in opened.results()]
        tally.studies += 1
        assert_like(store, reference)
        assert "Traceback" not in store.with_suffix(".log").read_text()
    with capsys.disabled():
        print(f"\ntwo commands: {tally}")
