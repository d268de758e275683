"""The CIFAR-10 ResNets of the Keras examples (`cifar10_resnet.py`), as Afif 2018 and Clark 2020 use them.

They follow He et al. 2015, §4.2 (v1) and He et al. 2016 (v2), with biases in all convolutions, projection
shortcuts without normalisation, and an average over 8×8 pixels at the end. Their L2 penalty belongs to the recipe.
"""

from torch import nn

from bakeoff.nets.layers import Residual, SamePad, flat_size, keras_bn, keras_he_initial
from bakeoff.nets.net import Build, Net, check_depth
from bakeoff.spec.data import ImageShape


def keras_conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Return a convolution with Keras' "same" padding and a bias."""
    if stride == 1:
        return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)]
    pad = [SamePad(kernel, stride)] if kernel > stride else []
    return [*pad, nn.Conv2d(inputs, outputs, kernel, stride)]


def keras_bn_relu(channels: int) -> list[nn.Module]:
    """Return batch normalisation with Keras' constants, and ReLU."""
    return [keras_bn(channels), nn.ReLU(inplace=True)]


def stem(shape: ImageShape) -> list[nn.Module]:
    """Return the first convolution, to 16 channels.

    Images too small for the last 8×8 average get two zero pixels on every side and a convolution without
    normalisation or ReLU: Afif's first block for 28×28 pixels.
    """
    if min(shape.height, shape.width) < 29:
        return [nn.ZeroPad2d(2), *keras_conv(shape.channels, 16, 3)]
    return [*keras_conv(shape.channels, 16, 3), *keras_bn_relu(16)]


def with_head(layers: list[nn.Module], channels: int, shape: ImageShape, classes: int) -> nn.Module:
    """Return `layers` followed by the 8×8 average and the dense layer, all weights he_normal."""
    body = nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten())
    return keras_he_initial(body.append(nn.Linear(flat_size(body, shape), classes)))


def v1(depth: int) -> Build:
    """Return the builder of version 1 of `depth` = 6n+2 layers: n two-layer blocks each of 16, 32, 64 channels."""

    def block(inputs: int, outputs: int) -> nn.Module:
        stride = outputs // inputs
        body = nn.Sequential(
            *keras_conv(inputs, outputs, 3, stride),
            *keras_bn_relu(outputs),
            *keras_conv(outputs, outputs, 3),
            keras_bn(outputs),
        )
        shortcut = nn.Sequential(*keras_conv(inputs, outputs, 1, stride)) if stride > 1 else None
        return Residual(body, shortcut, nn.ReLU(inplace=True))

    def build(shape: ImageShape, classes: int) -> nn.Module:
        layers, inputs = stem(shape), 16
        for outputs in (16, 32, 64):
            for _ in range((depth - 2) // 6):
                layers.append(block(inputs, outputs))
                inputs = outputs
        return with_head(layers, 64, shape, classes)

    return build


def v2(depth: int) -> Build:
    """Return the builder of version 2 of `depth` = 9n+2 layers: n bottlenecks each of 64, 128 and 256 channels.

    A block pre-activates its inputs before every convolution except the very first; if it changes the channels, its
    shortcut projects the inputs without pre-activation.
    """

    def block(inputs: int, width: int, outputs: int, stride: int, first: bool) -> nn.Module:
        body = nn.Sequential(
            *([] if first else keras_bn_relu(inputs)),
            *keras_conv(inputs, width, 1, stride),
            *keras_bn_relu(width),
            *keras_conv(width, width, 3),
            *keras_bn_relu(width),
            *keras_conv(width, outputs, 1),
        )
        return Residual(body, nn.Sequential(*keras_conv(inputs, outputs, 1, stride)) if inputs != outputs else None)

    def build(shape: ImageShape, classes: int) -> nn.Module:
        layers, inputs = stem(shape), 16
        for width, outputs in ((16, 64), (64, 128), (128, 256)):
            for index in range((depth - 2) // 9):
                stride = 2 if index == 0 and width > 16 else 1
                layers.append(block(inputs, width, outputs, stride, first=inputs == 16))
                inputs = outputs
        return with_head([*layers, *keras_bn_relu(256)], 256, shape, classes)

    return build


SMALL, COLOUR = ("1x28x28", 10), ("3x32x32", 10)
SOURCE = (
    "Keras' example cifar10_resnet.py, {}, as Afif 2018 (§3.1.1, listing A.3) builds it: images under 29 pixels are "
    "padded by 2 and meet a first convolution without batch normalisation and ReLU"
)


def version_1(depth: int) -> Net:
    """Return the entry of `resnet{depth}v1-keras`."""
    check_depth(f"resnet{depth}v1-keras", depth, step=6, rest=2)
    counts = {SMALL: "274090/272746/1344", COLOUR: "274442/273066/1376"} if depth == 20 else {}
    return Net(v1(depth), "resnet-keras", 2017, SOURCE.format("version 1"), smallest=25, parameters=counts)


def version_2(depth: int) -> Net:
    """Return the entry of `resnet{depth}v2-keras`."""
    check_depth(f"resnet{depth}v2-keras", depth, step=9, rest=2)
    counts = {SMALL: "573738/570282/3456", COLOUR: "574090/570602/3488"} if depth == 20 else {}
    return Net(v2(depth), "resnet-keras", 2017, SOURCE.format("version 2"), smallest=25, parameters=counts)


PATTERNS = {r"resnet([1-9]\d*)v1-keras": version_1, r"resnet([1-9]\d*)v2-keras": version_2}
NETS = {f"resnet{depth}v1-keras": version_1(depth) for depth in (20, 32, 44, 56, 110)} | {
    f"resnet{depth}v2-keras": version_2(depth) for depth in (20, 29, 56, 110)
}
