"""Pieces that several families share: initialisers, the size of a flattened map, the common conv-BN-ReLU.

All initialisers draw from torch's global generator, which the caller seeds, and return the module they
were given, so that a `build` can end with `return keras_initial(module)`.
"""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from bakeoff.spec import ImageShape

Module = TypeVar("Module", bound=nn.Module)


def flat_size(body: nn.Module, shape: ImageShape) -> int:
    """Return how many values `body` leaves of one image of `shape`, by running it without any arithmetic."""
    meta = {name: tensor.to("meta") for name, tensor in (body.state_dict() | dict(body.named_buffers())).items()}
    images = torch.empty(2, shape.channels, shape.height, shape.width, device="meta")
    return math.prod(torch.func.functional_call(body, meta, images).shape[1:])


def keras_initial(module: Module) -> Module:
    """Draw all weights as Keras does by default: Glorot-uniform kernels (Glorot & Bengio 2010), zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            zero_bias(layer)
    return module


def he_initial(module: Module) -> Module:
    """Draw all weights from N(0, 2 / fan-in) (He et al. 2015, "Delving deep into rectifiers"), biases zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            zero_bias(layer)
    return module


def zero_bias(layer: nn.Conv2d | nn.Linear) -> None:
    """Set the bias of `layer` to zero, if it has one."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias, padded to keep the size at stride 1, and its batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class GlobalAverage(nn.Module):
    """Average over all pixels: (N, C, H, W) → (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return one mean per image and channel."""
        return x.mean((2, 3))
