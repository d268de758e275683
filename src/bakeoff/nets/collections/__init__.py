"""Networks from other collections: `timm:NAME[.TAG]`, `torchvision:NAME[:WEIGHTS]`, `hf:ORG/NAME`.

A collection is imported when one of its networks is used. Its version is recorded in a run's environment, like torch's,
but is not part of its identity: a name stands for the same architecture in all versions, or its published weights would
no longer fit, and no update should cause everything to be trained again. The SHA-256 of the weights that a network
starts from is part of the identity.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.nets.collections import hf, timm, torchvision
from bakeoff.nets.net import Net
from bakeoff.spec.run import collection_of

__all__ = ["COLLECTIONS", "Collection", "find_in_collection"]


@dataclass(frozen=True)
class Collection:
    """A package with many networks."""

    package: str
    """Its name on PyPI."""
    find: Callable[[str, str], Net]
    """(name within the collection, whole name) → the network; raises `BakeoffError`."""
    names: Callable[[], list[str]]
    """Returns the whole names of all its networks, those with weights too."""


COLLECTIONS = {
    "timm": Collection("timm", timm.find, timm.names),
    "torchvision": Collection("torchvision", torchvision.find, torchvision.names),
    "hf": Collection("transformers", hf.find, hf.names),
}


def find_in_collection(name: str) -> Net:
    """Return the network of a collection.

    Raises:
        BakeoffError: the collection is not installed, has no such network or weights, or its weights are not on this
            machine and cannot be downloaded.
    """
    return COLLECTIONS[collection_of(name)].find(name.partition(":")[2], name)
