"""Stop, continue and end a study by signals: the same command goes on, with the same results."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from campaign import assert_like
from campaign import start_small as start
from test_kills import all_end, family, is_training

from bakeoff.execution.execute import HEARTBEAT_SECONDS
from bakeoff.store.claims import STALE_SECONDS
from bakeoff.store.store import Store

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals"),
]


def wait_for_training(process: subprocess.Popen[str], store) -> bool:
    """Wait until some run has finished an epoch; tell whether the command is still at work then."""
    while process.poll() is None and not is_training(store):
        time.sleep(0.05)
    return process.poll() is None


def test_a_study_that_is_stopped_for_a_while_continues_by_itself(small_reference, tmp_path):
    """The whole group, then only the parent, then only the workers."""
    random.seed(4)
    store = tmp_path / "a.db"
    process = start(store)
    for whom in (slice(None), slice(0, 1), slice(1, None)):
        if not wait_for_training(process, store):
            break
        stopped = family(process)[whom]
        for one in stopped:
            one.send_signal(signal.SIGSTOP)
        time.sleep(random.uniform(5, 10))
        for one in stopped:
            one.send_signal(signal.SIGCONT)
        time.sleep(random.uniform(0.5, 2))
    assert process.wait() == 0, store.with_suffix(".log").read_text()[-2000:]
    assert_like(store, small_reference)


def stop_between_writes(process: subprocess.Popen[str], store: Path) -> list[psutil.Process]:
    """Stop a process and all that it started, while none of them has locked the store."""
    while True:
        everybody = family(process)
        for one in everybody:
            one.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(store, timeout=0.5, isolation_level=None)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                return everybody
            except sqlite3.OperationalError:
                for one in everybody:
                    one.send_signal(signal.SIGCONT)
        time.sleep(random.uniform(0.1, 0.5))


def test_a_study_that_is_stopped_for_minutes_keeps_its_runs(small_reference, tmp_path):
    """Longer than a claim may go without a heartbeat: its processes are visibly alive."""
    store, log = tmp_path / "a.db", tmp_path / "other.log"
    process = start(store)
    assert wait_for_training(process, store)
    with Store(store) as opened:
        claimed = {result.id for result in opened.results() if result.state == "running"}
    stopped = stop_between_writes(process, store)
    time.sleep(STALE_SECONDS + 20)
    other = start(store, log)
    assert other.wait() == 1, log.read_text()[-2000:]
    with Store(store) as opened:
        assert {result.id for result in opened.results() if result.state == "running"} == claimed
    for one in stopped:
        one.send_signal(signal.SIGCONT)
    assert process.wait() == 0, store.with_suffix(".log").read_text()[-2000:]
    assert_like(store, small_reference)


CLOCK = """
import os, time
true = time.time

def wrong():
    try:
        with open(os.environ["CLOCK_OFFSET"]) as file:
            return true() + float(file.read() or 0)
    except OSError:
        return true()

time.time = wrong
"""
"""Python runs a module of the name sitecustomize first, in the command and in all its workers."""


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_a_study_continues_when_the_clock_is_changed(small_reference, tmp_path, seconds):
    """While it trains, and again while it is not running after a kill."""
    store, offset = tmp_path / "a.db", tmp_path / "offset"
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    clock = {"CLOCK_OFFSET": str(offset), "PYTHONPATH": path}
    process = start(store, environment=clock)
    assert wait_for_training(process, store)
    offset.write_text(str(seconds))
    time.sleep(HEARTBEAT_SECONDS + 5)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    offset.write_text(str(2 * seconds))
    again = start(store, environment=clock)
    assert again.wait() == 0, store.with_suffix(".log").read_text()[-2000:]
    assert_like(store, small_reference)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_study_that_is_ended_continues_with_the_same_command(small_reference, tmp_path, number, code):
    random.seed(number)
    store, codes = tmp_path / "a.db", Counter()
    for _ in range(4):
        process = start(store)
        wait_for_training(process, store)
        time.sleep(random.uniform(0, 3))
        everybody = family(process)
        if process.poll() is None:
            random.choice([os.kill, os.killpg])(process.pid, number)
        codes[process.wait()] += 1
        assert all_end(everybody)
        with Store(store) as opened:
            assert {one.state for one in opened.results()} <= {"waiting", "done"}  # all runs were given back
    assert set(codes) <= {code, 0}
    assert start(store).wait() == 0
    assert_like(store, small_reference)
    assert "Traceback" not in store.with_suffix(".log").read_text()
