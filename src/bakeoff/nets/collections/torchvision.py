"""Networks of torchvision: `torchvision:resnet18` from scratch, `torchvision:resnet18:IMAGENET1K_V1` from weights."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.collections.shared import Guarded, fetch_from_web, load_package, unknown_name
from bakeoff.nets.layers import RepeatChannels
from bakeoff.nets.net import Net
from bakeoff.nets.pretrained import start_from
from bakeoff.nets.user_weights import WeightsFile, sha256_of
from bakeoff.nets.weights import Weights
from bakeoff.spec.data import ImageShape

CHANNELS = 3
"""The channels that all these networks take; grey images are repeated."""
INCEPTIONS = ("googlenet", "inception_v3")
"""Networks whose weights expect pixels from -1 to 1, to which they scale them themselves."""


def names() -> list[str]:
    """Return the names of all networks, without and with weights."""
    models = _models()
    architectures = models.list_models(module=models)
    tagged = [f"{name}:{weights.name}" for name in architectures for weights in models.get_model_weights(name)]
    return [f"torchvision:{name}" for name in (*architectures, *tagged)]


def find(given: str, name: str) -> Net:
    """Return the network `given` of torchvision, called `name` here; raises as `find_in_collection`."""
    models = _models()
    architecture, _, tag = given.partition(":")
    if architecture not in models.list_models(module=models):
        raise unknown_name(name, names())
    published = models.get_model_weights(architecture)
    if tag and tag not in published.__members__:
        raise unknown_name(name, names())
    version = load_package("torchvision", "torchvision").__version__
    source = f"torchvision {version}, {architecture}"
    if not tag:
        return Net(Guarded(name, TorchvisionBuilder(architecture)), "torchvision", 0, source, smallest=1)
    weights = _weights(published[tag], name)
    is_fixed = architecture.startswith("vit_")
    options = {"transform_input": True} if architecture in INCEPTIONS else {}
    build = Guarded(name, TorchvisionBuilder(architecture, options), weights.size if is_fixed else None)
    return start_from(weights, Net(build, "torchvision", 0, source, smallest=1), name)


@dataclass(frozen=True)
class TorchvisionBuilder:
    """Builds a network without weights."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, shape: ImageShape, classes: int) -> nn.Module:
        """Return the network for images of this shape.

        Raises:
            BakeoffError: the images have another number of channels, or are not square for a vision transformer.
        """
        if shape.channels not in (1, CHANNELS):
            raise BakeoffError(f"torchvision's networks take images of 1 or 3 channels; these have {shape.channels}")
        options = dict(self.options)
        if self.name in INCEPTIONS:
            options["init_weights"] = True
        if self.name.startswith("vit_"):
            if shape.height != shape.width:
                raise BakeoffError(f"{self.name} takes square images; these are {shape.height}×{shape.width}")
            options["image_size"] = shape.height
        net: nn.Module = _models().get_model(self.name, num_classes=classes, **options)
        if shape.channels == CHANNELS:
            return net
        return nn.Sequential(OrderedDict(repeat=RepeatChannels(CHANNELS), net=net))


def _weights(published: Any, name: str) -> Weights:
    path = fetch_from_web(name, published.url)
    sha256 = sha256_of(path)
    images = published.transforms()
    height, width = (*images.crop_size, *images.crop_size)[:2]
    return Weights(
        published.name,
        sha256,
        f"{published.url}, trained at {height}×{width}",
        WeightsFile(path, sha256),
        size=(height, width),
        mean=tuple(images.mean),
        std=tuple(images.std),
        interpolation=images.interpolation.value,
    )


def _models() -> Any:
    return load_package("torchvision.models", "torchvision")
