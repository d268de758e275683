"""ResNeXt: Xie, Girshick, Dollár, Tu & He 2017, "Aggregated residual transformations", §5.3."""

from torch import nn

from bakeoff.nets.layers import GlobalAverage, Residual, conv_bn, conv_bn_relu, he_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape

PATHS, PATH_WIDTH = 8, 64


def grouped_bottleneck(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return 1×1, grouped 3×3 and 1×1 convolutions beside a shortcut; a path has outputs / 4 channels."""
    width = PATHS * PATH_WIDTH * outputs // 256
    body = nn.Sequential(
        *conv_bn_relu(inputs, width, 1),
        *conv_bn_relu(width, width, 3, stride, groups=PATHS),
        *conv_bn(width, outputs, 1),
    )
    shortcut = conv_bn(inputs, outputs, 1, stride) if inputs != outputs else None
    return Residual(body, shortcut, nn.ReLU(inplace=True))


def resnext29(shape: ImageShape, classes: int) -> nn.Module:
    """Return ResNeXt-29, 8×64d: three stages of three blocks, 256, 512 and 1024 channels."""
    layers, inputs = [*conv_bn_relu(shape.channels, 64, 3)], 64
    for outputs in (256, 512, 1024):
        for index in range(3):
            layers.append(grouped_bottleneck(inputs, outputs, 2 if index == 0 and outputs > 256 else 1))
            inputs = outputs
    return he_initial(nn.Sequential(*layers, GlobalAverage(), nn.Linear(1024, classes)))


NETS = {
    "resnext29-8x64d": Net(
        resnext29,
        "resnext",
        2017,
        "Xie et al. 2017, §5.3",
        smallest=1,
        parameters={("3x32x32", 10): "34.4M"},
    )
}
