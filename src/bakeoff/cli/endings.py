"""How commands end: their exit codes."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

UNFINISHED, MISTAKE, FAULT = 1, 2, 3
"""Some runs have no result; a usage error; a bug in bakeoff."""
INTERRUPTED, READER_GONE = 130, 141
"""Ctrl-C; a closed pipe: as in a shell, 128 plus the number of the signal."""
ENDING = ("SIGTERM", "SIGHUP")
"""Signals that end a command as Ctrl-C does; not every system has them."""


@contextmanager
def terminable(heard: list[int]) -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does: runs are released.

    Further signals are ignored. A signal that is ignored from the start, as under nohup, stays ignored. The number of
    the signal is appended to `heard`. While torch is imported, signals wait: an exception in its C++ part aborts the
    process.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if is_importing("torch"):
            return send_later(number)
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        heard.append(number)
        raise KeyboardInterrupt

    def swallowed(unraisable: Any) -> None:
        """Send the signal again if its exception was lost in a callback, as `import` has them."""
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            number = heard.pop() if heard else signal.SIGINT
            for other in before:
                signal.signal(other, end)
            send_later(number)
        else:
            hook(unraisable)

    before: dict[int, Any] = {}
    hook, sys.unraisablehook = sys.unraisablehook, swallowed
    try:
        for number in [getattr(signal, name) for name in ENDING if hasattr(signal, name)]:
            if signal.getsignal(number) != signal.SIG_IGN:
                with suppress(ValueError):  # only the main thread may listen
                    before[number] = signal.signal(number, end)
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def is_importing(name: str) -> bool:
    """Return whether a module is being imported."""
    return bool(getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False))


def send_later(number: int) -> None:
    """Send a signal to this process again, a moment later."""
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()


def stopped(heard: list[int]) -> int:
    """Return the exit code of a command that `heard` of a signal, or was ended by Ctrl-C."""
    exec("")  # after a KeyboardInterrupt in an exec of text, as in `import torch`, Python would end by SIGINT
    return 128 + heard[0] if heard else INTERRUPTED
