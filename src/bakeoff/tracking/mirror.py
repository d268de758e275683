"""Brings a tracker up to date with a store: what it lacks is sent, what it has is left alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from bakeoff.errors import BakeoffError
from bakeoff.reporting.page import write
from bakeoff.spec.values import digest
from bakeoff.store.store import Store
from bakeoff.tracking.records import FINISHED, tracked_run
from bakeoff.tracking.target import Target, open_tracker

PAGE = "report.html"


@dataclass(frozen=True)
class Mirrored:
    """The outcome of mirroring a store. The field names are JSON keys: do not rename them."""

    target: str
    sent: list[str]
    """Runs that were sent: they were missing, incomplete or out of date."""
    kept: int
    """Runs that were there already."""
    page: bool
    """Whether the page was sent, as it is whenever a run is sent."""


def mirror(store: Path, target: Target, *, page: bool = True) -> Mirrored:
    """Send the finished and failed runs of a store that a tracker lacks, and the page if there were any.

    An interruption does no harm: what is incomplete is sent again next time.

    Args:
        store: the SQLite file with the results.
        target: where to send them.
        page: also send the page.

    Raises:
        Unreachable: the tracker does not answer.
        BakeoffError: there is no such store, or another process is sending it to this tracker.
    """
    with Store(store) as opened:
        runs = [tracked_run(result) for result in opened.results() if result.state in FINISHED]
    with _alone(store, target):
        tracker = open_tracker(target, store)
        known = tracker.marks()
        missing = [run for run in runs if known.get(run.id) != run.mark]
        for run in missing:
            tracker.send(run)
        if page and missing:
            with TemporaryDirectory(prefix="bakeoff-") as folder:
                tracker.send_page(write(store, Path(folder, PAGE)))
    return Mirrored(str(target), [run.id for run in missing], len(runs) - len(missing), page and bool(missing))


@contextmanager
def _alone(store: Path, target: Target) -> Iterator[None]:
    """Prevent other processes from sending the same store to the same tracker, which would send runs twice."""
    from filelock import FileLock, Timeout

    name = digest([str(store.resolve()), str(target)])[:16]
    lock = FileLock(Path(gettempdir(), f"bakeoff-track-{name}.lock"))
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise BakeoffError(f"another process is sending {store} to {target}: wait until it has ended") from None
