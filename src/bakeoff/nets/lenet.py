"""LeNet-5: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition"."""

from torch import nn

from bakeoff.nets.layers import flat_size, keras_initial
from bakeoff.nets.net import Net
from bakeoff.spec import ImageShape


def lenet_afif(shape: ImageShape, classes: int) -> nn.Module:
    """Return LeNet-5 as built in Afif 2018 (§3.1.1, listing A.1): tanh, max-pooling, one dense layer of 256.

    Max-pooling comes before tanh here: tanh rises everywhere, so the result is the same at a quarter of
    the work.
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
