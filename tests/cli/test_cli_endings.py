"""The exit code says how a command ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bakeoff.spec.paths import weights_path
from bakeoff.store.store import Store

WILD = ["--set", "optimizer=sgd", "--set", "optimizer.lr=1e30"]
"""Settings under which a run diverges at once."""


@pytest.fixture
def failing(tmp_path, tiny_options) -> list[str]:
    """Options of two runs that fail."""
    return ["--data", "digits", "--seeds", "2", *tiny_options, *WILD, "--store", str(tmp_path / "a.db")]


COMMANDS = {
    "run": ["run", "--nets", "nin"],
    "until-settled": ["run", "--until-settled", "nin,lenet-afif", "--max-seeds", "3"],
    "reproduce": ["reproduce", "afif2018", "--nets", "nin", "--data-as", "mnist=digits"],
    "ablate": ["ablate", "lenet-afif", "--from", "nin", "--recipe", "quick"],
    "dial": ["dial", "digits", "--turn", "contrast", "--steps", "2", "--nets", "nin"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_is_1_where_runs_failed_now_or_before(command, bakeoff, failing):
    options = failing
    if command == "reproduce":
        options = ["--data", "mnist", *failing[2:]]
    if command == "dial":
        options = failing[2:]
    first = bakeoff(*COMMANDS[command], *options)
    assert "failed: `bakeoff results` says why" in first.err
    assert first.code == 1
    assert bakeoff(*COMMANDS[command], *options).code == 1
    assert bakeoff(*COMMANDS[command], *options, "--json").code == 1
    assert bakeoff(*COMMANDS[command], *options, "--dry-run").code == 0


def test_is_1_as_long_as_one_run_has_no_result(bakeoff, failing):
    assert bakeoff("run", "--nets", "nin", *failing).code == 1
    again = bakeoff("run", "--nets", "nin", *failing, "--retry-failed", "--fail-fast")
    assert (again.code, again.err.count("✗")) == (1, 1)
    assert bakeoff("run", "--nets", "lenet-afif", *failing).code == 0  # its tanh keeps the loss finite
    assert bakeoff("results", "--store", failing[-1]).code == 0


def test_is_1_where_another_command_is_at_a_run(bakeoff, trained, tiny_options, tmp_path):
    store = tmp_path / "a.db"
    options = ["--nets", "lenet-afif", "--data", "digits", "--seeds", "2", *tiny_options, "--store", str(store)]
    assert bakeoff("run", *options).code == 0
    with Store(store) as opened:
        (run, _) = (result.run for result in opened.results())
        opened.forget([run.id], "nobody")
        opened.add([run], [])
        assert opened.claim(run.id, "elsewhere.example:1234:1700000000")
    said = bakeoff("run", *options)
    assert "1 run is being trained by another" in said.err
    assert said.code == 1


def test_is_1_where_a_finished_run_cannot_be_tested_further(bakeoff, tiny_options, tmp_path):
    store = tmp_path / "a.db"
    options = ["--nets", "lenet-afif", "--data", "digits", "--seeds", "1", *tiny_options, "--store", str(store)]
    assert bakeoff("run", *options).code == 0
    with Store(store) as opened:
        weights_path(opened.files, opened.results()[0].id).unlink()
    said = bakeoff("run", *options, "--robustness")
    assert "not tested on corrupted images" in said.err
    assert said.code == 1


def test_is_3_for_a_fault_of_our_own(bakeoff, trained, monkeypatch):
    monkeypatch.setattr("bakeoff.analysis.ranking.group_by_table", lambda rows: 1 / 0)
    said = bakeoff("results", "--store", trained[0])
    assert said.code == 3
    assert "ZeroDivisionError" in said.err
    assert said.err.splitlines()[-1].startswith("bakeoff: this is a bug in bakeoff")


@pytest.mark.parametrize("whom", ["the command", "all its processes"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_is_130_or_143_when_stopped_and_gives_its_runs_back(number, code, whom, tmp_path, own_cache):
    store = tmp_path / "a.db"
    options = ["--nets", "lenet-afif,nin", "--data", "digits", "--seeds", "1", "--workers", "2", "--epochs", "100000"]
    command = [sys.executable, "-m", "bakeoff", "run", *options, "--store", str(store)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, start_new_session=True) as process:
        seen = [next(line for line in process.stderr if f"{net} · digits" in line) for net in ("nin",)]
        children = psutil.Process(process.pid).children(recursive=True)
        (os.kill if whom == "the command" else os.killpg)(process.pid, number)
        out, err = process.communicate(timeout=120)
    assert seen
    assert (process.returncode, out) == (code, "")
    assert err.strip().splitlines()[-1].startswith("Stopped.")
    assert "leaked" not in err
    assert "Traceback" not in err
    with Store(store) as opened:
        assert {result.state for result in opened.results()} == {"waiting"}
        assert opened._db.execute("SELECT count(*) FROM failures").fetchone()[0] == 0
    deadline = time.monotonic() + 30
    while any(child.is_running() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


WHERE = {
    "in an exec of text": "exec(kill)",
    "in a callback, which swallows exceptions": """
class Gone:
    def __del__(self): exec(kill)
Gone()
""",
}


@pytest.mark.parametrize("where", WHERE)
def test_is_143_wherever_the_signal_comes(where):
    code = f"""
import os, signal, time
import bakeoff.cli
kill = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
def command(**options):
    exec({WHERE[where]!r}, globals())
    time.sleep(60)
bakeoff.cli.cli.main = command
bakeoff.cli.main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "", "")


def test_is_143_once_torch_is_imported():
    code = """
import importlib.machinery, os, signal, sys, time, types
import bakeoff.cli
def command(**options):
    torch = sys.modules["torch"] = types.ModuleType("torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    torch.__spec__._initializing = True
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)
    print("imported", flush=True)
    torch.__spec__._initializing = False
    time.sleep(60)
bakeoff.cli.cli.main = command
bakeoff.cli.main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "imported\n", "")


def test_is_143_before_anything_is_trained(tmp_path, own_cache):
    store = Path(tmp_path / "a.db")
    command = [sys.executable, "-m", "bakeoff", "run", "--store", str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode in (143, -signal.SIGTERM)
    assert b"Traceback" not in err
    assert b"leaked" not in err
