"""Faster CPU versions of some torch layers; `move` puts them into a network.

Networks are written with torch's layers, and the training loop replaces the slow ones. Weights and their names stay the
same.
"""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

BITS = 16
"""Random bits per value of a dropout mask: rates are exact to 2^-17."""
FEW_CHANNELS = 16
"""With fewer channels, torch's max-pooling leaves vector lanes idle, since it vectorises over channels."""
LARGE_MATRIX = 2**14
"""With at least this many weights, oneDNN's faster product outweighs its longer setup."""


class Dropout(nn.Dropout):
    """Dropout that draws its mask four values at a time: eight times as fast as torch's on an AMD CPU.

    On CPUs not made by Intel, torch draws the mask value by value in one thread.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with a fraction p of its values set to zero and the others scaled by 1 / (1 - p)."""
        if not self.training or x.device.type != "cpu" or not 0 < self.p < 1:
            return super().forward(x)
        per_word = 64 // BITS
        words = torch.empty(-(-x.numel() // per_word), dtype=torch.int64).random_(-(2**63), None)
        bits = words.view(torch.int16)[: x.numel()]
        kept = bits.to(torch.float32).ge_(round(self.p * 2**BITS) - 2 ** (BITS - 1))  # bfloat16 would round the bits
        mask = kept.mul_(1 / (1 - self.p)).to(x.dtype)
        dense = x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)
        return x * (mask.as_strided(x.shape, x.stride()) if dense else mask.view(x.shape))


class MaxPool2d(nn.MaxPool2d):
    """Max-pooling over non-overlapping 2×2 windows, vectorised over the image if it has few channels."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the largest value of each window; (N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋)."""
        if x.device.type == "cpu" and x.dim() == 4 and x.shape[1] < FEW_CHANNELS:
            return PairwiseMaxima.apply(x)
        return super().forward(x)


class PairwiseMaxima(torch.autograd.Function):
    """Maxima of pairs of columns, then of pairs of rows; the first of equal values gets the gradient, as in torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋)."""
        even = trimmed(x)
        columns = torch.maximum(even[..., ::2], even[..., 1::2])
        ctx.save_for_backward(x, columns)
        return torch.maximum(columns[:, :, ::2], columns[:, :, 1::2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Route the gradient of each window to its largest value."""
        x, columns = ctx.saved_tensors
        by_column, by_pixel = torch.empty_like(columns), torch.empty_like(x)
        by_pixel[:, :, columns.shape[2] :] = 0
        by_pixel[..., 2 * columns.shape[3] :] = 0
        share(gradient, columns[:, :, ::2], columns[:, :, 1::2], by_column[:, :, ::2], by_column[:, :, 1::2])
        even, to = trimmed(x), trimmed(by_pixel)
        share(by_column, even[..., ::2], even[..., 1::2], to[..., ::2], to[..., 1::2])
        return by_pixel


def trimmed(x: Tensor) -> Tensor:
    """Return a view of the images without an odd last row and column."""
    return x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]


def share(gradient: Tensor, first: Tensor, second: Tensor, to_first: Tensor, to_second: Tensor) -> None:
    """Write the gradient to `to_first` where `first` ≥ `second`, and to `to_second` elsewhere."""
    torch.ge(first, second, out=to_first)
    to_first *= gradient
    torch.sub(gradient, to_first, out=to_second)


class Linear(nn.Linear):
    """A dense layer computed by oneDNN, as convolutions are: twice as fast as MKL on AMD CPUs with AVX-512.

    torch uses MKL for matrix products, which is limited to AVX2 on CPUs not made by Intel.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) → (N, outputs)."""
        if x.device.type != "cpu" or x.dim() != 2 or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        return OneDnnLinear.apply(x, self.weight, self.bias)


class OneDnnLinear(torch.autograd.Function):
    """x·Wᵀ + b and its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, inputs), (outputs, inputs), (outputs,) → (N, outputs)."""
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the required gradients."""
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            product(gradient, weight.t()) if for_x else None,
            product(gradient.t(), x.t()) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x·Wᵀ + b computed by oneDNN, with the operation that torch's compiler uses."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@cache
def onednn_is_faster() -> bool:
    """Return whether this is an AMD CPU with AVX-512 and torch has oneDNN."""
    with_vectors = torch.backends.cpu.get_cpu_capability() == "AVX512"
    processor = Path("/proc/cpuinfo")
    of_amd = processor.exists() and "AuthenticAMD" in processor.read_text()
    return with_vectors and of_amd and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def to_device(net: nn.Module, device: str) -> nn.Module:
    """Return the network on the device in its fastest form: faster layers, and channels-last weights."""
    return speed_up(net).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def speed_up(net: nn.Module) -> nn.Module:
    """Replace layers of `net` by faster versions, in place, and return it."""
    for module in net.modules():
        for name, layer in module.named_children():
            if type(layer) is nn.Dropout:
                setattr(module, name, Dropout(layer.p).train(layer.training))
            elif type(layer) is nn.MaxPool2d and pools_pairs(layer):
                setattr(module, name, MaxPool2d(2).train(layer.training))
            elif type(layer) is nn.Linear and layer.weight.numel() >= LARGE_MATRIX and onednn_is_faster():
                layer.__class__ = Linear  # keeps the object, to which others may have references
    return net


def without_speed_ups(net: nn.Module) -> nn.Module:
    """Return a copy of `net` with torch's own layers, which other programs know."""
    copy = deepcopy(net)
    for module in copy.modules():
        for name, layer in module.named_children():
            if type(layer) is Dropout:
                setattr(module, name, nn.Dropout(layer.p).train(layer.training))
            elif type(layer) is MaxPool2d:
                setattr(module, name, nn.MaxPool2d(2).train(layer.training))
            elif type(layer) is Linear:
                layer.__class__ = nn.Linear  # type: ignore[assignment]
    return copy.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def pools_pairs(layer: nn.MaxPool2d) -> bool:
    """Return whether the windows are 2×2, adjacent and inside the image."""
    window = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    return window in ((2, 2, 0, 1), ((2, 2), (2, 2), 0, 1)) and not (layer.ceil_mode or layer.return_indices)
