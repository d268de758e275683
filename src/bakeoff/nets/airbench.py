"""A fast network for small images, of the kind that holds the CIFAR-10 speed record: Jordan 2024, "94% on CIFAR-10
in 3.29 seconds on a single GPU", §3 and listing 4.

Its recipe: batches of 1024, 10 epochs (9.9 in the paper), SGD with Nesterov momentum 0.85, learning rate 1.5 and
weight decay 1.33e-3, rising over the first 23 % of the steps and falling to a fourteenth, label smoothing 0.2, flip,
shift by 2 pixels, channel means and deviations taken out.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.nets.layers import flat_size
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape


def cosines(size: int) -> Tensor:
    """Return the orthonormal basis of the discrete cosine transform, (size, size), one vector per row."""
    waves = torch.arange(size, dtype=torch.float32)[:, None]
    points = torch.arange(size) + 0.5
    basis = torch.cos(math.pi / size * waves * points) * math.sqrt(2 / size)
    return torch.cat([basis[:1] / math.sqrt(2), basis[1:]])


class Patches(nn.Module):
    """(N, C, H, W) → (N, 4·C, H - 1, W - 1): every 2×2 patch in the cosine basis over channels, rows and columns."""

    filters: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        basis = torch.einsum("ac,bh,dw->abdchw", cosines(channels), cosines(2), cosines(2))
        self.register_buffer("filters", basis.reshape(4 * channels, channels, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Return the coefficients."""
        return F.conv2d(x, self.filters)


class BothSigns(nn.Module):
    """(N, C, H, W) → (N, 2·C, H, W): x and -x, plus a bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(2 * channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels, then their negatives."""
        return torch.cat([x, -x], 1) + self.bias


def whitening(channels: int) -> list[nn.Module]:
    """Return the first layer: 2×2 patches, whitened by removing the correlations of neighbouring pixels and of colours.

    The paper takes the eigenvectors of the training images' patches. Here, networks are built without data: the cosine
    basis, which is close to them for photographs, replaces the eigenvectors, and batch normalisation the division by
    the roots of the eigenvalues. As in the paper, the filters are fixed, and each is used with both signs.
    """
    return [Patches(channels), nn.BatchNorm2d(4 * channels, affine=False), BothSigns(4 * channels)]


class Norm(nn.BatchNorm2d):
    """Batch normalisation that only learns a shift, with a momentum of 0.6 for the running statistics.

    The shift is stored at an eighth of its size, so that it learns 64 times as fast as the weights at the recipe's
    learning rate: this is the paper's separate rate for biases.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12)
        self.register_parameter("weight", None)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, H, W)."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, None, 8 * self.bias, self.training, momentum=0.4, eps=self.eps
        )


def identity_conv(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 3×3 convolution whose first filters start as the identity."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight[:inputs])
    return layer


class Scale(nn.Module):
    """Multiply by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return factor·x."""
        return self.factor * x


def airbench(shape: ImageShape, classes: int) -> nn.Module:
    """Return airbench94's network: whitened 2×2 patches, then three blocks of 64, 256 and 256 channels."""
    layers: list[nn.Module] = [*whitening(shape.channels), nn.GELU()]
    inputs = 8 * shape.channels
    for outputs in (64, 256, 256):
        layers += [identity_conv(inputs, outputs), nn.MaxPool2d(2), Norm(outputs), nn.GELU()]
        layers += [identity_conv(outputs, outputs), Norm(outputs), nn.GELU()]
        inputs = outputs
    body = nn.Sequential(*layers, nn.MaxPool2d(3), nn.Flatten())
    return body.extend([nn.Linear(flat_size(body, shape), classes, bias=False), Scale(1 / 9)])


NETS = {
    "airbench": Net(
        airbench,
        "airbench",
        2024,
        "Jordan 2024, airbench94. Its whitening filters are a fixed cosine basis, normalised over the batch, in place "
        "of eigenvectors of the training images; the record's program also averages weights and flips test images",
        smallest=25,
    )
}
