"""Residual networks for small images: He, Zhang, Ren & Sun 2015, "Deep residual learning", §4.2, and 2016."""

from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.nets.layers import GlobalAverage, PreResidual, Residual, bn_relu, conv_bn, conv_bn_relu, he_initial
from bakeoff.nets.net import Build, Net, check_depth
from bakeoff.spec.data import ImageShape


class ZeroPadShortcut(nn.Module):
    """Option A, without parameters: every `stride`-th pixel, the new channels zero.

    (N, C, H, W) → (N, outputs, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.new_channels = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the pixels kept, with the new channels after the old ones."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return option B: a 1×1 convolution with batch normalisation."""
    return conv_bn(inputs, outputs, 1, stride)


def cifar_resnet(depth: int, shortcut: Callable[[int, int, int], nn.Module] = ZeroPadShortcut) -> Build:
    """Return the builder of a network of `depth` = 6n+2 layers: n blocks each of 16, 32 and 64 channels."""

    def block(inputs: int, outputs: int) -> nn.Module:
        stride = outputs // inputs
        return Residual(
            nn.Sequential(*conv_bn_relu(inputs, outputs, 3, stride), *conv_bn(outputs, outputs, 3)),
            shortcut(inputs, outputs, stride) if stride > 1 else None,
            nn.ReLU(inplace=True),
        )

    def build(shape: ImageShape, classes: int) -> nn.Module:
        channels = [16, *stages((16, 32, 64), (depth - 2) // 6)]
        blocks = (block(inputs, outputs) for inputs, outputs in pairwise(channels))
        stem = conv_bn_relu(shape.channels, 16, 3)
        return he_initial(nn.Sequential(*stem, *blocks, GlobalAverage(), nn.Linear(64, classes)))

    return build


def stages(widths: tuple[int, ...], blocks: int) -> list[int]:
    """Return each width `blocks` times."""
    return [width for width in widths for _ in range(blocks)]


def preactivation_block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return the full pre-activation block of two 3×3 convolutions (He et al. 2016, figure 4e)."""
    body = nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        *bn_relu(outputs),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
    )
    shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None
    return PreResidual(bn_relu(inputs), body, shortcut)


def preactivation_bottleneck(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return the pre-activation block of 1×1, 3×3 and 1×1 convolutions; the inner ones have outputs / 4 channels."""
    width = outputs // 4
    body = nn.Sequential(
        nn.Conv2d(inputs, width, 1, bias=False),
        *bn_relu(width),
        nn.Conv2d(width, width, 3, stride, padding=1, bias=False),
        *bn_relu(width),
        nn.Conv2d(width, outputs, 1, bias=False),
    )
    shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None
    return PreResidual(bn_relu(inputs), body, shortcut)


def preresnet(block: Callable[[int, int, int], nn.Module], widths: tuple[int, int, int], blocks: int) -> Build:
    """Return the builder of a pre-activation network with `blocks` blocks of each of `widths` channels."""

    def build(shape: ImageShape, classes: int) -> nn.Module:
        channels = [16, *stages(widths, blocks)]
        body = [
            block(inputs, outputs, 1 if index < blocks or inputs == outputs else 2)
            for index, (inputs, outputs) in enumerate(pairwise(channels))
        ]
        stem = nn.Conv2d(shape.channels, 16, 3, padding=1, bias=False)
        head = (*bn_relu(channels[-1]), GlobalAverage(), nn.Linear(channels[-1], classes))
        return he_initial(nn.Sequential(stem, *body, *head))

    return build


CIFAR = ("3x32x32", 10)
FAMILY = "resnet-cifar"
PRINTED = {20: "269722", 32: "0.46M", 44: "0.66M", 56: "0.85M", 110: "1.7M"}


def option_a(depth: int) -> Net:
    """Return the entry of `resnet{depth}`."""
    check_depth(f"resnet{depth}", depth, step=6, rest=2)
    source = "He et al. 2015, §4.2: shortcuts without parameters (option A)"
    counts = {CIFAR: PRINTED[depth]} if depth in PRINTED else {}
    return Net(cifar_resnet(depth), FAMILY, 2015, source, smallest=1, parameters=counts)


def option_b(depth: int) -> Net:
    """Return the entry of `resnet{depth}-b`."""
    check_depth(f"resnet{depth}-b", depth, step=6, rest=2)
    source = "He et al. 2015, §4.2, with 1×1 convolutions where a shortcut changes size (option B of §4.1)"
    counts = {CIFAR: "272474"} if depth == 20 else {}
    return Net(cifar_resnet(depth, projection), FAMILY, 2015, source, smallest=1, parameters=counts)


PATTERNS = {r"resnet([1-9]\d*)": option_a, r"resnet([1-9]\d*)-b": option_b}
PRE_SOURCE = 'He et al. 2016, "Identity mappings in deep residual networks", figure 4e; {} blocks'
NETS = (
    {f"resnet{depth}": option_a(depth) for depth in PRINTED}
    | {"resnet20-b": option_b(20)}
    | {
        f"preresnet{depth}": Net(
            preresnet(preactivation_block, (16, 32, 64), (depth - 2) // 6),
            FAMILY,
            2016,
            PRE_SOURCE.format("two-layer"),
            smallest=1,
            parameters={CIFAR: "1.7M"} if depth == 110 else {},
        )
        for depth in (20, 56, 110)
    }
    | {
        "preresnet164": Net(
            preresnet(preactivation_bottleneck, (64, 128, 256), blocks=18),
            FAMILY,
            2016,
            PRE_SOURCE.format("bottleneck"),
            smallest=1,
            parameters={CIFAR: "1.7M"},
        )
    }
)
