"""Measures this machine's speed by a short benchmark before and after each run, outside its training time.

The training times of two runs can be compared only if their machines were equally fast. The rates of three operations
that dominate training show whether they were, and serve as a common unit if they were not.
"""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch.nn import functional as F

from bakeoff.machine.hardware import Machine, synchronize

SECONDS = 0.02
"""How long each operation is repeated, after a warm-up; at least `FEWEST` times."""
FEWEST = 3
RECENT = 5.0
"""Seconds for which a calibration is reused, so that the one after a run also serves as the one before the next."""

_latest: dict[Machine, tuple[float, dict[str, float]]] = {}


def calibrate(machine: Machine, *, or_recent: bool = False) -> dict[str, float]:
    """Return the rates of this machine in single precision, with this process's number of threads.

    With `or_recent`, return rates that this process measured in the last `RECENT` seconds, if there are any.

    Returns:
        Medians: matmul_flops_per_second of a matrix product; convolution_flops_per_second of a convolution, forward
        and backward; and copy_bytes_per_second of a copy in memory.
    """
    if or_recent and machine in _latest and time.monotonic() - _latest[machine][0] < RECENT:
        return _latest[machine][1]
    side, images = (4096, 256) if machine.device.startswith("cuda") else (256, 8)
    square = torch.ones(side, side, device=machine.device)
    pixels = torch.ones(images, 32, 16, 16, device=machine.device).to(memory_format=torch.channels_last)
    kernels = torch.full((32, 32, 3, 3), 1e-3, device=machine.device).to(memory_format=torch.channels_last)
    pixels.requires_grad_(), kernels.requires_grad_()
    memory = torch.zeros(side * side * 256, dtype=torch.uint8, device=machine.device)
    copy = torch.empty_like(memory)

    def convolve() -> None:
        torch.autograd.grad(F.conv2d(pixels, kernels, padding=1).sum(), (pixels, kernels))

    rates = {
        "matmul_flops_per_second": 2 * side**3 / _seconds(lambda: square @ square, machine.device),
        "convolution_flops_per_second": 3 * 2 * images * 16**2 * 32**2 * 9 / _seconds(convolve, machine.device),
        "copy_bytes_per_second": len(memory) / _seconds(lambda: copy.copy_(memory), machine.device),
    }
    _latest[machine] = time.monotonic(), rates
    return rates


def _seconds(action: Callable[[], object], device: str) -> float:
    """Return the median seconds of an operation."""
    for _ in range(2):
        action()
    times: list[float] = []
    while len(times) < FEWEST or sum(times) < SECONDS:
        synchronize(device)
        start = time.perf_counter()
        action()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return max(median(times), 1e-9)
