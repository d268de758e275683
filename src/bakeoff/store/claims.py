"""Claims: which command works on a run, and whether that command is still alive. `Store.claim` takes one.

A claim is a lease that holds as long as its heartbeat is recent. If both commands certainly see the same processes, the
process is checked instead. A wrong decision cannot corrupt results: every claim has a token of its own, every write
carries it, and the store refuses writes with any other token than that of the latest claim (`Store`).
"""

import os
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.spec.values import digest

STALE_SECONDS = 120.0
"""Age of a heartbeat after which its claim has expired."""

LIVING: set[str] = set()
"""The active owners in this process."""


class ClaimLost(BakeoffError):
    """The claim to a run was lost, or never held."""


@dataclass(frozen=True)
class Claim:
    """The right to write to a run, until another command claims it."""

    run: str
    """Id of the run."""
    owner: str
    token: int
    """Larger than those of all earlier claims in the store."""


@contextmanager
def working() -> Iterator[str]:
    """Return an owner that is alive within this context."""
    owner = new_owner()
    LIVING.add(owner)
    try:
        yield owner
    finally:
        LIVING.discard(owner)


def new_owner() -> str:
    """Return a unique owner: TOKEN@HOST@PROCESS_TABLE:PID:START_TIME.

    For example "5f0c6c1f9f6a4d0e@laptop@0a1b2c3d4e5f:4711:1764130000".
    """
    import psutil

    born = psutil.Process().create_time()
    return f"{secrets.token_hex(8)}@{socket.gethostname()}@{_processes()}:{os.getpid()}:{born:.0f}"


def draft_of(owner: str) -> str:
    """Return the token of an owner, used in the names of its draft files (see `spec.paths`)."""
    return owner.partition("@")[0]


@cache
def _processes() -> str:
    """Return an id of this process table: unique per machine, boot and container. Empty if it is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return digest([boot, str(Path("/proc/self/ns/pid").readlink())])[:12]
    except OSError:
        node = uuid.getnode()
        is_made_up = bool(node >> 40 & 1)  # no network card was found
        has_one_table = sys.platform in ("darwin", "win32")
        return digest([node, socket.gethostname()])[:12] if has_one_table and not is_made_up else ""


def is_alive(owner: str) -> bool | None:
    """Return whether the owner's process is alive; None if it cannot be seen from here."""
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
    """Return whether `owner` is alive, by its last heartbeat (Unix time) if its process cannot be seen.

    A heartbeat that is far in the future, because the clock was set back, is no sign of life: owners that are alive
    renew it by the new clock.
    """
    alive = is_alive(owner)
    return abs(time.time() - (heartbeat or 0.0)) < STALE_SECONDS if alive is None else alive
