"""The moving average of a network's weights, which is evaluated and saved in their place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of all parameters and floating-point buffers of a network.

    After step t (from 1) it moves by 1 - min(decay, (1 + t) / (10 + t)) towards the network, so the first steps are
    soon forgotten, as in TensorFlow's ExponentialMovingAverage. Running statistics of batch normalisation are averaged
    in the same way; counters are those of the network.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        """Start from the weights that the network has."""
        self._decay = decay
        self._own = [value for value in (*net.parameters(), *net.buffers()) if value.is_floating_point()]
        self.values = [value.detach().clone() for value in self._own]

    def restore(self, values: Sequence[Tensor]) -> None:
        """Continue from the values of a checkpoint."""
        with torch.no_grad():
            for kept, value in zip(self.values, values, strict=True):
                kept.copy_(value)

    def update(self, step: int) -> None:
        """Move towards the network after its step `step`, counted from 1 over all epochs."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.values, [value.detach() for value in self._own], 1 - decay)

    def exchange(self) -> None:
        """Exchange the values of the network and the average."""
        with torch.no_grad():
            for own, kept in zip(self._own, self.values, strict=True):
                trained = own.clone()
                own.copy_(kept)
                kept.copy_(trained)


@contextmanager
def averaged(average: Average | None) -> Iterator[None]:
    """Give the network its averaged weights in the block; without an average, change nothing."""
    if average is None:
        yield
        return
    average.exchange()
    try:
        yield
    finally:
        average.exchange()
