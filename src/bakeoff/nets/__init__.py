"""All networks by name: `NETS`, and `build`, which makes a module of one for given images and classes."""

import re
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.lookup import find, unknown
from bakeoff.nets import (
    airbench,
    alexnet,
    all_convolutional,
    baseline,
    densenet,
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
    vgg,
    wide_resnet,
)
from bakeoff.nets.net import Net
from bakeoff.spec.data import ImageShape
from bakeoff.spec.run import is_own

__all__ = ["NETS", "SHORTLIST", "Net", "build", "find_net"]

NETS: dict[str, Net] = (
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
    | airbench.NETS
)

SHORTLIST: dict[str, tuple[str, ...]] = {
    "a first try on small images, in minutes": ("lenet-afif", "conv", "resnet20"),
    "best accuracy at 32×32 pixels": ("wrn-16-4", "densenet-bc-100-12", "wrn-28-10"),
    "94 % on CIFAR-10 in ten epochs, with --recipe airbench": ("airbench",),
    "photographs, at 64×64 pixels and more": ("resnet18", "googlenet", "resnet50"),
    "few parameters": ("squeezenet-1.1", "densenet-bc-100-12", "mobilenetv2"),
    "what older papers compare with": ("lenet5", "alexnet-tv", "vgg16-tv"),
}
"""Purpose → the networks to begin with, the cheapest first; by what their papers report."""

PATTERNS: dict[str, Callable[..., Net]] = resnet_cifar.PATTERNS | resnet_keras.PATTERNS | wide_resnet.PATTERNS
"""Regular expressions of the names of families of any depth, and what makes an entry of their numbers."""


def find_net(name: str) -> Net:
    """Return the network called `name`: one of `NETS`, of any depth of a family, "NET+CHANGE+CHANGE", or a user's own.

    Raises:
        BakeoffError: there is none of this name; the message suggests the nearest ones.
    """
    if name in NETS:
        return NETS[name]
    if is_own(name):
        return user_file.find(name)
    base, *changes = name.split("+")
    if changes:
        return with_changes(name, base, changes)
    for pattern, make in PATTERNS.items():
        if match := re.fullmatch(pattern, name):
            return make(*(int(number) for number in match.groups()))
    return find(NETS, name, "network")


def with_changes(name: str, base: str, changes: list[str]) -> Net:
    """Return the network `base` with some of the changes a study makes to it.

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
    if name != ordered:  # one network, one name: a run's identity holds it
        raise BakeoffError(f"no network {name!r}: write {ordered}")
    source = f"{net.source}; with {', '.join(net.changes[change] for change in changes)}"
    return replace(net, build=net.changed(frozenset(changes)), source=source, parameters={})


def build(name: str, shape: ImageShape, classes: int) -> nn.Module:
    """Return a freshly initialised module from (N, C, H, W) float images of `shape` to (N, classes) logits.

    The weights are drawn from torch's global generator, which the caller seeds. In training mode networks
    with auxiliary classifiers return a tuple: the logits, then those of each auxiliary classifier.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
    """
    net = find_net(name)
    net.check(name, shape)
    return net.build(shape, classes)
