"""VGG: Simonyan & Zisserman 2015, "Very deep convolutional networks", table 1, and the studies' variants of it."""

from torch import nn

from bakeoff.nets.layers import flat_size, keras_initial, torchvision_initial
from bakeoff.nets.net import Build, Net
from bakeoff.spec.data import ImageShape

# Table 1: channels of the 3×3 convolutions, ":1" for 1×1; M is a max-pooling, L local response normalisation.
PLANS = {
    "a": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "a-lrn": "64 L M 128 M 256 256 M 512 512 M 512 512 M",
    "b": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "c": "64 64 M 128 128 M 256 256 256:1 M 512 512 512:1 M 512 512 512:1 M",
    "d": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "e": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def convolutions(plan: str, channels: int, batch_norm: bool = False, ceil: bool = False) -> nn.Sequential:
    """Return the convolutional part of `plan`; `ceil` lets max-pooling keep the odd last row and column.

    Max-pooling comes before ReLU where they meet: the result is the same at a quarter of the work.
    """
    layers: list[nn.Module] = []
    tokens = plan.split()
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        match token:
            case "M":
                layers.append(nn.MaxPool2d(2, ceil_mode=ceil))
                if not isinstance(layers[-2], nn.LocalResponseNorm):
                    layers.append(nn.ReLU(inplace=True))
            case "L":
                # The constants of Krizhevsky et al. 2012; torch divides alpha by the size.
                layers.append(nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0))
            case _:
                outputs, kernel = (int(part) for part in f"{token}:3".split(":")[:2])
                layers.append(nn.Conv2d(channels, outputs, kernel, padding=kernel // 2))
                layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
                layers += [nn.ReLU(inplace=True)] if following != "M" else []
                channels = outputs
    return nn.Sequential(*layers)


def dense(inputs: int, classes: int) -> nn.Sequential:
    """Return the three dense layers, half of the outputs of the first two dropped in training."""
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(inputs, 4096), nn.ReLU(inplace=True), nn.Dropout()),
        *(nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout()),
        nn.Linear(4096, classes),
    )


def vgg(plan: str, batch_norm: bool = False) -> Build:
    """Return the builder of a configuration of the paper, with Glorot's initialisation as its §3.1 allows.

    Max-pooling keeps odd rows and columns, so that 28×28 pixels leave one at the end; at 224×224 there are none.
    """

    def build(shape: ImageShape, classes: int) -> nn.Module:
        body = convolutions(plan, shape.channels, batch_norm, ceil=True)
        return keras_initial(nn.Sequential(*body, *dense(flat_size(body, shape), classes)))

    return build


CHANGES = {
    "bn": "batch normalisation after every convolution",
    "max-pool": "the maximum over 5×5 areas at the end in place of the mean over 7×7",
}


def vgg16_tv(changes: frozenset[str] = frozenset()) -> Build:
    """Return the builder of VGG-16 as torchvision has it, with any of Skoularikis' `CHANGES` (§4)."""

    def build(shape: ImageShape, classes: int) -> nn.Module:
        pool, side = (nn.AdaptiveMaxPool2d(5), 5) if "max-pool" in changes else (nn.AdaptiveAvgPool2d(7), 7)
        body = convolutions(PLANS["d"], shape.channels, batch_norm="bn" in changes)
        return torchvision_initial(nn.Sequential(*body, pool, *dense(512 * side * side, classes)), dense_deviation=0.01)

    return build


def vgg_afif(shape: ImageShape, classes: int) -> nn.Module:
    """Return the VGG-like network of Afif 2018 (§3.1.1, listing A.2). Max-pooling comes before ReLU."""
    body = nn.Sequential(
        *(nn.Conv2d(shape.channels, 32, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(inplace=True), nn.Dropout()),
        *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(128, 256, 3), nn.MaxPool2d(3), nn.ReLU(inplace=True), nn.Dropout()),
        nn.Flatten(),
    )
    head = nn.Sequential(
        *(nn.Linear(flat_size(body, shape), 256), nn.LeakyReLU(0.3, inplace=True), nn.Dropout()),
        *(nn.Linear(256, 256), nn.LeakyReLU(0.3, inplace=True)),
        nn.Linear(256, classes),
    )
    return keras_initial(nn.Sequential(*body, *head))


IMAGENET = ("3x224x224", 1000)
# Table 2 of the paper, in millions of parameters.
PRINTED = {"a-lrn": "133M", "b": "133M", "c": "134M", "d": "138M", "e": "144M"}
SOURCE = "Simonyan & Zisserman 2015, table 1, {}, dropout in the dense layers (§3.1), Glorot-uniform weights"
WITH_BN = {"a": "132868840", "b": "133053736", "c": "", "d": "138365992", "e": "143678248"}

NETS = (
    {
        f"vgg-{letter}": Net(
            vgg(PLANS[letter]), "vgg", 2014, SOURCE.format(letter.upper()), smallest=1, parameters={IMAGENET: printed}
        )
        for letter, printed in PRINTED.items()
    }
    | {
        f"vgg-{letter}-bn": Net(
            vgg(PLANS[letter], batch_norm=True),
            "vgg",
            2015,
            SOURCE.format(letter.upper()) + "; batch normalisation after every convolution",
            smallest=1,
            parameters={IMAGENET: count} if count else {},
        )
        for letter, count in WITH_BN.items()
    }
    | {
        "vgg-a": Net(
            vgg(PLANS["a"]),
            "vgg",
            2014,
            "Simonyan & Zisserman 2015, table 1, A, as Clark 2020 (§3.2) builds it in Keras: Glorot-uniform weights, "
            "dropout after both hidden dense layers; its L2 on them belongs to the recipe",
            smallest=1,
            parameters={IMAGENET: "132863336/132863336/0"},
        ),
        "vgg16": Net(
            vgg(PLANS["d"]),
            "vgg",
            2020,
            "Srivastava 2020, §3.ii: configuration D. The study names no dropout; the dense layers have it here, as in "
            "the paper it cites",
            smallest=1,
            parameters={IMAGENET: "138357544/138357544/0"},
        ),
        "vgg16-tv": Net(
            vgg16_tv(),
            "vgg",
            2014,
            "Skoularikis 2021, §2: VGG-16 as torchvision builds it, the last map averaged or repeated to 7×7",
            smallest=32,
            parameters={IMAGENET: "138357544"},
            changes=CHANGES,
            changed=vgg16_tv,
        ),
        "vgg16-improved": Net(
            vgg16_tv(frozenset(CHANGES)),
            "vgg",
            2021,
            "Skoularikis 2021, §4: batch normalisation, maximum over 5×5 areas at the end. The initialisation it "
            "describes is torchvision's own; its dropout is taken to be kept",
            smallest=32,
            improves="vgg16-tv",
        ),
        "vgg-afif": Net(
            vgg_afif,
            "vgg",
            2018,
            "Afif 2018, §3.1.1 and listing A.2, the VGG-like network",
            smallest=10,
            parameters={("1x28x28", 10): "1505034/1505034/0", ("3x32x32", 10): "1505610/1505610/0"},
        ),
    }
)
