"""Network in Network: Lin, Chen & Yan 2014, as Clark 2020 (§3.3) builds it."""

from torch import nn

from bakeoff.nets.layers import GlobalAverage, keras_initial
from bakeoff.nets.net import Build, Net
from bakeoff.spec.data import ImageShape


def mlpconv(inputs: int, kernel: int, width: int, outputs: int) -> list[nn.Module]:
    """Return a kernel×kernel and two 1×1 convolutions, with ReLU between them and none at the end."""
    return [
        *(nn.Conv2d(inputs, width, kernel, padding=kernel // 2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(width, width, 1), nn.ReLU(inplace=True)),
        nn.Conv2d(width, outputs, 1),
    ]


def nin(dropout: float) -> Build:
    """Return the builder of three mlpconv layers, the first two max-pooled and dropped out, and a global mean.

    Max-pooling comes before ReLU: the result is the same at a quarter of the work.
    """

    def build(shape: ImageShape, classes: int) -> nn.Module:
        def between() -> list[nn.Module]:
            return [nn.MaxPool2d(2), nn.ReLU(inplace=True), nn.Dropout(dropout)]

        network = nn.Sequential(
            *(*mlpconv(shape.channels, 5, 64, 64), *between()),
            *(*mlpconv(64, 3, 128, 128), *between()),
            *(*mlpconv(128, 3, 192, classes), nn.ReLU(inplace=True), GlobalAverage()),
        )
        return keras_initial(network)

    return build


SOURCE = (
    'Clark 2020, §3.3, dropout {}. Not said there: padding, taken to be "same"; ReLU after the last convolution, '
    "as in Lin et al. 2014"
)
NETS = {
    "nin": Net(nin(0.5), "nin", 2020, SOURCE.format("0.5 as in its sketch"), smallest=4),
    "nin-dropout70": Net(nin(0.7), "nin", 2020, SOURCE.format("0.7 as in its CIFAR-10 runs"), smallest=4),
}
