"""Ctrl-C stops a command, and the same command resumes it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bakeoff.store.store import Store


@pytest.fixture
def long_run(tmp_path, own_cache):
    """A command that would take minutes, started as a user would, in a process group of its own."""
    store = tmp_path / "c.db"
    command = [sys.executable, "-m", "bakeoff", "run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "1"]
    command += ["--set", "images_per_class=20", "--set", "validation=50", "--set", "schedule=constant"]
    command += ["--store", str(store), "--epochs"]
    with subprocess.Popen(
        [*command, "100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process, store, command
        if process.poll() is None:
            process.kill()


def test_ctrl_c_stops_cleanly_and_the_same_command_continues(long_run, bakeoff):
    """A terminal sends it to every process of the group; only the parent acts on it."""
    process, store, command = long_run
    for line in process.stderr:
        if "epoch 3/" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in err
    assert out == ""
    with Store(store) as opened:
        (stopped,) = opened.results()
    assert stopped.state == "waiting"
    assert [epoch.epoch for epoch in stopped.epochs] == list(range(1, len(stopped.epochs) + 1))
    said = bakeoff(*command[3:], "100000", "--dry-run", "--json")
    assert json.loads(said.out)["left"] == 1


def test_ctrl_c_before_anything_is_trained_is_quiet(tmp_path, own_cache):
    command = [sys.executable, "-m", "bakeoff", "run", "--store", str(tmp_path / "d.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        time.sleep(1.5)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert b"Traceback" not in err
