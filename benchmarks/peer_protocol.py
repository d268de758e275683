"""Shared by all contenders: the workload, the images, and the turns.

A contender is started with the workload as JSON, gets ready, trains for a moment to warm up and prints one JSON
line about itself. Then it waits. For each line "go SECONDS" on its standard input it trains that long and prints
on how many images in how many seconds. It ends when its input does. Python and numpy are all it takes.
"""

import json
import sys
import time
from dataclasses import dataclass

import numpy as np

WARM_UP_SECONDS = 2.0
LEAD_IN = 0.2
"""Share of a turn that is trained but not timed, to use up batches prefetched before the pause."""


@dataclass(frozen=True)
class Workload:
    """The training task of all contenders."""

    net: str
    """lenet-afif, vgg-afif or resnet20v1-keras."""
    height: int
    width: int
    channels: int
    images: int
    batch_size: int
    optimizer: str
    """adadelta or adam."""
    augmented: bool
    """Random shifts of up to 10 % and mirroring."""
    threads: int
    precision: str = "fp32"
    """fp32, or bf16: products in bfloat16, weights and their updates in single precision."""
    way: str = ""
    """Input pipeline, for contenders with several."""

    @classmethod
    def read(cls) -> "Workload":
        """Return the workload given on the command line."""
        return cls(**json.loads(sys.argv[1]))

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, H, W, C) uint8 noise and (N,) int64 labels of ten classes, the same for all contenders."""
        random = np.random.default_rng(0)
        shape = (self.images, self.height, self.width, self.channels)
        return random.integers(0, 256, shape, dtype=np.uint8), random.integers(0, 10, self.images)


class Baton:
    """Lets a contender run during its turns; its training loop calls `step` after every step."""

    def __init__(self, **about: object) -> None:
        """Start the warm-up; `about` is printed when it is done."""
        self._about: dict | None = about
        self._timed_from = time.perf_counter() + WARM_UP_SECONDS
        self._started: float | None = None
        self._seconds = 0.0
        self._images = 0

    def step(self, images: int) -> None:
        """Count a step over `images` images; at the end of a turn, report and wait for the next one.

        Raises:
            SystemExit: there is no next one.
        """
        now = time.perf_counter()
        if self._started is not None:
            self._images += images
            if now - self._started >= self._seconds:
                self._pause({"images": self._images, "seconds": now - self._started})
        elif now >= self._timed_from:
            if self._about is not None:
                self._pause(self._about)
            else:
                self._started = now

    def _pause(self, report: dict) -> None:
        print(json.dumps(report), flush=True)
        line = sys.stdin.readline()
        if not line:
            raise SystemExit
        self._about, self._started, self._images = None, None, 0
        self._seconds = float(line.split()[1])
        self._timed_from = time.perf_counter() + LEAD_IN * self._seconds
