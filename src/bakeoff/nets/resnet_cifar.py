"""Residual networks for small images: He, Zhang, Ren & Sun 2015, "Deep residual learning", §4.2."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.nets.layers import GlobalAverage, conv_bn, he_initial
from bakeoff.nets.net import Net
from bakeoff.spec import ImageShape


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut without parameters (option A).

    (N, C, H, W) → (N, outputs, ⌈H/stride⌉, ⌈W/stride⌉). Where the number of channels grows, the shortcut
    takes every second pixel and fills the new channels with zeros.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = conv_bn(inputs, outputs, 3, stride)
        self.second = conv_bn(outputs, outputs, 3)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(shortcut + residual)."""
        y = self.second(F.relu(self.first(x), inplace=True))
        if y.shape[1] != x.shape[1]:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return F.relu(y + x, inplace=True)


def resnet(depth: int) -> Callable[[ImageShape, int], nn.Module]:
    """Return the builder of a network of `depth` = 6n+2 layers: n blocks each of 16, 32 and 64 channels."""

    def build(shape: ImageShape, classes: int) -> nn.Module:
        blocks: list[nn.Module] = []
        channels = 16
        for outputs in (16, 32, 64):
            for _ in range((depth - 2) // 6):
                blocks.append(Block(channels, outputs, stride=outputs // channels))
                channels = outputs
        stem = nn.Sequential(*conv_bn(shape.channels, 16, 3), nn.ReLU(inplace=True))
        return he_initial(nn.Sequential(*stem, *blocks, GlobalAverage(), nn.Linear(64, classes)))

    return build


SOURCE = "He et al. 2015, §4.2: zero-padded identity shortcuts (option A)"
PRINTED = {20: "269722", 32: "0.46M", 44: "0.66M", 56: "0.85M", 110: "1.7M"}
NETS = {
    f"resnet{depth}": Net(
        resnet(depth), "resnet-cifar", 2015, SOURCE, smallest=1, parameters={("3x32x32", 10): printed}
    )
    for depth, printed in PRINTED.items()
}
