"""All networks by name: `NETS`, and `build`, which makes a module of one for given images and classes."""

from torch import nn

from bakeoff.lookup import find
from bakeoff.nets import baseline, lenet, resnet_cifar
from bakeoff.nets.net import Net
from bakeoff.spec import ImageShape

__all__ = ["NETS", "Net", "build", "find_net"]

NETS: dict[str, Net] = lenet.NETS | baseline.NETS | resnet_cifar.NETS


def find_net(name: str) -> Net:
    """Return the network called `name`.

    Raises:
        BakeoffError: there is none of this name; the message suggests the nearest ones.
    """
    return find(NETS, name, "network")


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
