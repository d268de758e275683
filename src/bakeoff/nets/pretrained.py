"""Networks that start from weights: `ARCHITECTURE:WEIGHTS`, such as `efficientnet-lite0:imagenet`.

The part before the colon names the network. Everything but its classifier starts from the weights; the classifier is
drawn from the seed, even if the weights have the same number of classes.
"""

from collections import OrderedDict
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.layers import RepeatChannels
from bakeoff.nets.net import Build, Net
from bakeoff.nets.shapes import modules_that_differ, shape_of
from bakeoff.nets.weights import Weights, fill
from bakeoff.spec.data import ImageShape

__all__ = ["Weights", "find_weights", "start_from", "statistics_of"]


def find_weights(name: str) -> Weights | None:
    """Return the weights that the network called `name` starts from; None if it starts from the seed alone.

    Raises:
        BakeoffError: there is no such network.
    """
    from bakeoff.nets import find_net

    return find_net(name).weights


def statistics_of(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation per channel, of pixels in 0–1, that a network's weights expect.

    Raises:
        BakeoffError: the network does not start from weights, or it is not known what they expect.
    """
    weights = find_weights(name)
    if weights is None or not weights.mean:
        why = "does not start from weights" if weights is None else "starts from weights that do not say how"
        raise BakeoffError(
            f"normalize is weights, which takes the mean and deviation from pretrained weights, but {name} "
            f"{why}: choose one that does, such as efficientnet-lite0:imagenet, or add --set normalize=channel"
        )
    return weights.mean, weights.std


def start_from(weights: Weights, net: Net, name: str) -> Net:
    """Return `net` as a network called `name` that starts from `weights`."""
    source = f"{net.source}; starts from {weights.source}"
    build = partial(build_from, weights, net.build, name)
    return replace(net, build=build, source=source, weights=weights, changes={}, changed=None, improves="")


def build_from(weights: Weights, build: Build, name: str, shape: ImageShape, classes: int) -> nn.Module:
    """Return a module that starts from weights, with a classifier from the seed. On the meta device, nothing is loaded.

    If the weights are for colour images, a first layer, `repeat`, repeats grey images over the channels.

    Raises:
        BakeoffError: the weights are not on this machine, or fit neither the network nor the images.
    """
    channels = channels_of(weights, build, shape, classes)
    if shape.channels not in (1, channels):
        raise BakeoffError(
            f"{name} starts from weights for images of {channels} channels; these images have {shape.channels}"
        )
    coloured = ImageShape(channels, shape.height, shape.width)
    net = build(coloured, classes)
    if not any(parameter.is_meta for parameter in net.parameters()):
        fill(net, weights.load(), classifier_entries(build, coloured, classes), f"the weights do not fit {name}")
    if channels == shape.channels:
        return net
    return nn.Sequential(OrderedDict(repeat=RepeatChannels(channels), net=net))


def channels_of(weights: Weights, build: Build, shape: ImageShape, classes: int) -> int:
    """Return the channels of the images that weights are for; if they do not say, what fits: for grey, also colour."""
    if weights.channels or shape.channels != 1:
        return weights.channels or shape.channels
    found = {name: shape_of(entry) for name, entry in weights.load().items()}
    for channels in (1, 3):
        expected = _shapes(build, ImageShape(channels, shape.height, shape.width), classes)
        fresh = classifier_entries(build, ImageShape(channels, shape.height, shape.width), classes)
        if all(found.get(name) == own for name, own in expected.items() if name not in fresh and name in found):
            return channels
    return 1


def classifier_entries(build: Build, shape: ImageShape, classes: int) -> set[str]:
    """Return the entries of the modules that depend on the number of classes, as `nets.classifier` finds them."""
    few, more = (_shapes(build, shape, count) for count in (classes, classes + 1))
    modules = modules_that_differ(few, more)
    return {name for name in few if name.rpartition(".")[0] in modules}


def _shapes(build: Build, shape: ImageShape, classes: int) -> dict[str, tuple[int, ...] | None]:
    """Return the shapes of a new network's state dict, computed on the meta device if it can be built there."""
    with torch.random.fork_rng([]):
        try:
            with torch.device("meta"):
                net = build(shape, classes)
        except Exception:  # a user's network may need values
            net = build(shape, classes)
    return {name: shape_of(value) for name, value in net.state_dict().items()}
