"""Building blocks shared by several families: initialisers, normalised convolutions, residual blocks.

All initialisers draw from torch's global generator, which the caller seeds, and return their argument, so that a
builder can end with `return keras_initial(module)`.
"""

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.spec.data import ImageShape

Module = TypeVar("Module", bound=nn.Module)


def flat_size(body: nn.Module, shape: ImageShape) -> int:
    """Return the number of outputs of a new `body` for one image of `shape`, without computing them."""
    state = dict(body.named_parameters()) | dict(body.named_buffers())
    meta = {name: tensor.to("meta") for name, tensor in state.items()}
    images = torch.empty(1, shape.channels, shape.height, shape.width, device="meta")
    outputs = torch.func.functional_call(body.eval(), meta, images)
    body.train()
    return outputs.numel()


def keras_initial(module: Module) -> Module:
    """Initialise as Keras does by default: Glorot-uniform kernels (Glorot & Bengio 2010), zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            zero_bias(layer)
    return module


def keras_he_initial(module: Module) -> Module:
    """Initialise as Keras' `he_normal`: N(0, 2 / fan-in) truncated at two standard deviations, zero biases.

    The standard deviation before truncation is larger by 1 / 0.8796 to compensate for it.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            deviation = math.sqrt(2 / layer.weight[0].numel()) / 0.87962566103423978
            nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            zero_bias(layer)
    return module


def he_initial(module: Module) -> Module:
    """Initialise from N(0, 2 / fan-in) (He et al. 2015, "Delving deep into rectifiers"), zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            zero_bias(layer)
    return module


def torchvision_initial(module: Module, dense_deviation: float | None = None) -> Module:
    """Initialise as most of torchvision's networks: convolutions from N(0, 2 / fan-out), zero biases.

    Dense weights come from N(0, dense_deviation²), with zero biases; None keeps torch's initialisation.
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
    """Return a convolution without bias, padded to keep the size at stride 1, followed by batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return `conv_bn` followed by ReLU."""
    return conv_bn(inputs, outputs, kernel, stride, groups).append(nn.ReLU(inplace=True))


def bn_relu(channels: int) -> nn.Sequential:
    """Return the pre-activation: batch normalisation and ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def keras_bn(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation with Keras' defaults: momentum 0.99 (torch: 0.01), eps 1e-3."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SamePad(nn.Module):
    """Pad like Keras' "same": to ⌈size / stride⌉ windows, with the odd pixel at the right and the bottom.

    (N, C, H, W) → (N, C, H + p, W + q). torch's own padding is symmetric.
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


class RepeatChannels(nn.Module):
    """Repeat grey images over `channels` channels: (N, 1, H, W) → (N, channels, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the images, each channel the same."""
        return x.expand(-1, self.channels, -1, -1).contiguous(memory_format=torch.channels_last)


class GlobalAverage(nn.Module):
    """Average over all pixels: (N, C, H, W) → (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return one mean per image and channel."""
        return x.mean((2, 3))


class Residual(nn.Module):
    """activation(body(x) + shortcut(x)), with the identity as default for both."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()
        self.activation = activation or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum, computed in place: convolution and normalisation do not need their outputs for backward."""
        y = self.body(x)
        y += self.shortcut(x)
        return self.activation(y)


class PreResidual(nn.Module):
    """x + body(start(x)), or shortcut(start(x)) + body(start(x)) if the block changes size or channels.

    The pre-activation `start` is then shared by both branches (He et al. 2016; Zagoruyko & Komodakis 2016).
    """

    def __init__(self, start: nn.Module, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.start, self.body, self.shortcut = start, body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both branches."""
        start = self.start(x)
        y = self.body(start)
        y += x if self.shortcut is None else self.shortcut(start)
        return y
