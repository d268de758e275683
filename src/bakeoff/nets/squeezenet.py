"""SqueezeNet: Iandola et al. 2016, "AlexNet-level accuracy with 50x fewer parameters", and a study's variant of it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bakeoff.nets.layers import GlobalAverage, flat_size, keras_initial, zero_bias
from bakeoff.nets.net import Build, Net
from bakeoff.spec.data import ImageShape

CHANNELS, HEIGHT = 1, 2
"""The axes of (N, C, H, W) along which a fire module may join its two branches."""


class Fire(nn.Module):
    """A 1×1 convolution to `squeeze` channels, then 1×1 and 3×3 convolutions to `expand` channels each, joined."""

    def __init__(self, inputs: int, squeeze: int, expand: int, axis: int = CHANNELS) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(inputs, squeeze, 1), nn.ReLU(inplace=True))
        self.expand1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.activation = nn.ReLU(inplace=True)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, 2·expand, H, W) or, joined along the height, (N, expand, 2·H, W)."""
        x = self.squeeze(x)
        return self.activation(torch.cat([self.expand1(x), self.expand3(x)], self.axis))


def fires(inputs: int, plan: str, axis: int, pool: Callable[[], nn.Module]) -> tuple[list[nn.Module], int]:
    """Return the fire modules of `plan` ("squeeze/expand", M for a max-pooling) and their output channels."""
    layers: list[nn.Module] = []
    for token in plan.split():
        if token == "M":
            layers.append(pool())
        else:
            squeeze, expand = (int(part) for part in token.split("/"))
            layers.append(Fire(inputs, squeeze, expand, axis))
            inputs = 2 * expand if axis == CHANNELS else expand
    return layers, inputs


def afif(axis: int) -> Build:
    """Return the builder of Afif 2018's network (listing A.4), joining along `axis`.

    After the fire modules comes a 13×13 mean around every pixel and a dense layer on all of them.
    """

    def build(shape: ImageShape, classes: int) -> nn.Module:
        plan = "16/64 16/64 32/128 M 32/128 48/192 48/192 64/256 M 64/256"
        modules, channels = fires(96, plan, axis, lambda: nn.MaxPool2d(2))
        body = nn.Sequential(
            # Max-pooling before ReLU: the same result at a quarter of the work.
            *(nn.Conv2d(shape.channels, 96, 3, stride=2), nn.MaxPool2d(2), nn.ReLU(inplace=True)),
            *modules,
            nn.Dropout(),
            nn.Conv2d(channels, classes, 1),
            nn.AvgPool2d(13, stride=1, padding=6, count_include_pad=False),
            nn.Flatten(),
        )
        return keras_initial(nn.Sequential(*body, nn.Linear(flat_size(body, shape), classes)))

    return build


def squeezenet(filters: int, kernel: int, plan: str) -> Build:
    """Return the builder of a version as torchvision has it: first `filters` convolutions of `kernel` at stride 2."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    def build(shape: ImageShape, classes: int) -> nn.Module:
        modules, channels = fires(filters, plan, CHANNELS, pool)
        last = nn.Conv2d(channels, classes, 1)
        network = nn.Sequential(
            # Max-pooling before ReLU, as above.
            *(nn.Conv2d(shape.channels, filters, kernel, stride=2), pool(), nn.ReLU(inplace=True)),
            *modules,
            *(nn.Dropout(), last, nn.ReLU(inplace=True), GlobalAverage()),
        )
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight)
                zero_bias(layer)
        nn.init.normal_(last.weight, std=0.01)
        return network

    return build


NETS = {
    "squeezenet-afif": Net(
        afif(HEIGHT),
        "squeezenet",
        2018,
        "Afif 2018, §3.1.1 and listing A.4, as published: its fire modules join their branches along the height",
        smallest=17,
        parameters={("1x28x28", 10): "711956/711956/0", ("3x32x32", 10): "720084/720084/0"},
    ),
    "squeezenet": Net(
        afif(CHANNELS),
        "squeezenet",
        2018,
        "Afif 2018, listing A.4, its fire modules joining their branches along the channels, as Iandola et al. do",
        smallest=17,
    ),
    "squeezenet-1.0": Net(
        squeezenet(96, 7, "16/64 16/64 32/128 M 32/128 48/192 48/192 64/256 M 64/256"),
        "squeezenet",
        2016,
        "Iandola et al. 2016, table 1, as torchvision builds it",
        smallest=21,
        parameters={("3x224x224", 1000): "1248424"},
    ),
    "squeezenet-1.1": Net(
        squeezenet(64, 3, "16/64 16/64 M 32/128 32/128 M 48/192 48/192 64/256 64/256"),
        "squeezenet",
        2016,
        "Iandola et al., release 1.1 of their repository, as torchvision builds it: 2.4 times less work than 1.0",
        smallest=17,
        parameters={("3x224x224", 1000): "1235496"},
    ),
}
