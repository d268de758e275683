"""How worker processes are started: by a fork server that loads torch once for all of them, where there is one."""

import atexit
import faulthandler
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import parent_process, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext


SPINS = "10000"
"""GOMP_SPINCOUNT: how often an OpenMP thread polls for the others before it sleeps. By default it spins for
milliseconds, which makes training with several threads three to four times slower when another program is busy."""

CALL = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
"""A stack frame in the output of `faulthandler`."""


def context() -> "ForkServerContext | SpawnContext":
    """Return the multiprocessing context for worker processes and their pipes."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read by OpenMP when a worker loads torch
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns if find_unused_parameters finds none
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    forkserver = multiprocessing.get_context("forkserver")
    # Optimizers, and counting layers on the meta device, import torch's compiler: a second, here spent once for all.
    forkserver.set_forkserver_preload(["bakeoff.training.loop", "torch._dynamo"])
    return forkserver


def warm_up() -> None:
    """Start loading torch for the workers in the background."""
    if context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        with isolated_start():
            forkserver.ensure_running()
        atexit.unregister(_let_go)
        atexit.register(_let_go)


def _let_go() -> None:
    """Wait for no other process at the end of this one."""
    from multiprocessing import forkserver

    # Until the fork server has loaded torch, it keeps the pipe open that the command writes to.
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if server is not None:
        with suppress(OSError):
            os.kill(server, signal.SIGTERM)
    # Python 3.13 waits for the resource tracker, which waits for what the file of a network has forked.
    resource_tracker._resource_tracker._pid = None  # type: ignore[attr-defined]


def exit_with_parent() -> None:
    """Wait until the parent process ends, for whatever reason, then end this one."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def dump_stack_on_request(file: Path) -> None:
    """Let this process write its stack to `file` when another calls `request_stack`."""
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, file.open("wb"))  # stays open until the process ends


def request_stack(process: int, file: Path, timeout: float = 1.0) -> list[tuple[str, int]]:
    """Return file and line of each stack frame of a process, the innermost of each thread first.

    Non-ASCII characters in file names are escaped. Empty if the process does not answer within `timeout` seconds, or
    the system has no such signal.
    """
    if not hasattr(faulthandler, "register") or not file.exists():
        return []
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGUSR1)
    text, end = "", time.monotonic() + timeout
    while time.monotonic() < end:
        time.sleep(0.05)
        before, text = text, file.read_text(encoding="ascii", errors="replace")
        if text and text == before:
            break
    return [(name, int(line)) for name, line in CALL.findall(text)]


@contextmanager
def isolated_start() -> Iterator[None]:
    """Start processes in this context: they do not import the caller's script and ignore Ctrl-C."""
    with _main_module_hidden(), _interrupts_blocked():
        yield


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep multiprocessing from importing the caller's script in each worker.

    Workers need nothing from it, and a script without `if __name__ == "__main__"` would start its study again.
    """
    main = sys.modules["__main__"]
    saved = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    for name in saved:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(main, name, value)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT while a process starts. The process inherits the mask: only the parent handles Ctrl-C."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started with the first process, it would unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
