"""MobileNetV2: Sandler, Howard, Zhu, Zhmoginov & Chen 2018, "Inverted residuals and linear bottlenecks", table 2."""

from torch import nn

from bakeoff.nets.layers import GlobalAverage, Residual, conv_bn, torchvision_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape

# Table 2: expansion, output channels, repetitions, stride of the first.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def conv_bn_relu6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution, batch normalisation and ReLU6."""
    return conv_bn(inputs, outputs, kernel, stride, groups).append(nn.ReLU6(inplace=True))


def inverted_residual(inputs: int, outputs: int, expansion: int, stride: int) -> nn.Module:
    """Return 1×1 to `expansion` times the channels, 3×3 per channel, 1×1 without ReLU; a shortcut if it fits."""
    width = expansion * inputs
    body = nn.Sequential(
        *(conv_bn_relu6(inputs, width, 1) if expansion > 1 else []),
        *conv_bn_relu6(width, width, 3, stride, groups=width),
        *conv_bn(width, outputs, 1),
    )
    return Residual(body) if stride == 1 and inputs == outputs else body


def mobilenetv2(shape: ImageShape, classes: int) -> nn.Module:
    """Return MobileNetV2 1.0 with the initialisation and the dropout (0.2) of torchvision."""
    layers, inputs = [*conv_bn_relu6(shape.channels, 32, 3, 2)], 32
    for expansion, outputs, count, stride in STAGES:
        for index in range(count):
            layers.append(inverted_residual(inputs, outputs, expansion, stride if index == 0 else 1))
            inputs = outputs
    head = (*conv_bn_relu6(320, 1280, 1), GlobalAverage(), nn.Dropout(0.2), nn.Linear(1280, classes))
    return torchvision_initial(nn.Sequential(*layers, *head), dense_deviation=0.01)


NETS = {
    "mobilenetv2": Net(
        mobilenetv2,
        "mobilenet",
        2018,
        "Sandler et al. 2018, table 2, as torchvision builds it. Made for 224×224: small images end as one pixel",
        smallest=1,
        parameters={("3x224x224", 1000): "3504872"},
    )
}
