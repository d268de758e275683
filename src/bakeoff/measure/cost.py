"""Inference cost of a trained network: latency, throughput and activation memory. Not part of the training time."""

import os
import time
from collections.abc import Callable

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine
from bakeoff.nets.summary import apply_to_new
from bakeoff.spec.data import ImageShape

BATCH = 256
"""Batch size of the throughput measurement."""
SECONDS = 0.1
"""Timing stops after this time, once `FEWEST` passes are done."""
ALLOWED_SECONDS, ALLOWED_SHARE = 0.5, 0.01
"""The throughput is skipped if timing it would take longer than this, and than this share of the training time."""
FEWEST, MOST = 3, 50
"""Minimum and maximum number of timed passes."""
MEMORY_SHARE = 0.25
"""Share of the free memory that a batch of the throughput measurement may take."""
LIVE = 4
"""Assumed peak memory of a forward pass, as a multiple of its largest activation."""


def inference_cost(net: nn.Module, shape: ImageShape, machine: Machine, train_seconds: float = 0.0) -> dict[str, float]:
    """Time forward passes of random images as in evaluation: fp32, uncompiled, after a warm-up.

    Returns:
        latency_ms_median and latency_ms_p95 of one image; batch256_ms_median and batch256_ms_p95 of 256 images; and
        inference_images_per_second, 256 divided by that median. The last three are missing if they would take too
        much time or memory. On a CPU, other workers may be busy at the same time, as in training.
    """
    net.eval()
    device = machine.device
    allowed = max(ALLOWED_SECONDS, ALLOWED_SHARE * train_seconds)
    with torch.inference_mode():
        times = time_passes(net, images(1, shape, device), device)
        measures = milliseconds("latency", times)
        probe = images(8, shape, device)  # predicts the memory and time of the large batch
        if largest_activation(net, probe) * BATCH * LIVE > MEMORY_SHARE * free_memory(machine):
            return measures
        small = min(time_action(lambda: net.forward(probe), device) for _ in range(3))
        per_image = max(0.0, small - float(np.median(times))) / (len(probe) - 1)
        if FEWEST * (small + (BATCH - len(probe)) * per_image) > allowed:
            return measures
        times = time_passes(net, images(BATCH, shape, device), device)
    return (
        measures
        | milliseconds(f"batch{BATCH}", times)
        | {"inference_images_per_second": BATCH / float(np.median(times))}
    )


def images(count: int, shape: ImageShape, device: str) -> Tensor:
    """Return (count, C, H, W) normally distributed pixels, channels-last, the same on every call."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(count, shape.channels, shape.height, shape.width, generator=generator)
    return pixels.to(device, memory_format=torch.channels_last)


def time_passes(net: nn.Module, batch: Tensor, device: str) -> list[float]:
    """Return the seconds of several forward passes, after two warm-up passes, or one that is slow."""
    if time_action(lambda: net.forward(batch), device) < SECONDS / 2:
        net.forward(batch)
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < FEWEST or (len(times) < MOST and time.perf_counter() < end):
        times.append(time_action(lambda: net.forward(batch), device))
    return times


def time_action(action: Callable[[], object], device: str) -> float:
    """Return the seconds that the device takes for `action`."""
    hardware.synchronize(device)
    clock = time.perf_counter()
    action()
    hardware.synchronize(device)
    return time.perf_counter() - clock


def milliseconds(name: str, times: list[float]) -> dict[str, float]:
    """Return the median and 95th percentile of `times` (seconds) as measures in milliseconds."""
    middle, high = np.quantile(times, [0.5, 0.95]) * 1000
    return {f"{name}_ms_median": float(middle), f"{name}_ms_p95": float(high)}


def largest_activation(net: nn.Module, batch: Tensor) -> float:
    """Return the bytes per image of the largest layer output."""
    sizes = [batch.nbytes]

    def note(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.nbytes)

    hooks = [module.register_forward_hook(note) for module in net.modules()]
    try:
        net.forward(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return max(sizes) / len(batch)


def free_memory(machine: Machine) -> float:
    """Return the free bytes of the device; on a CPU, this process's share if every core has a worker."""
    if machine.device.startswith("cuda"):
        return float(torch.cuda.mem_get_info(machine.device)[0])
    return psutil.virtual_memory().available * machine.threads / (os.cpu_count() or 1)


def activation_bytes(name: str, shape: ImageShape, classes: int) -> int:
    """Return the bytes per image that a training step saves for the backward pass, in fp32.

    Counted, not measured: the distinct tensors saved by autograd (outputs, pooling indices, dropout masks, inputs),
    except the weights. The network runs on torch's meta device if possible, so nothing is computed or allocated.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
        Exception: what a user's network raises.
    """
    return apply_to_new(name, shape, classes, 2, _kept_bytes)  # batch normalisation needs two images


def _kept_bytes(net: nn.Module, batch: Tensor) -> int:
    net.train()
    own = {value.untyped_storage()._cdata for value in (*net.parameters(), *net.buffers())}
    kept: dict[int, Tensor] = {}  # by storage: several saved tensors may be views of one

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = net(batch)
    del outputs
    per_image = [t.untyped_storage().nbytes() for key, t in kept.items() if key not in own]
    return sum(per_image) // len(batch)
