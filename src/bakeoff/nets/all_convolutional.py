"""The all convolutional net: Springenberg, Dosovitskiy, Brox & Riedmiller 2015, "Striving for simplicity"."""

from torch import nn

from bakeoff.nets.layers import GlobalAverage, he_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape


def allconv(shape: ImageShape, classes: int) -> nn.Module:
    """Return All-CNN-C (tables 1 and 2): convolutions of stride 2 for pooling, a global mean for dense layers."""

    def conv(inputs: int, outputs: int, stride: int = 1, padding: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, stride, padding), nn.ReLU(inplace=True)]

    network = nn.Sequential(
        nn.Dropout(0.2),
        *(*conv(shape.channels, 96), *conv(96, 96), *conv(96, 96, stride=2), nn.Dropout()),
        *(*conv(96, 192), *conv(192, 192), *conv(192, 192, stride=2), nn.Dropout()),
        *conv(192, 192, padding=0),
        *(nn.Conv2d(192, 192, 1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(192, classes, 1), nn.ReLU(inplace=True)),
        GlobalAverage(),
    )
    return he_initial(network)


NETS = {
    "allconv": Net(
        allconv,
        "allconv",
        2015,
        "Springenberg et al. 2015, All-CNN-C, tables 1 and 2, dropout 0.2 and 0.5 (appendix A). The paper names no "
        "initialisation: He-normal here",
        smallest=9,
        parameters={("3x32x32", 10): "1.4M"},
    )
}
