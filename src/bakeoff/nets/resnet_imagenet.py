"""Residual networks for large images: He, Zhang, Ren & Sun 2015, "Deep residual learning", table 1."""

from collections.abc import Callable

from torch import nn

from bakeoff.nets.layers import (
    GlobalAverage,
    Residual,
    SamePad,
    conv_bn,
    conv_bn_relu,
    keras_bn,
    keras_initial,
    torchvision_initial,
)
from bakeoff.nets.net import Build, Net
from bakeoff.spec.data import ImageShape

Block = Callable[[int, int, int], nn.Module]
"""(input channels, width, stride) → module; a bottleneck leaves 4·width channels, a basic block width."""


def basic(inputs: int, width: int, stride: int) -> nn.Module:
    """Return two 3×3 convolutions beside a shortcut."""
    return Residual(
        nn.Sequential(*conv_bn_relu(inputs, width, 3, stride), *conv_bn(width, width, 3)),
        conv_bn(inputs, width, 1, stride) if inputs != width else None,
        nn.ReLU(inplace=True),
    )


def bottleneck(inputs: int, width: int, stride: int) -> nn.Module:
    """Return 1×1, 3×3 and 1×1 convolutions beside a shortcut; the 3×3 has the stride, as in torchvision."""
    outputs = 4 * width
    return Residual(
        nn.Sequential(
            *conv_bn_relu(inputs, width, 1), *conv_bn_relu(width, width, 3, stride), *conv_bn(width, outputs, 1)
        ),
        conv_bn(inputs, outputs, 1, stride) if inputs != outputs else None,
        nn.ReLU(inplace=True),
    )


def four_stages(block: Block, blocks: tuple[int, ...], expansion: int = 1) -> list[nn.Module]:
    """Return `blocks` blocks at widths 64, 128, 256 and 512; stages 2 to 4 start with stride 2."""
    layers, inputs = [], 64
    for width, count in zip((64, 128, 256, 512), blocks, strict=True):
        for index in range(count):
            layers.append(block(inputs, width, 2 if index == 0 and width > 64 else 1))
            inputs = expansion * width
    return layers


def deep_stem(channels: int) -> list[nn.Module]:
    """Return three 3×3 convolutions in place of the 7×7, without the last ReLU; the output has the same size.

    The study gives no channels: they are those of ResNet-D (He et al. 2019), 32, 32 and 64.
    """
    return [*conv_bn_relu(channels, 32, 3, 2), *conv_bn_relu(32, 32, 3), *conv_bn(32, 64, 3)]


CHANGES = {
    "stem": "three 3×3 convolutions in place of the 7×7",
    "dropout": "a tenth of the classifier's inputs dropped in training",
    "initialisation": "the classifier's weights from N(0, 0.01²), its bias zero",
}


def imagenet_resnet(
    block: Block, blocks: tuple[int, ...], expansion: int = 1, changes: frozenset[str] = frozenset()
) -> Build:
    """Return the builder of a network as torchvision has it, with any of Skoularikis' `CHANGES` (§4).

    Max-pooling comes before ReLU: the result is the same at a quarter of the work.
    """

    def build(shape: ImageShape, classes: int) -> nn.Module:
        stem = deep_stem(shape.channels) if "stem" in changes else conv_bn(shape.channels, 64, 7, 2)
        network = nn.Sequential(
            *stem,
            nn.MaxPool2d(3, 2, padding=1),
            nn.ReLU(inplace=True),
            *four_stages(block, blocks, expansion),
            GlobalAverage(),
            *([nn.Dropout(0.1)] if "dropout" in changes else []),
            nn.Linear(512 * expansion, classes),
        )
        return torchvision_initial(network, dense_deviation=0.01 if "initialisation" in changes else None)

    return build


def resnet18(changes: frozenset[str] = frozenset()) -> Build:
    """Return the builder of ResNet-18 with any of `CHANGES`."""
    return imagenet_resnet(basic, (2, 2, 2, 2), changes=changes)


def resnet34_keras(changes: frozenset[str] = frozenset()) -> Build:
    """Return the builder of ResNet-34 with Keras' layers; the change "leaky" replaces every ReLU by LeakyReLU."""

    def activation() -> nn.Module:
        return nn.LeakyReLU(0.3, inplace=True) if "leaky" in changes else nn.ReLU(inplace=True)

    def convolution(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        same = stride == 1 or kernel == 1
        pad = [] if same else [SamePad(kernel, stride)]
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2 if same else 0)
        return [*pad, conv, keras_bn(outputs)]

    def block(inputs: int, width: int, stride: int) -> nn.Module:
        body = (*convolution(inputs, width, 3, stride), activation(), *convolution(width, width, 3, 1))
        shortcut = nn.Sequential(*convolution(inputs, width, 1, stride)) if inputs != width else None
        return Residual(nn.Sequential(*body), shortcut, activation())

    def build(shape: ImageShape, classes: int) -> nn.Module:
        stem = (*convolution(shape.channels, 64, 7, 2), SamePad(3, 2, float("-inf")), nn.MaxPool2d(3, 2), activation())
        stages = four_stages(block, (3, 4, 6, 3))
        return keras_initial(nn.Sequential(*stem, *stages, GlobalAverage(), nn.Linear(512, classes)))

    return build


IMAGENET = ("3x224x224", 1000)
SOURCE = "He et al. 2015, table 1, as torchvision builds it (in bottlenecks the 3×3 convolution has the stride)"
MEMBERS = {
    34: (imagenet_resnet(basic, (3, 4, 6, 3)), "21797672"),
    50: (imagenet_resnet(bottleneck, (3, 4, 6, 3), expansion=4), "25557032"),
    101: (imagenet_resnet(bottleneck, (3, 4, 23, 3), expansion=4), "44549160"),
    152: (imagenet_resnet(bottleneck, (3, 8, 36, 3), expansion=4), "60192808"),
}
RESNET18 = Net(
    resnet18(),
    "resnet",
    2015,
    SOURCE,
    smallest=1,
    parameters={IMAGENET: "11689512"},
    changes=CHANGES,
    changed=resnet18,
)
RESNET34_KERAS = Net(
    resnet34_keras(),
    "resnet",
    2020,
    'He et al. 2015, table 1, 34 layers, with Keras\' layers: biases, "same" padding, Glorot-uniform weights',
    smallest=1,
    changes={"leaky": "LeakyReLU of slope 0.3 for every ReLU"},
    changed=resnet34_keras,
)

NETS = (
    {"resnet18": RESNET18}
    | {
        f"resnet{depth}": Net(build, "resnet", 2015, SOURCE, smallest=1, parameters={IMAGENET: count})
        for depth, (build, count) in MEMBERS.items()
    }
    | {
        "resnet18-improved": Net(
            resnet18(frozenset(CHANGES)),
            "resnet",
            2021,
            "Skoularikis 2021, §4: three 3×3 convolutions for the 7×7 (32, 32, 64 channels, which it does not say), "
            "dropout 0.1, classifier from N(0, 0.01²); its other initialisation is torchvision's",
            smallest=1,
            improves="resnet18",
        ),
        "resnet34-keras": RESNET34_KERAS,
        "resnet34-leaky": Net(
            resnet34_keras(frozenset({"leaky"})),
            "resnet",
            2020,
            "Srivastava 2020, §3.iii: as resnet34-keras, with LeakyReLU of slope 0.3 for every ReLU",
            smallest=1,
            improves="resnet34-keras",
        ),
    }
)
