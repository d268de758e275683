"""GoogLeNet: Szegedy et al. 2015, "Going deeper with convolutions", table 1, with batch normalisation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.nets.layers import GlobalAverage
from bakeoff.nets.net import Build, Net
from bakeoff.spec.data import ImageShape


def basic_conv(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
) -> nn.Sequential:
    """Return a convolution without bias, batch normalisation and ReLU, with torchvision's eps for these networks."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
        nn.ReLU(inplace=True),
    )


class Branches(nn.Module):
    """The outputs of several branches, joined along the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, sum of the branches' channels, H', W')."""
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception(inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pooled: int) -> Branches:
    """Return an inception module (figure 2b).

    The convolution that the paper calls 5×5 is 3×3, as in torchvision, whose weights were trained like this.
    """
    return Branches(
        basic_conv(inputs, one, 1),
        nn.Sequential(basic_conv(inputs, reduce3, 1), basic_conv(reduce3, three, 3, padding=1)),
        nn.Sequential(basic_conv(inputs, reduce5, 1), basic_conv(reduce5, five, 3, padding=1)),
        nn.Sequential(nn.MaxPool2d(3, 1, padding=1), basic_conv(inputs, pooled, 1)),
    )


class Auxiliary(nn.Module):
    """An auxiliary classifier on an intermediate map: (N, C, H, W) → (N, K)."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.conv = basic_conv(inputs, 128, 1)
        self.dense = nn.Sequential(
            nn.Linear(2048, 1024), nn.ReLU(inplace=True), nn.Dropout(0.7), nn.Linear(1024, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits from the map averaged to 4×4 pixels."""
        return self.dense(self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1))


class GoogLeNet(nn.Module):
    """(N, C, H, W) → (N, K); in training mode, a tuple of these and the logits of the two auxiliary classifiers."""

    def __init__(self, stem: nn.Module, classes: int) -> None:
        super().__init__()
        # torchvision gives the stem's first max-pooling and all others `ceil_mode`; the last is 2×2.
        self.stem = nn.Sequential(
            stem,
            nn.MaxPool2d(3, 2, ceil_mode=True),
            basic_conv(64, 64, 1),
            basic_conv(64, 192, 3, padding=1),
            nn.MaxPool2d(3, 2, ceil_mode=True),
        )
        self.to_4a = nn.Sequential(
            inception(192, 64, 96, 128, 16, 32, 32),
            inception(256, 128, 128, 192, 32, 96, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            inception(480, 192, 96, 208, 16, 48, 64),
        )
        self.to_4d = nn.Sequential(
            inception(512, 160, 112, 224, 24, 64, 64),
            inception(512, 128, 128, 256, 24, 64, 64),
            inception(512, 112, 144, 288, 32, 64, 64),
        )
        self.to_end = nn.Sequential(
            inception(528, 256, 160, 320, 32, 128, 128),
            nn.MaxPool2d(2, 2, ceil_mode=True),
            inception(832, 256, 160, 320, 32, 128, 128),
            inception(832, 384, 192, 384, 48, 128, 128),
            *(GlobalAverage(), nn.Dropout(0.2), nn.Linear(1024, classes)),
        )
        self.auxiliary1 = Auxiliary(512, classes)
        self.auxiliary2 = Auxiliary(528, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                # torchvision truncates the normal distribution at ±2, which is 200 deviations: not at all.
                nn.init.normal_(layer.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Return the logits, in training mode (logits, first auxiliary logits, second auxiliary logits)."""
        after_4a = self.to_4a(self.stem(x))
        after_4d = self.to_4d(after_4a)
        logits = self.to_end(after_4d)
        if self.training:
            return logits, self.auxiliary1(after_4a), self.auxiliary2(after_4d)
        return logits


CHANGES = {"stem": "three 3×3 convolutions in place of the 7×7"}


def googlenet(changes: frozenset[str] = frozenset()) -> Build:
    """Return the builder of GoogLeNet as torchvision has it, with any of Skoularikis' `CHANGES` (§4)."""

    def build(shape: ImageShape, classes: int) -> nn.Module:
        if "stem" not in changes:
            return GoogLeNet(basic_conv(shape.channels, 64, 7, 2, padding=3), classes)
        deep = (
            basic_conv(shape.channels, 32, 3, 2, padding=1),
            basic_conv(32, 32, 3, padding=1),
            basic_conv(32, 64, 3, padding=1),
        )
        return GoogLeNet(nn.Sequential(*deep), classes)

    return build


NETS = {
    "googlenet": Net(
        googlenet(),
        "inception",
        2014,
        "Szegedy et al. 2015, table 1, as torchvision builds it: batch normalisation, 3×3 for 5×5 convolutions, two "
        "auxiliary classifiers",
        smallest=15,
        parameters={("3x224x224", 1000): "13004888"},
        changes=CHANGES,
        changed=googlenet,
    ),
    "googlenet-improved": Net(
        googlenet(frozenset(CHANGES)),
        "inception",
        2021,
        "Skoularikis 2021, §4: three 3×3 convolutions for the 7×7 (32, 32, 64 channels, which it does not say)",
        smallest=15,
        improves="googlenet",
    ),
}
