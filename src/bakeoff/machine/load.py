"""CPU time: used by training, spent waiting for a CPU, and used by other processes. No torch.

A run that had to share the CPUs says little about the speed of its network.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

TASKS = Path("/proc/self/task")
"""Where Linux reports how long each thread ran and how long it waited for a CPU."""


class LoadMeter:
    """Counts CPU seconds between `start` and `stop`, over any number of spans.

    processor_seconds: used by this process; waiting_seconds: waited for a CPU, summed over its threads (Linux only);
    other_processor_seconds: used by all other processes, including other workers.
    """

    def __init__(self, spent: Mapping[str, float] | None = None) -> None:
        """Start at the seconds of earlier sessions, by name; a name missing there stays unknown."""
        self.spent = None if spent is None else dict(spent)
        self._own = 0.0
        self._all: float | None = None
        self._waited: dict[str, float] = {}

    def start(self) -> None:
        """Start a span."""
        self._own, self._all, self._waited = time.process_time(), _busy_seconds(), _waited_seconds()

    def stop(self) -> None:
        """End the span and add its seconds."""
        own, waited, busy = time.process_time() - self._own, _waited_seconds(), _busy_seconds()
        span = {"processor_seconds": own}
        if busy is not None and self._all is not None:
            span["other_processor_seconds"] = max(0.0, busy - self._all - own)
        if waited:
            span["waiting_seconds"] = sum(after - self._waited.get(task, 0.0) for task, after in waited.items())
        before = dict.fromkeys(span, 0.0) if self.spent is None else self.spent
        self.spent = {name: before[name] + seconds for name, seconds in span.items() if name in before}

    def measures(self) -> dict[str, float]:
        """Return the seconds so far by name."""
        return dict(self.spent or {})


def _busy_seconds() -> float | None:
    """Return the CPU seconds of all processes since the machine started; None if unknown."""
    try:
        times = psutil.cpu_times()._asdict()
    except (OSError, RuntimeError, psutil.Error):  # some containers have no /proc/stat
        return None
    return float(
        sum(seconds for kind, seconds in times.items() if kind not in ("idle", "iowait", "guest", "guest_nice"))
    )


def _waited_seconds() -> dict[str, float]:
    """Return how long each thread of this process waited for a CPU, in seconds; empty if unknown."""
    found = {}
    for path in TASKS.glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # the thread may have ended
            found[path.parent.name] = int(path.read_text().split()[1]) / 1e9
    return found
