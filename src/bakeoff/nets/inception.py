"""Inception-v3: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, "Rethinking the Inception architecture", table 1."""

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.nets.googlenet import Branches, basic_conv
from bakeoff.nets.layers import GlobalAverage
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape


def pooled(inputs: int, outputs: int) -> nn.Sequential:
    """Return the branch of 3×3 means and a 1×1 convolution."""
    return nn.Sequential(nn.AvgPool2d(3, 1, padding=1), basic_conv(inputs, outputs, 1))


def rows(inputs: int, outputs: int, length: int) -> nn.Sequential:
    """Return a convolution along the rows, 1×length."""
    return basic_conv(inputs, outputs, (1, length), padding=(0, length // 2))


def columns(inputs: int, outputs: int, length: int) -> nn.Sequential:
    """Return a convolution along the columns, length×1."""
    return basic_conv(inputs, outputs, (length, 1), padding=(length // 2, 0))


def figure5(inputs: int, pool: int) -> Branches:
    """Return the module of figure 5: 5×5 convolutions as two of 3×3."""
    return Branches(
        basic_conv(inputs, 64, 1),
        nn.Sequential(basic_conv(inputs, 48, 1), basic_conv(48, 64, 5, padding=2)),
        nn.Sequential(basic_conv(inputs, 64, 1), basic_conv(64, 96, 3, padding=1), basic_conv(96, 96, 3, padding=1)),
        pooled(inputs, pool),
    )


def figure6(width: int) -> Branches:
    """Return the module of figure 6: 7×7 convolutions as rows and columns of 7."""
    return Branches(
        basic_conv(768, 192, 1),
        nn.Sequential(basic_conv(768, width, 1), rows(width, width, 7), columns(width, 192, 7)),
        nn.Sequential(
            *(basic_conv(768, width, 1), columns(width, width, 7), rows(width, width, 7)),
            *(columns(width, width, 7), rows(width, 192, 7)),
        ),
        pooled(768, 192),
    )


def figure7(inputs: int) -> Branches:
    """Return the module of figure 7: rows and columns of 3 side by side."""
    return Branches(
        basic_conv(inputs, 320, 1),
        nn.Sequential(basic_conv(inputs, 384, 1), Branches(rows(384, 384, 3), columns(384, 384, 3))),
        nn.Sequential(
            *(basic_conv(inputs, 448, 1), basic_conv(448, 384, 3, padding=1)),
            Branches(rows(384, 384, 3), columns(384, 384, 3)),
        ),
        pooled(inputs, 192),
    )


class InceptionAuxiliary(nn.Module):
    """The auxiliary classifier on the 17×17 map: (N, 768, H, W) → (N, K)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = basic_conv(768, 128, 1)
        self.conv2 = basic_conv(128, 768, 5)
        self.dense = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits; maps under 17 pixels, too small for the 5×5 convolution, are averaged to 5×5."""
        large = min(x.shape[2:]) >= 17
        x = F.avg_pool2d(x, 5, 3) if large else F.adaptive_avg_pool2d(x, 5)
        return self.dense(self.conv2(self.conv1(x)).mean((2, 3)))


class InceptionV3(nn.Module):
    """(N, C, H, W) → (N, K); in training mode, a tuple of these and the auxiliary logits. Made for 299×299."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        grid35 = Branches(
            basic_conv(288, 384, 3, 2),
            nn.Sequential(basic_conv(288, 64, 1), basic_conv(64, 96, 3, padding=1), basic_conv(96, 96, 3, 2)),
            nn.MaxPool2d(3, 2),
        )
        grid17 = Branches(
            nn.Sequential(basic_conv(768, 192, 1), basic_conv(192, 320, 3, 2)),
            nn.Sequential(basic_conv(768, 192, 1), rows(192, 192, 7), columns(192, 192, 7), basic_conv(192, 192, 3, 2)),
            nn.MaxPool2d(3, 2),
        )
        self.to_17 = nn.Sequential(
            *(
                basic_conv(channels, 32, 3, 2),
                basic_conv(32, 32, 3),
                basic_conv(32, 64, 3, padding=1),
                nn.MaxPool2d(3, 2),
            ),
            *(basic_conv(64, 80, 1), basic_conv(80, 192, 3), nn.MaxPool2d(3, 2)),
            *(figure5(192, 32), figure5(256, 64), figure5(288, 64), grid35),
            *(figure6(128), figure6(160), figure6(160), figure6(192)),
        )
        self.to_end = nn.Sequential(
            *(grid17, figure7(1280), figure7(2048)),
            *(GlobalAverage(), nn.Dropout(), nn.Linear(2048, classes)),
        )
        self.auxiliary = InceptionAuxiliary(classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                # torchvision truncates the normal distribution at ±2, which is 20 deviations: not at all.
                nn.init.normal_(layer.weight, std=0.1)
        nn.init.normal_(self.auxiliary.conv2.get_parameter("0.weight"), std=0.01)
        nn.init.normal_(self.auxiliary.dense.weight, std=0.001)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the logits, in training mode (logits, auxiliary logits)."""
        grid = self.to_17(x)
        logits = self.to_end(grid)
        return (logits, self.auxiliary(grid)) if self.training else logits


def inception_v3(shape: ImageShape, classes: int) -> nn.Module:
    """Return Inception-v3 as torchvision builds it, without the change of its inputs for Google's weights."""
    return InceptionV3(shape.channels, classes)


NETS = {
    "inception-v3": Net(
        inception_v3,
        "inception",
        2016,
        "Szegedy et al. 2016, table 1, as torchvision builds it; below 299×299 pixels the auxiliary classifier "
        "averages its map to 5×5",
        smallest=75,
        parameters={("3x299x299", 1000): "27161264"},
    )
}
