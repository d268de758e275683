"""DenseNet: Huang, Liu, van der Maaten & Weinberger 2017, "Densely connected convolutional networks", §4."""

import torch
from torch import Tensor, nn

from bakeoff.nets.layers import GlobalAverage, bn_relu, he_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape


class Dense(nn.Module):
    """One layer of DenseNet-BC: appends `growth` new channels to its inputs."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(*bn_relu(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)),
            *(*bn_relu(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) → (N, inputs + growth, H, W)."""
        return torch.cat([x, self.body(x)], 1)


def densenet_bc(shape: ImageShape, classes: int, depth: int = 100, growth: int = 12) -> nn.Module:
    """Return DenseNet-BC: three dense blocks, the channels halved between them, no dropout.

    The mean over 2×2 pixels comes before the 1×1 convolution of a transition: both are linear, so the order does not
    matter, and this one is a quarter of the work.
    """
    channels = 2 * growth
    layers: list[nn.Module] = [nn.Conv2d(shape.channels, channels, 3, padding=1, bias=False)]
    for index in range(3):
        for _ in range((depth - 4) // 6):
            layers.append(Dense(channels, growth))
            channels += growth
        layers += bn_relu(channels)
        if index < 2:
            layers += [nn.AvgPool2d(2), nn.Conv2d(channels, channels // 2, 1, bias=False)]
            channels //= 2
    return he_initial(nn.Sequential(*layers, GlobalAverage(), nn.Linear(channels, classes)))


NETS = {
    "densenet-bc-100-12": Net(
        densenet_bc,
        "densenet",
        2017,
        "Huang et al. 2017, §4.2 and table 2, DenseNet-BC with 100 layers and growth 12",
        smallest=4,
        parameters={("3x32x32", 10): "769162"},
    )
}
