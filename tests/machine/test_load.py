import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny
from bakeoff.machine import load
from bakeoff.machine.load import LoadMeter
from bakeoff.training.loop import fit

BUSY = "import time\nend = time.time() + 20\nwhile time.time() < end: pass\n"


def work(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_work_is_counted_and_rest_is_not():
    counted = LoadMeter()
    before = time.process_time()
    counted.start()
    work(0.1)
    counted.stop()
    used = time.process_time() - before
    work(0.1)
    counted.start()
    time.sleep(0.1)
    counted.stop()
    assert counted.measures()["processor_seconds"] == pytest.approx(used, abs=0.03)
    assert all(seconds >= 0 for seconds in counted.measures().values())


def test_what_the_system_does_not_tell_is_absent(monkeypatch):
    def refuse():
        raise PermissionError("/proc/stat")

    monkeypatch.setattr(load.psutil, "cpu_times", refuse)
    counted = LoadMeter()
    counted.start()
    counted.stop()
    assert "processor_seconds" in counted.measures()
    assert "other_processor_seconds" not in counted.measures()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs to choose a processor")
@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this system does not tell who waits")
def test_two_processes_on_one_processor_wait_for_each_other():
    allowed = os.sched_getaffinity(0)
    one = {min(allowed)}
    os.sched_setaffinity(0, one)
    other = subprocess.Popen([sys.executable, "-c", BUSY])  # it inherits the processor
    try:
        time.sleep(0.3)
        counted = LoadMeter()
        counted.start()
        work(0.6)
        counted.stop()
    finally:
        other.kill()
        other.wait()
        os.sched_setaffinity(0, allowed)
    measured = counted.measures()
    assert measured["waiting_seconds"] > 0.15
    assert measured["other_processor_seconds"] > 0.15
    assert measured["processor_seconds"] < 0.5


def test_sessions_are_added_up():
    counted = LoadMeter({"processor_seconds": 100.0, "other_processor_seconds": 10.0, "waiting_seconds": 1.0})
    counted.start()
    counted.stop()
    assert 100 <= counted.measures()["processor_seconds"] < 101


def test_what_one_session_could_not_count_is_unknown(monkeypatch):
    counted = LoadMeter({})
    counted.start()
    counted.stop()
    assert counted.measures() == {}
    monkeypatch.setattr(load, "TASKS", Path("/absent"))
    counted = LoadMeter({"processor_seconds": 1.0, "other_processor_seconds": 1.0, "waiting_seconds": 1.0})
    counted.start()
    counted.stop()
    assert counted.measures().keys() == {"processor_seconds", "other_processor_seconds"}


def test_a_resumed_run_continues_counting(tmp_path):
    first = fit(tiny.run(), tiny.dataset(), tiny.MACHINE, tmp_path)
    next(first)
    first.close()
    *_, whole = fit(tiny.run(), tiny.dataset(), tiny.MACHINE, tmp_path)
    assert 0 < whole.measures["processor_seconds"] <= 1.5 * whole.measures["train_seconds"] + 0.1
