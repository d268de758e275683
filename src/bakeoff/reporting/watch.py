"""A page that is rebuilt whenever its store changes, and reloads in the browser."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bakeoff.analysis.ranking import RankBy
from bakeoff.errors import BakeoffError
from bakeoff.reporting.page import build_page, save_page, write

EVERY = 5.0
"""Minimum seconds between checks of the store."""
REFRESH = 10
"""Seconds between reloads of the page in the browser."""
SHARE = 10.0
"""A build that took t seconds is followed by a pause of this times t, to leave the CPU to the study."""


def watch(
    store: Path,
    output: Path,
    *,
    title: str | None = None,
    pictures: bool = True,
    images: int | None = None,
    rank_by: RankBy = "test",
    say: Callable[[str], None] = print,
    every: float = EVERY,
) -> None:
    """Keep the page of a store up to date until Ctrl-C, then write a static one.

    Waits for a store that does not exist or has no runs yet.

    Raises:
        BakeoffError: `output` cannot be written.
    """
    seen, shown = None, ""
    try:
        while True:
            state, start = _state(store), time.monotonic()
            if state != seen:
                seen = state
                message = _update(store, output, title, pictures, images, rank_by)
                if message != shown:
                    say(message)
                shown = message
            time.sleep(max(every, SHARE * (time.monotonic() - start)))
    except KeyboardInterrupt:
        with suppress(BakeoffError):
            write(store, output, title=title, pictures=pictures, images=images, rank_by=rank_by)


def _update(store: Path, output: Path, title: str | None, pictures: bool, images: int | None, rank_by: RankBy) -> str:
    """Build the page and return a message: where it is, or why it is not there yet."""
    try:
        page = build_page(store, title=title, pictures=pictures, images=images, live=REFRESH, rank_by=rank_by)
    except BakeoffError as error:
        return f"Waiting: {error}"
    return f"Report: {save_page(page, output)} is updated with the store; stop with Ctrl-C"


def _state(store: Path) -> list[tuple[int, int]]:
    """Return the modification time and size of the store's file and of its write-ahead log."""
    found = []
    for path in (store, store.with_name(f"{store.name}-wal")):
        with suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime_ns, facts.st_size))
    return found
