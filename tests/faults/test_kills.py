"""Kill anything at any moment: the same command continues, and nothing is lost, duplicated or different."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from campaign import assert_like
from campaign import start_small as start

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import files_folder
from bakeoff.store.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(4 * 3600)]

KILLS = 90
"""Of one command; those of two commands on a store make them 100."""


def is_writing_a_checkpoint(store: Path) -> bool:
    """Whether there is a partly written file of checkpoints or weights."""
    folder = files_folder(store)
    return folder.exists() and any(path.suffix == ".tmp" for path in folder.iterdir())


def is_in_a_transaction(store: Path) -> bool:
    """Whether SQLite's journal is there."""
    return store.with_name(f"{store.name}-journal").exists()


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "any": lambda store: True,
    "checkpoint": is_writing_a_checkpoint,
    "transaction": is_in_a_transaction,
}
"""A kill that waits for an operation interrupts it in most cases, as what is left over shows."""


def await_moment(moment: str, store: Path, seconds: float = 5) -> None:
    """Wait until it is true, or until the time is up."""
    deadline = time.monotonic() + seconds
    while not MOMENTS[moment](store) and time.monotonic() < deadline:
        time.sleep(0.0003)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and all that it started, by group, since workers outlive the server that started them."""
    found = []
    for number in psutil.pids():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(number) == process.pid:
                found.append(psutil.Process(number))
    return sorted(found, key=lambda one: one.pid != process.pid)


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that train: the server that starts them, and no other, is a child of the command."""
    return [one for one in family(process) if one.pid != process.pid and _parent(one) != process.pid]


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return -1


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def wait_or_work(process: subprocess.Popen[str], seconds: float) -> int | None:
    """Wait until a command and what it started have used so much CPU time, which is None, or for its exit code.

    Seconds by the clock would be over before a run has begun where other programs are at work.
    """
    before = sum(cpu_seconds(process).values())
    used: dict[int, float] = {}
    while sum(used.values()) - before < seconds:
        used |= cpu_seconds(process)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=0.2)
    return None


def cpu_seconds(process: subprocess.Popen[str]) -> dict[int, float]:
    """Return the CPU time that each process of a family has used."""
    used = {}
    for one in family(process):
        with suppress(psutil.NoSuchProcess):
            used[one.pid] = sum(one.cpu_times()[:2])
    return used


def is_over(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_end(processes: list[psutil.Process], seconds: float = 120) -> bool:
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
    interrupted: Counter = field(default_factory=Counter)
    """Kills after which a partly written checkpoint or a journal was left over."""
    started: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        kills = ", ".join(f"{number} {target}" for target, number in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({kills}; {self.training} while training, "
            f"{self.interrupted['checkpoint']} in a checkpoint, {self.interrupted['transaction']} in a transaction), "
            f"{self.commands} commands, "
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
    victims = workers(process) if target == "worker" else [p for p in everybody[1:] if _children(p)]
    if not everybody or (target in ("worker", "server") and not victims):
        return False
    await_moment(random.choice(list(MOMENTS)), store)
    if process.poll() is not None:
        return False
    if target == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif target == "parent":
        process.kill()
    else:
        victim = random.choice(victims)
        if is_over(victim):
            return False
        victim.kill()
    tally.kills[target] += 1
    tally.training += was_training
    if target in ("group", "parent"):
        process.wait()
        clock = time.monotonic()
        assert all_end(everybody), [p for p in everybody if not is_over(p)]
        tally.slowest_orphan = max(tally.slowest_orphan, time.monotonic() - clock)
        for moment in ("checkpoint", "transaction"):
            tally.interrupted[moment] += MOMENTS[moment](store)
    return True


def test_a_study_survives_any_kill(small_reference, tmp_path, capsys):
    random.seed(1)
    tally = Tally()
    while sum(tally.kills.values()) < KILLS:
        store = tmp_path / f"{tally.studies}.db"
        process = start(store)
        tally.commands += 1
        while True:
            code = wait_or_work(process, random.uniform(0.2, 9))
            if code is None:
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
        assert_like(store, small_reference)
        log = store.with_suffix(".log").read_text()
        assert "Traceback" not in log
        finished = Counter(line.partition(":")[0] for line in log.splitlines() if line.startswith("✓"))
        assert set(finished.values()) <= {1}, finished
        with capsys.disabled():
            print(f"\n  {tally}", end="", flush=True)


def test_two_commands_on_one_store_survive_any_kill(small_reference, tmp_path, capsys):
    random.seed(2)
    tally = Tally()
    while sum(tally.kills.values()) < 10:
        store, states = tmp_path / f"shared{tally.studies}.db", []
        while states != ["done"] * 4:
            both = [start(store), start(store)]
            tally.commands += 2
            wait_or_work(both[0], random.uniform(3, 8))
            for process in both[: random.choice([1, 2])]:
                strike(process, random.choice(["group", "parent"]), store, tally)
            codes = [process.wait() for process in both]
            assert set(codes) <= {0, 1, -signal.SIGKILL}, store.with_suffix(".log").read_text()[-2000:]
            with Store(store) as opened:
                states = [result.state for result in opened.results()]
        tally.studies += 1
        assert_like(store, small_reference)
        assert "Traceback" not in store.with_suffix(".log").read_text()
        with capsys.disabled():
            print(f"\n  two commands: {tally}", end="", flush=True)
