"""Which command is at a run, and whether it still lives.

A claim is a lease: it holds while its heartbeat is fresh. Only where owner and asker certainly see the same processes
is the process looked at instead. Whether a judgement was right does not matter for the results: whoever has lost a
claim is refused when it writes (`Store`).
"""

import os
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.spec.values import digest

STALE_SECONDS = 120.0
"""A claim whose heartbeat is older than this belongs to a command that is gone."""

LIVING: set[str] = set()
"""The owners in this process that are at work."""


class ClaimLost(BakeoffError):
    """A run is not, or no longer, that of whoever wants to write it."""


@contextmanager
def working() -> Iterator[str]:
    """Give a name that owns runs for as long as the context lasts."""
    owner = new_owner()
    LIVING.add(owner)
    try:
        yield owner
    finally:
        LIVING.discard(owner)


def new_owner() -> str:
    """Return a name nobody else has: a random token, and for those who look for it host, machine and process.

    "5f0c6c1f9f6a4d0e@laptop@0a1b2c3d4e5f:4711:1764130000".
    """
    import psutil

    born = psutil.Process().create_time()
    return f"{secrets.token_hex(8)}@{socket.gethostname()}@{_processes()}:{os.getpid()}:{born:.0f}"


def draft_of(owner: str) -> str:
    """Return the word by which files that are an owner's alone are called (see `spec.paths`)."""
    return owner.partition("@")[0]


@cache
def _processes() -> str:
    """Tell one table of processes from all others: of this boot of this machine, and in a container of that one.

    Empty where that cannot be told.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return digest([boot, str(Path("/proc/self/ns/pid").readlink())])[:12]
    except OSError:
        node = uuid.getnode()
        is_made_up = bool(node >> 40 & 1)  # no network card was found
        has_one_table = sys.platform in ("darwin", "win32")
        return digest([node, socket.gethostname()])[:12] if has_one_table and not is_made_up else ""


def is_alive(owner: str) -> bool | None:
    """Tell whether the owner lives; None if its process cannot be seen from here."""
    import psutil

    name, number, born = ["", "", *owner.rsplit(":", 2)][-3:]
    seen_from = name.rpartition("@")[2]
    if not seen_from or seen_from != _processes():
        return None
    if int(number) == os.getpid():
        return owner in LIVING
    try:
        found = psutil.Process(int(number))
        return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - float(born)) < 2
    except psutil.NoSuchProcess:
        return False


def is_at_work(owner: str, heartbeat: float | None) -> bool:
    """Tell whether `owner` lives, by its last heartbeat (seconds since 1970) where it cannot be asked."""
    alive = is_alive(owner)
    return time.time() - (heartbeat or 0.0) < STALE_SECONDS if alive is None else alive
