"""AlexNet: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional networks"."""

from torch import nn

from bakeoff.nets.layers import SamePad, flat_size, keras_initial
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape

# Max-pooling comes before ReLU in both networks: the result is the same at a quarter of the work.


def alexnet(shape: ImageShape, classes: int) -> nn.Module:
    """Return AlexNet as Srivastava 2020 (§3.i) lists it, in Keras' terms: "same" padding, Glorot-uniform weights."""
    body = nn.Sequential(
        *(SamePad(11, 4), nn.Conv2d(shape.channels, 96, 11, 4), nn.MaxPool2d(3, 2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(96, 256, 5, padding=2), nn.MaxPool2d(3, 2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.MaxPool2d(3, 2), nn.ReLU(inplace=True)),
        nn.Flatten(),
    )
    head = nn.Sequential(
        *(nn.Linear(flat_size(body, shape), 4096), nn.ReLU(inplace=True), nn.Dropout()),
        *(nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout()),
        nn.Linear(4096, classes),
    )
    return keras_initial(nn.Sequential(*body, *head))


def alexnet_tv(shape: ImageShape, classes: int) -> nn.Module:
    """Return AlexNet in one column (Krizhevsky 2014), as torchvision builds it, with torch's own initialisation."""
    return nn.Sequential(
        *(nn.Conv2d(shape.channels, 64, 11, 4, padding=2), nn.MaxPool2d(3, 2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.MaxPool2d(3, 2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.MaxPool2d(3, 2), nn.ReLU(inplace=True)),
        *(nn.AdaptiveAvgPool2d(6), nn.Flatten()),
        *(nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True)),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True)),
        nn.Linear(4096, classes),
    )


NETS = {
    "alexnet": Net(
        alexnet,
        "alexnet",
        2020,
        "Srivastava 2020, §3.i. The study names neither dropout nor the size of the max-pooling: both are as in "
        "Krizhevsky et al. 2012 (half of the dense layers' outputs; 3×3 at stride 2), without its local response "
        "normalisation",
        smallest=57,
    ),
    "alexnet-tv": Net(
        alexnet_tv,
        "alexnet",
        2014,
        'Krizhevsky 2014, "One weird trick", as torchvision builds it',
        smallest=63,
        parameters={("3x224x224", 1000): "61100840"},
    ),
}
