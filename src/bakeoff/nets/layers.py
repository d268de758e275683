"""Pieces that several families share: initialisers, convolutions with their normalisation, residual blocks.

All initialisers draw from torch's global generator, which the caller seeds, and return the module they
were given, so that a builder can end with `return keras_initial(module)`.
"""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.spec.data import ImageShape

Module = TypeVar("Module", bound=nn.Module)


def flat_size(body: nn.Module, shape: ImageShape) -> int:
    """Return how many values a freshly built `body` leaves of one image of `shape`; nothing is computed."""
    state = dict(body.named_parameters()) | dict(body.named_buffers())
    meta = {name: tensor.to("meta") for name, tensor in state.items()}
    images = torch.empty(1, shape.channels, shape.height, shape.width, device="meta")
    outputs = torch.func.functional_call(body.eval(), meta, images)
    body.train()
    return outputs.numel()


def keras_initial(module: Module) -> Module:
    """Draw all weights as Keras does by default: Glorot-uniform kernels (Glorot & Bengio 2010), zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            zero_bias(layer)
    return module


def keras_he_initial(module: Module) -> Module:
    """Draw all weights as Keras' `he_normal` does: N(0, 2 / fan-in) cut off at two deviations, zero biases.

    The deviation before the cut is larger by 1 / 0.8796, which makes up for what the cut takes away.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            deviation = math.sqrt(2 / layer.weight[0].numel()) / 0.87962566103423978
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            zero_bias(layer)
    return module


def he_initial(module: Module) -> Module:
    """Draw all weights from N(0, 2 / fan-in) (He et al. 2015, "Delving deep into rectifiers"), zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            zero_bias(layer)
    return module


def torchvision_initial(module: Module, dense_deviation: float | None = None) -> Module:
    """Draw all weights as most of torchvision's networks do: convolutions from N(0, 2 / fan-out), zero biases.

    Dense weights come from N(0, dense_deviation²), with zero biases; None leaves torch's own draw.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            zero_bias(layer)
        elif isinstance(layer, nn.Linear) and dense_deviation is not None:
            nn.init.normal_(layer.weight, std=dense_deviation)
            zero_bias(layer)
    return module


def zero_bias(layer: nn.Conv2d | nn.Linear) -> None:
    """Set the bias of `layer` to zero, if it has one."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution without bias, padded to keep the size at stride 1, and its batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return `conv_bn` followed by ReLU."""
    return conv_bn(inputs, outputs, kernel, stride, groups).append(nn.ReLU(inplace=True))


def bn_relu(channels: int) -> nn.Sequential:
    """Return the pre-activation: batch normalisation and ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def keras_bn(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation with Keras' defaults: it keeps 0.99 of its running means, eps is 1e-3."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SamePad(nn.Module):
    """Pad as Keras' "same" does: to ⌈size / stride⌉ windows, the odd pixel at the right and the bottom.

    (N, C, H, W) → (N, C, H + p, W + q). torch's own padding puts as much left as right.
    """

    def __init__(self, kernel: int, stride: int, value: float = 0.0) -> None:
        super().__init__()
        self.kernel, self.stride, self.value = kernel, stride, value

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with a border of `value`."""
        height, width = (
            max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0) for size in x.shape[2:]
        )
        border = (width // 2, width - width // 2, height // 2, height - height // 2)
        return F.pad(x, border, value=self.value)


class GlobalAverage(nn.Module):
    """Average over all pixels: (N, C, H, W) → (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return one mean per image and channel."""
        return x.mean((2, 3))


class Residual(nn.Module):
    """activation(body(x) + shortcut(x)); without a shortcut x itself is added, without activation the sum stays."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum; it is made in place, which no convolution or normalisation minds of its output."""
        y = self.body(x)
        y += self.shortcut(x)
        return self.activation(y)


class PreResidual(nn.Module):
    """x + body(start(x)), or shortcut(start(x)) + body(start(x)) where the block changes size or channels.

    The pre-activation `start` belongs to both ways then (He et al. 2016; Zagoruyko & Komodakis 2016).
    """

    def __init__(self, start: nn.Module, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.start, self.body, self.shortcut = start, body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        start = self.start(x)
        y = self.body(start)
        y += x if self.shortcut is None else self.shortcut(start)
        return y
