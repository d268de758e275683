"""A page that is built anew whenever its store has changed, and loads itself anew in the browser."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bakeoff.analysis.ranking import RankBy
from bakeoff.errors import BakeoffError
from bakeoff.reporting.page import build, save, write

EVERY = 5.0
"""Seconds between two looks at the store, at least."""
REFRESH = 10
"""Seconds after which the page in the browser loads itself anew."""
SHARE = 10.0
"""A build that took t seconds is followed by a pause of this many t: the study needs the processor."""


def watch(
    store: Path,
    output: Path,
    *,
    title: str | None = None,
    pictures: bool = True,
    rank_by: RankBy = "test",
    say: Callable[[str], None] = print,
    every: float = EVERY,
) -> None:
    """Keep the page of a store up to date until Ctrl-C, then leave one that stays as it is.

    A store that is not there yet, or has no runs yet, is waited for.

    Raises:
        BakeoffError: `output` cannot be written.
    """
    seen, told = None, ""
    try:
        while True:
            state, start = _state(store), time.monotonic()
            if state != seen:
                seen = state
                message = _update(store, output, title, pictures, rank_by)
                if message != told:
                    say(message)
                told = message
            time.sleep(max(every, SHARE * (time.monotonic() - start)))
    except KeyboardInterrupt:
        with suppress(BakeoffError):
            write(store, output, title=title, pictures=pictures, rank_by=rank_by)


def _update(store: Path, output: Path, title: str | None, pictures: bool, rank_by: RankBy) -> str:
    """Build the page and return what to tell: where it is, or what is waited for."""
    try:
        page = build(store, title=title, pictures=pictures, live=REFRESH, rank_by=rank_by)
    except BakeoffError as error:
        return f"Waiting: {error}"
    return f"Report: {save(page, output)} follows the store; Ctrl-C ends it"


def _state(store: Path) -> list[tuple[int, int]]:
    """Return what changes when the store does: time and size of its file and of its log of writes."""
    found = []
    for path in (store, store.with_name(f"{store.name}-wal")):
        with suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime_ns, facts.st_size))
    return found
