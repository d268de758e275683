"""Predicts images of concurrent requests together: while one batch is computed, the next one is collected.

One thread does everything that touches the network.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import numpy as np

from bakeoff.serving.limits import Limits
from bakeoff.serving.uploads import Refused

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(eq=False)
class _Waiting:
    pixels: np.ndarray
    row: asyncio.Future[np.ndarray] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher:
    """A bounded queue of images, and the thread of the network.

    Args:
        predict: from images (N, C, H, W) uint8 to probabilities (N, K).
        limits: how many may wait, and how many are computed together.
    """

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], limits: Limits):
        self.predict = predict
        self.limits = limits
        self.queue: asyncio.Queue[_Waiting] = asyncio.Queue(limits.waiting)
        self.thread = ThreadPoolExecutor(1, "network")
        self.explaining = 0
        self.batches = 0
        """Forward passes so far."""

    async def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probabilities (K,) of an image (C, H, W).

        Raises:
            Refused: too many wait.
        """
        waiting = _Waiting(pixels)
        try:
            self.queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Refused(429, "too many images are waiting: try again") from None
        return await waiting.row

    async def explain(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """Run a slow function in the thread of the network.

        Raises:
            Refused: too many wait.
        """
        if self.explaining >= self.limits.explanations:
            raise Refused(429, "too many explanations are waiting: try again")
        self.explaining += 1
        task = asyncio.get_running_loop().run_in_executor(self.thread, lambda: work(*given, **named))
        task.add_done_callback(self._explained)  # work that has begun continues after its request has given up
        return await task

    def _explained(self, _: object) -> None:
        self.explaining -= 1

    async def run(self) -> None:
        """Predict what waits, until this is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            together = [await self.queue.get()]
            while len(together) < self.limits.batch and not self.queue.empty():
                together.append(self.queue.get_nowait())
            together = [one for one in together if not one.row.done()]  # those of clients that have disconnected
            if not together:
                continue
            try:
                images = np.stack([one.pixels for one in together])
                rows = await loop.run_in_executor(self.thread, self.predict, images)
            except Exception as error:
                for one in together:
                    if not one.row.done():
                        one.row.set_exception(error)
                continue
            self.batches += 1
            for one, row in zip(together, rows, strict=True):
                if not one.row.done():
                    one.row.set_result(row)
