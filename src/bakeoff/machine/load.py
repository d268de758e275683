"""How much of the machine training got: processor time used, waited for, and taken by others. No torch.

Seconds of a run say nothing about its network where it had to share the processors.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

TASKS = Path("/proc/self/task")
"""Where Linux tells of each thread how long it ran and how long it waited for a CPU."""


class Load:
    """Counts between `start` and `stop`, over any number of such spans, in seconds of processor time.

    processor_seconds: this process's own; waiting_seconds: what its threads, all together, were ready to run but had no
    processor (Linux alone tells); other_processor_seconds: what all other processes had, other workers included.
    """

    def __init__(self, spent: Mapping[str, float] | None = None) -> None:
        """Go on from what earlier sessions counted; what one of them could not count stays unknown."""
        self.spent = None if spent is None else dict(spent)
        self._own = 0.0
        self._all: float | None = None
        self._waited: dict[str, float] = {}

    def start(self) -> None:
        """Begin a span."""
        self._own, self._all, self._waited = time.process_time(), _busy_seconds(), _waited_seconds()

    def stop(self) -> None:
        """End the span and add it."""
        own, waited, busy = time.process_time() - self._own, _waited_seconds(), _busy_seconds()
        span = {"processor_seconds": own}
        if busy is not None and self._all is not None:
            span["other_processor_seconds"] = max(0.0, busy - self._all - own)
        if waited:
            span["waiting_seconds"] = sum(after - self._waited.get(task, 0.0) for task, after in waited.items())
        before = dict.fromkeys(span, 0.0) if self.spent is None else self.spent
        self.spent = {name: before[name] + seconds for name, seconds in span.items() if name in before}

    def measures(self) -> dict[str, float]:
        """Return the sums by name."""
        return dict(self.spent or {})


def _busy_seconds() -> float | None:
    """Return the processor time that all processes of the machine have had since it started, None if it is not told."""
    try:
        times = psutil.cpu_times()._asdict()
    except (OSError, RuntimeError, psutil.Error):  # some containers have no /proc/stat
        return None
    return float(
        sum(seconds for kind, seconds in times.items() if kind not in ("idle", "iowait", "guest", "guest_nice"))
    )


def _waited_seconds() -> dict[str, float]:
    """Return by thread of this process how long it waited for a CPU; empty where the system does not tell."""
    found = {}
    for path in TASKS.glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # a thread may end meanwhile
            found[path.parent.name] = int(path.read_text().split()[1]) / 1e9
    return found
