"""All networks by name (`NETS`), and `build`, which creates one for given images and classes."""

import re
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.lookup import find, nearest, question, unknown
from bakeoff.nets import (
    airbench,
    alexnet,
    all_convolutional,
    baseline,
    densenet,
    efficientnet_lite,
    from_package,
    googlenet,
    inception,
    lenet,
    mobilenet,
    nin,
    resnet_cifar,
    resnet_imagenet,
    resnet_keras,
    resnext,
    squeezenet,
    user_file,
    user_weights,
    vgg,
    wide_resnet,
)
from bakeoff.nets.collections import find_in_collection
from bakeoff.nets.net import Net
from bakeoff.nets.pretrained import start_from
from bakeoff.nets.weights import Weights
from bakeoff.spec.data import ImageShape
from bakeoff.spec.plugins import Registry, is_full_name
from bakeoff.spec.run import COLLECTIONS, collection_of, is_own

__all__ = ["NETS", "PRETRAINED", "SHORTLIST", "Net", "build", "find_net"]

BUILTIN: dict[str, Net] = (
    lenet.NETS
    | baseline.NETS
    | alexnet.NETS
    | nin.NETS
    | vgg.NETS
    | all_convolutional.NETS
    | googlenet.NETS
    | inception.NETS
    | resnet_imagenet.NETS
    | resnet_cifar.NETS
    | resnet_keras.NETS
    | wide_resnet.NETS
    | resnext.NETS
    | densenet.NETS
    | squeezenet.NETS
    | mobilenet.NETS
    | efficientnet_lite.NETS
    | airbench.NETS
)

PRETRAINED: dict[str, Weights] = efficientnet_lite.PRETRAINED
"""Published weights by the name of the network that starts from them: "ARCHITECTURE:WEIGHTS"."""

SHORTLIST: dict[str, tuple[str, ...]] = {
    "a first try on small images, in minutes": ("lenet-afif", "conv", "resnet20"),
    "best accuracy at 32×32 pixels": ("wrn-16-4", "densenet-bc-100-12", "wrn-28-10"),
    "94 % on CIFAR-10 in ten epochs, with --recipe airbench": ("airbench",),
    "photographs, at 64×64 pixels and more": ("resnet18", "googlenet", "resnet50"),
    "few photographs of your own": ("efficientnet-lite0:imagenet", "efficientnet-lite2:imagenet"),
    "few parameters": ("squeezenet-1.1", "densenet-bc-100-12", "mobilenetv2"),
    "what older papers compare with": ("lenet5", "alexnet-tv", "vgg16-tv"),
}
"""Purpose → networks to start with, the cheapest first, according to their papers."""

PATTERNS: dict[str, Callable[..., Net]] = resnet_cifar.PATTERNS | resnet_keras.PATTERNS | wide_resnet.PATTERNS
"""Regular expression for the names of a family → function from the numbers in a name to its entry."""

NETS: Registry[Net] = Registry(
    BUILTIN,
    "bakeoff.nets",
    from_package.as_net,
    is_reserved=lambda name: any(re.fullmatch(pattern, name) for pattern in PATTERNS),
)
"""The networks of bakeoff, and those that installed packages add."""


def find_net(name: str) -> Net:
    """Return the network called `name`: a key of `NETS`, any depth of a family, "NET+CHANGE+CHANGE", or a user's own.

    With ":WEIGHTS" at the end, it starts from these: a key of `PRETRAINED`, or those of a user's own file. Names that
    begin with "timm:", "torchvision:" or "hf:" belong to these collections.

    Raises:
        BakeoffError: there is no such network; the message suggests similar names. Or the package that adds it is
            broken, or not installed in this version.
    """
    if name in NETS or is_full_name(name):
        return NETS[name]
    if name in user_file.OWN:
        return user_file.OWN[name]
    architecture, colon, weights = name.rpartition(":")
    if collection_of(name) and not user_weights.is_name(weights):
        return find_in_collection(name)
    if colon:
        _refuse_misspelt_collection(name)
        return with_weights(name, find_net(architecture), architecture, weights)
    if is_own(name):
        return user_file.find_registered_net(name)
    base, *changes = name.split("+")
    if changes:
        return with_changes(name, base, changes)
    for pattern, make in PATTERNS.items():
        if match := re.fullmatch(pattern, name):
            return make(*(int(number) for number in match.groups()))
    return find(NETS, name, "network")


def _refuse_misspelt_collection(name: str) -> None:
    """Refuse "tim:resnet18" with the name of the collection that was probably meant.

    Raises:
        BakeoffError: what stands before the colon is no network, but almost a collection.
    """
    first, _, rest = name.partition(":")
    near = nearest(first, COLLECTIONS)
    if near and not nearest(first, NETS):
        raise BakeoffError(f"unknown network {name!r}: {question([f'{near[0]}:{rest}'])}")


def with_weights(name: str, net: Net, architecture: str, weights: str) -> Net:
    """Return the network `architecture` as one called `name` that starts from weights.

    Raises:
        BakeoffError: there are no such weights, or the network already starts from some.
    """
    if net.weights:
        raise BakeoffError(f"no network {name!r}: {architecture} already starts from weights")
    if user_weights.is_name(weights):
        return start_from(user_weights.find_registered_weights(weights, architecture), net, name)
    if name not in PRETRAINED:
        raise BakeoffError(
            f"{unknown('pretrained network', name, PRETRAINED)} (your own weights: {architecture}:FILE, which ends in "
            f"{', '.join(user_weights.ENDINGS)})"
        )
    return start_from(PRETRAINED[name], net, name)


def with_changes(name: str, base: str, changes: list[str]) -> Net:
    """Return the network `base` with some of the changes that a study makes to it.

    Raises:
        BakeoffError: there is no such network or change, or the changes are not in the order the network lists.
    """
    net = find_net(base)
    if net.changed is None:
        raise BakeoffError(f"no network {name!r}: {base} has no named changes")
    for change in changes:
        if change not in net.changes:
            raise BakeoffError(unknown(f"change of {base}", change, net.changes))
    ordered = "+".join([base, *(change for change in net.changes if change in changes)])
    if name != ordered:  # one name per network: it is part of a run's id
        raise BakeoffError(f"no network {name!r}: write {ordered}")
    source = f"{net.source}; with {', '.join(net.changes[change] for change in changes)}"
    return replace(net, build=net.changed(frozenset(changes)), source=source, parameters={})


def build(name: str, shape: ImageShape, classes: int) -> nn.Module:
    """Return a freshly initialised module from (N, C, H, W) float images of `shape` to (N, classes) logits.

    The weights are drawn from torch's global generator, which the caller seeds; those of a pretrained network are
    loaded, except its classifier's. In training mode, networks with auxiliary classifiers return a tuple: the logits,
    then those of each auxiliary classifier.

    Raises:
        BakeoffError: there is no such network, the images are too small for it, or its weights are not here.
    """
    net = find_net(name)
    net.check(name, shape)
    return net.build(shape, classes)
