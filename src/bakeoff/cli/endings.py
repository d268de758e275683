"""How commands end: their exit codes."""

import signal
from collections.abc import Callable, Iterator
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
def terminable() -> Iterator[Callable[[], int]]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does: runs are released.

    Further signals are ignored. A signal that is ignored from the start, as under nohup, stays ignored. Yields a
    function that returns the exit code of a stopped command.
    """
    heard: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        heard.append(number)
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    for number in [getattr(signal, name) for name in ENDING if hasattr(signal, name)]:
        if signal.getsignal(number) != signal.SIG_IGN:
            with suppress(ValueError):  # only the main thread may listen
                before[number] = signal.signal(number, end)
    try:
        yield lambda: 128 + heard[0] if heard else INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
