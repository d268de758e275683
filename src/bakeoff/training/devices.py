"""Several devices that train one run together, with PyTorch's DistributedDataParallel.

Each takes a part of every batch; gradients are averaged so that they are those of the whole batch. Order, augmentation
and learning rates are those of a single device. So are the results, up to rounding, for networks without batch
normalisation and dropout. Without `sync_batch_norm`, batch normalisation uses the statistics of a device's own part,
and keeps those of the first device.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from bakeoff.errors import BakeoffError

PATIENCE = timedelta(days=7)
"""How long a device waits for the others: the first one evaluates alone."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Devices:
    """The devices that train a run, as one of them sees them."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the device that evaluates, saves and reports."""
        return self.rank == 0

    def wrap(self, net: nn.Module) -> nn.Module:
        """Return the network to compute a batch with: its gradients are averaged over all devices."""
        if self.size == 1:
            return net
        return DistributedDataParallel(net, find_unused_parameters=True)

    def part_of(self, images: int) -> tuple[slice, float]:
        """Return this device's rows of a batch, and the weight of their mean loss in the mean over devices.

        A device that gets none takes the first row with a weight of 0, so that all take part in averaging.
        """
        first, end = (images * rank // self.size for rank in (self.rank, self.rank + 1))
        if first == end:
            return slice(0, 1), 0.0
        return slice(first, end), (end - first) * self.size / images

    def add(self, values: Tensor) -> None:
        """Replace values by their sum over all devices."""
        if self.size > 1:
            dist.all_reduce(values)

    def agree(self, value: Value | None) -> Value:
        """Return the leader's value on each device."""
        if self.size > 1:
            shared = [value]
            dist.broadcast_object_list(shared, src=0)
            value = shared[0]
        assert value is not None
        return value

    def synchronize_norms(self, net: nn.Module) -> None:
        """Let batch normalisation use the statistics of the whole batch."""
        for module in net.modules() if self.size > 1 else ():
            if isinstance(module, _BatchNorm):
                module.forward = partial(_normalize, module)  # type: ignore[method-assign]


ALONE = Devices()
"""A single device."""


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all devices; so is its gradient."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def _sum_over_devices(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)
    return total


def _normalize(norm: _BatchNorm, values: Tensor) -> Tensor:
    """Normalise (N, C, …) values as `norm` does, by mean and variance over the batch of all devices."""
    if not norm.training:
        return batch_norm(values, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
    dimensions = [0, *range(2, values.dim())]
    count = torch.tensor([values.numel() / values.shape[1]], device=values.device)
    dist.all_reduce(count)
    mean = _sum_over_devices(values.sum(dimensions)) / count
    shape = [1, -1, *[1] * (values.dim() - 2)]
    centred = values - mean.view(shape)
    variance = _sum_over_devices(centred.square().sum(dimensions)) / count
    if norm.track_running_stats and norm.running_mean is not None and norm.running_var is not None:
        with torch.no_grad():
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.add_(1)
            share = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean.detach(), share)
            norm.running_var.lerp_(variance.detach() * float(count / (count - 1)), share)
    normal = centred * torch.rsqrt(variance + norm.eps).view(shape)
    if norm.affine:
        normal = normal * norm.weight.view(shape) + norm.bias.view(shape)
    return normal


@contextmanager
def joined(rank: int, size: int, meeting: Path, device: str) -> Iterator[Devices]:
    """Join the other devices of a run through a file, and leave the group at the end.

    Raises:
        BakeoffError: the devices cannot reach each other.
    """
    if device == "cpu" and sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # they are on one machine
    backend = "nccl" if device.startswith("cuda") else "gloo"
    try:
        dist.init_process_group(backend, f"file://{meeting}", PATIENCE, size, rank)
    except (RuntimeError, ValueError) as error:
        raise BakeoffError(f"the devices of the run cannot reach each other: {error}") from error
    try:
        yield Devices(rank, size)
    finally:
        dist.destroy_process_group()
