"""The machine as a contender: its fastest single-precision product, as an upper bound.

That is a large matrix product, or a large convolution where the library for matrix products does not use all of the
processor (MKL uses AVX2 on AMD processors, even if they have AVX-512).
"""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from peer_protocol import Baton, Workload


def matrix_product() -> tuple[Callable[[], object], int]:
    """Return a product of two square matrices and its FLOPs."""
    side = 2048
    a, b, out = (torch.rand(side, side) for _ in range(3))
    return lambda: torch.mm(a, b, out=out), 2 * side**3


def convolution() -> tuple[Callable[[], object], int]:
    """Return a 3×3 convolution of many channels and its FLOPs."""
    images, channels, side = 128, 256, 14
    x = torch.rand(images, channels, side, side).contiguous(memory_format=torch.channels_last)
    w = torch.rand(channels, channels, 3, 3).contiguous(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, w), 2 * images * (side - 2) ** 2 * channels**2 * 9


def rate(product: Callable[[], object], flops: int) -> float:
    """Return FLOP/s, the best of a few."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return flops / best


def main() -> None:
    """Multiply until the input ends; one product counts as one image."""
    torch.set_num_threads(Workload.read().threads)
    product, flops = max((matrix_product(), convolution()), key=lambda kernel: rate(*kernel))
    baton = Baton(flops=flops, version=f"torch {torch.__version__}")
    while True:
        product()
        baton.step(1)


if __name__ == "__main__":
    main()
