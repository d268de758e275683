"""Which process trains a run, and whether it still lives."""

import os
import socket
import time

STALE_SECONDS = 300.0
"""A claim whose heartbeat is older than this belongs to a process that is gone."""


def this_process() -> str:
    """Name this process so that a process on the same machine can tell whether it still lives."""
    import psutil

    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def is_alive(owner: str) -> bool | None:
    """Tell whether the process `owner` lives; None if it is on another machine and cannot be asked."""
    import psutil

    host, process, born = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return None
    try:
        found = psutil.Process(int(process))
        return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - float(born)) < 2
    except psutil.NoSuchProcess:
        return False


def is_at_work(owner: str, heartbeat: float) -> bool:
    """Tell whether `owner` lives, by its last heartbeat (seconds since 1970) where it cannot be asked."""
    alive = is_alive(owner)
    return time.time() - heartbeat < STALE_SECONDS if alive is None else alive
