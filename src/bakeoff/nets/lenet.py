"""LeNet-5: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition"."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.nets.layers import flat_size, keras_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape


class Squash(nn.Module):
    """The paper's squashing function 1.7159 tanh(2x / 3) (appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return every value squashed."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsample(nn.Module):
    """A trainable sub-sampling map, S2 and S4: the mean of 2×2 pixels times one coefficient, plus one bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, H/2, W/2)."""
        return F.avg_pool2d(x, 2) * self.coefficient + self.bias


# Table I: the maps of S2 that each of the 16 maps of C3 sees.
TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)


class TableConv(nn.Module):
    """C3: a 5×5 convolution from 6 to 16 maps with the 60 connections of `TABLE` and no others."""

    connections: Tensor
    """The output and input maps of every kernel, (2, 60)."""

    def __init__(self) -> None:
        super().__init__()
        connections = [(output, channel) for output, channels in enumerate(TABLE) for channel in channels]
        fan_in = torch.tensor([25.0 * len(TABLE[output]) for output, _ in connections])
        self.register_buffer("connections", torch.tensor(connections).T, persistent=False)
        self.kernels = nn.Parameter(torch.empty(60, 5, 5).uniform_(-2.4, 2.4) / fan_in[:, None, None])
        self.bias = nn.Parameter(torch.empty(16).uniform_(-2.4 / 100, 2.4 / 100))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 6, H, W) → (N, 16, H - 4, W - 4)."""
        output, channel = self.connections
        weight = self.kernels.new_zeros(16, 6, 5, 5).index_put((output, channel), self.kernels)
        return F.conv2d(x, weight, self.bias)


class RadialBasis(nn.Module):
    """The output layer: minus the squared distance of F6 to each class's fixed code of 84 values, all +1 or -1."""

    codes: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.randint(2, (classes, 84)) * 2.0 - 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 84) → (N, K)."""
        return -(x[:, None] - self.codes).square().sum(2)


def lenet5(shape: ImageShape, classes: int) -> nn.Module:
    """Return LeNet-5 (§II.B): C1, S2, C3, S4, C5, F6 and radial basis functions; 60,000 trainable values.

    Images smaller than 32×32 are centred in a field of 32×32, as the paper does with 28×28 digits.
    Weights are drawn uniformly from ±2.4 / fan-in (appendix A).
    """
    width, height = max(32 - shape.width, 0), max(32 - shape.height, 0)
    surround = nn.ZeroPad2d((width // 2, width - width // 2, height // 2, height - height // 2))
    body = nn.Sequential(
        *([surround] if width or height else []),
        nn.Conv2d(shape.channels, 6, 5),
        *(Squash(), Subsample(6), Squash()),
        TableConv(),
        *(Squash(), Subsample(16), Squash()),
        nn.Conv2d(16, 120, 5),
        Squash(),
        nn.Flatten(),
    )
    head = nn.Sequential(nn.Linear(flat_size(body, shape), 84), Squash(), RadialBasis(classes))
    for layer in (*body, *head):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            limit = 2.4 / layer.weight[0].numel()
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -limit, limit)
    return nn.Sequential(*body, *head)


def lenet_afif(shape: ImageShape, classes: int) -> nn.Module:
    """Return LeNet-5 as built in Afif 2018 (§3.1.1, listing A.1): tanh, max-pooling, one dense layer of 256.

    Max-pooling comes before tanh here: tanh is increasing, so the result is the same at a quarter of the work.
    """
    body = nn.Sequential(
        nn.Conv2d(shape.channels, 6, 3),
        nn.MaxPool2d(2),
        nn.Tanh(),
        nn.Conv2d(6, 16, 2),
        nn.MaxPool2d(2),
        nn.Tanh(),
        nn.Flatten(),
    )
    head = nn.Sequential(nn.Linear(flat_size(body, shape), 256), nn.Tanh(), nn.Linear(256, classes))
    return keras_initial(nn.Sequential(*body, *head))


NETS = {
    "lenet5": Net(
        build=lenet5,
        family="lenet",
        year=1998,
        source="LeCun et al. 1998, §II.B, with its sub-sampling, connection table and radial basis functions. The "
        "codes of the classes are drawn at random, not 7×12 pictures of characters; the loss is the recipe's",
        smallest=1,
        parameters={("1x32x32", 10): "60000", ("1x28x28", 10): "60840/60000/840"},
    ),
    "lenet-afif": Net(
        build=lenet_afif,
        family="lenet",
        year=2018,
        source="Afif 2018, §3.1.1, as its layer table and notebooks build it (one max-pooling after the second "
        "convolution; its listing shows two)",
        smallest=8,
        parameters={("1x28x28", 10): "150742/150742/0", ("3x32x32", 10): "204098/204098/0"},
    ),
}
