"""Small baselines: a linear model on pixels, and Clark 2020, CONV and DROP."""

from torch import nn

from bakeoff.nets.layers import flat_size, keras_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape


def linear(shape: ImageShape, classes: int) -> nn.Module:
    """Return one dense layer on all pixels: multinomial logistic regression."""
    pixels = shape.channels * shape.height * shape.width
    return keras_initial(nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes)))


def conv(shape: ImageShape, classes: int, dropout: float = 0.0) -> nn.Module:
    """Return three valid 3×3 convolutions, two of them max-pooled, and two dense layers.

    Max-pooling comes before ReLU: the result is the same at a quarter of the work.
    """
    body = nn.Sequential(
        nn.Conv2d(shape.channels, 32, 3),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 3),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(inplace=True),
        nn.Flatten(),
    )
    head = [nn.Linear(flat_size(body, shape), 64), nn.ReLU(inplace=True)]
    if dropout:
        head.append(nn.Dropout(dropout))
    return keras_initial(nn.Sequential(*body, *head, nn.Linear(64, classes)))


def drop(shape: ImageShape, classes: int) -> nn.Module:
    """Return CONV with half of the inputs of its last layer dropped in training."""
    return conv(shape, classes, dropout=0.5)


COUNTS = {("1x28x28", 10): "93322/93322/0"}
NETS = {
    "linear": Net(
        linear,
        "baseline",
        1958,
        "Cox 1958, multinomial logistic regression on the pixels",
        smallest=1,
        parameters={("1x28x28", 10): "7850/7850/0"},
    ),
    "conv": Net(conv, "baseline", 2020, "Clark 2020, CONV", smallest=18, parameters=COUNTS),
    "drop": Net(drop, "baseline", 2020, "Clark 2020, DROP", smallest=18, parameters=COUNTS),
}
