"""Systems that lack what Linux has: nothing of it is needed."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bakeoff

ROOT = Path(bakeoff.__file__).parent

POSIX_ONLY = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix"}

SYSTEM = """
import builtins, multiprocessing, os, signal, types

ABSENT = ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGHUP", "SIGCHLD", "SIGUSR1", "SIGALRM", "pthread_sigmask", "alarm")
less = types.ModuleType("signal")
vars(less).update({name: value for name, value in vars(signal).items() if name not in ABSENT})
usual = builtins.__import__


def imported(name, globals=None, *rest, **more):
    if (globals or {}).get("__name__", "").startswith("bakeoff"):
        if name in {ABSENT}:
            raise ImportError(f"there is no module {name} here")
        if name == "signal":
            return less
    return usual(name, globals, *rest, **more)


builtins.__import__ = imported
multiprocessing.get_all_start_methods = lambda: ["spawn"]
for name in ("sched_getaffinity",):
    delattr(os, name)
""".replace("{ABSENT}", repr(sorted(POSIX_ONLY)))
"""Makes a Linux look like a system without signals, start methods and modules of its own to the code of bakeoff, in
this process and in those it starts."""


@pytest.fixture
def other_system(tmp_path) -> dict[str, str]:
    """The environment of a command on such a system."""
    (tmp_path / "sitecustomize.py").write_text(SYSTEM)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT.parent)]), "COLUMNS": "120"}


def test_no_module_is_needed_that_only_some_systems_have():
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            names |= {node.module} if isinstance(node, ast.ImportFrom) else set()
            assert not names & POSIX_ONLY, path


def test_every_module_is_read_without_them(other_system):
    code = (
        "import importlib, pkgutil, bakeoff\n"
        "for module in pkgutil.walk_packages(bakeoff.__path__, 'bakeoff.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "from bakeoff.execution.worker import cores\n"
        "from bakeoff.machine.processes import context\n"
        "print(cores(), context().get_start_method())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=other_system, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(os.cpu_count()), "spawn"]


def test_a_study_is_trained_without_them(other_system, tmp_path, own_cache):
    store = tmp_path / "a.db"
    options = ["--nets", "lenet-afif", "--data", "digits", "--seeds", "2", "--workers", "2"]
    options += ["--epochs", "2", "--set", "images_per_class=20", "--set", "validation=50"]
    command = [sys.executable, "-m", "bakeoff", "run", *options, "--store", str(store), "--json"]
    done = subprocess.run(command, env=other_system, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["seeds"], row["failed"]) == (2, 0)
    assert "Traceback" not in done.stderr


def test_a_worker_that_dies_is_reported_without_them(other_system, tmp_path, own_cache):
    """Its exit code is a number there, too."""
    code = (
        "import pathlib, sys\n"
        "from bakeoff.execution.executors.local import _exit_failure\n"
        "print(_exit_failure(-9).message); print(_exit_failure(1).message); print(_exit_failure(None).message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=other_system, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "signal 9" in done.stdout.splitlines()[0]
    assert "exit code 1" in done.stdout.splitlines()[1]
