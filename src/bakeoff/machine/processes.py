"""How processes that train are started: where there is one by a server that loads torch once for all of them."""

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
"""How often a thread of a worker looks whether the others are done before it sleeps. By default it goes on looking for
milliseconds, which makes training with several threads three to four times as slow where another program is busy."""

CALL = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
"""A line of what `faulthandler` writes."""


def context() -> "ForkServerContext | SpawnContext":
    """Return what processes and pipes are made with."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # OpenMP reads it when torch is loaded, in the processes to come
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload(
        ["bakeoff.training.loop", "torch._dynamo"]
    )  # the first optimiser asks for the latter
    return forkserver


def warm_up() -> None:
    """Begin to load torch for the processes, beside whatever the caller does until it starts some."""
    if context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        with starting():
            forkserver.ensure_running()


def end_with_parent() -> None:
    """Wait for the parent's end, whatever ends it, and end this process then."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def tell_place(file: Path) -> None:
    """Have this process write to a file where it is in its code when it gets the signal of `ask_place`."""
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, file.open("wb"))  # open for as long as the process is there


def ask_place(process: int, file: Path, patience: float = 1.0) -> list[tuple[str, int]]:
    """Return file and line of each call that a process is in, the innermost of each thread first.

    Names of files that are not ASCII have escapes. Nothing where the process, or the system, does not tell.
    """
    if not hasattr(faulthandler, "register") or not file.exists():
        return []
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGUSR1)
    text, end = "", time.monotonic() + patience
    while time.monotonic() < end:
        time.sleep(0.05)
        before, text = text, file.read_text(encoding="ascii", errors="replace")
        if text and text == before:
            break
    return [(name, int(line)) for name, line in CALL.findall(text)]


@contextmanager
def starting() -> Iterator[None]:
    """Start processes in this context: they run nothing of the caller's script and see no Ctrl-C."""
    with _main_module_hidden(), _interrupts_held():
        yield


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep multiprocessing from running the caller's script again in each worker: it needs nothing from there,
    and scripts without `if __name__ == "__main__"` would start a study within the study."""
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
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts. Processes inherit that and never see one: it is for the parent."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it comes with the first process, and would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
