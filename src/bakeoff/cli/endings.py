"""How commands end: their exit codes."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

UNFINISHED, MISTAKE, FAULT = 1, 2, 3
"""Some runs have no result; the user can put it right; bakeoff itself is wrong."""
INTERRUPTED, READER_GONE, TERMINATED = 130, 141, 143
"""Ctrl-C; whoever read the output has gone; SIGTERM: as a shell gives them, 128 and the number of the signal."""


@contextmanager
def terminable() -> Iterator[Callable[[], int]]:
    """Let SIGTERM end what happens in the context as Ctrl-C does: runs are given back. One that follows is not heard.

    Gives what tells the exit code of a command that was stopped.
    """
    heard: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        heard.append(number)
        raise KeyboardInterrupt

    before = None
    with suppress(ValueError):  # only the main thread may listen
        before = signal.signal(signal.SIGTERM, end)
    try:
        yield lambda: TERMINATED if heard else INTERRUPTED
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def missing(counts: Mapping[str, int]) -> int:
    """Return how many of the wanted runs have no result, by the number of events of each kind."""
    return counts["wanted"] - counts.get("kept", 0) - counts.get("done", 0)
