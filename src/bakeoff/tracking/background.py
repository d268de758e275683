"""Mirrors a store during training, in a process of its own: training never waits for a tracker."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bakeoff.errors import BakeoffError
from bakeoff.tracking.mirror import mirror
from bakeoff.tracking.target import Target, parse_target

INTERVAL = 10.0
"""Seconds between two checks of the store."""
NICE = 10


def mirror_in_background(targets: Sequence[str] | str, store: Path) -> None:
    """Start to mirror a store to these trackers; this continues until this process has ended and everything is sent.

    Raises:
        BakeoffError: there is no such tracker, or its package is not installed.
    """
    given = [targets] if isinstance(targets, str) else targets
    for target in [parse_target(text) for text in given]:
        command = [
            sys.executable,
            "-m",
            "bakeoff",
            "track",
            str(store),
            "--to",
            str(target),
            "--while",
            str(os.getpid()),
        ]
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def follow(store: Path, target: Target, parent: int, *, interval: float = INTERVAL) -> None:
    """Mirror a store whenever it has changed, until the process `parent` has ended; then once more.

    A tracker that does not answer is tried again at the next check.
    """
    with suppress(OSError, AttributeError):
        os.nice(NICE)
    process = _process(parent)
    seen = -1
    while True:
        is_last = process is None or not _is_running(process)
        changed = store.stat().st_mtime_ns if store.exists() else -1
        if changed != seen or is_last:
            with suppress(BakeoffError):
                mirror(store, target, page=is_last)
                seen = changed
        if is_last:
            return
        end = time.monotonic() + interval
        while time.monotonic() < end and process is not None and _is_running(process):
            time.sleep(min(0.5, interval))


def _process(number: int) -> psutil.Process | None:
    try:
        return psutil.Process(number)
    except psutil.NoSuchProcess:
        return None


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
