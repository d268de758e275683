"""A run: one network, data set, recipe and seed, and its id. No torch."""

import re
from functools import cached_property

from bakeoff.spec.recipe import Recipe
from bakeoff.spec.values import Value, digest

PROTOCOL = 2
"""Version of the training protocol; raised when the same settings would give different numbers.

2: new dropout masks; a last batch of one image is merged into the one before it; copies of an image stay on one side of
the validation split; evaluation is in fp32 whatever the training precision.
"""


class Run(Value, frozen=True, dict=True):
    """One network, data set, recipe and seed: the unit that is trained, stored and resumed.

    Example:
        >>> run = bakeoff.load().runs[0]
        >>> run.id, run.net, run.seed
        ('ddc6301d7da5cb09', 'lenet-afif', 0)
    """

    net: str
    data: str
    data_hash: str
    recipe: Recipe
    seed: int
    protocol: int = PROTOCOL
    """Version of the training protocol."""
    weights: str = ""
    """SHA-256 of the weights that the network starts from; empty if all are drawn from the seed."""

    @cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits: a digest of everything that changes the result, and nothing else."""
        weights = [self.weights] if self.weights else []
        return digest([self.protocol, self.net, self.data_hash, self.recipe.key, self.seed, *weights])[:16]


def starts_from(run: Run) -> str:
    """Return the name of the weights that a run's network starts from, `imagenet@57934424`; empty if none."""
    name = run.net.rpartition(":")[2].partition("@")[0]
    return f"{name}@{run.weights[:8]}" if run.weights else ""


COLLECTIONS = ("timm", "torchvision", "hf")
"""What comes before the colon in the names of networks from third-party collections."""


def collection_of(net: str) -> str:
    """Return the collection that a network comes from, empty if it comes from none: "timm" for `timm:resnet18`."""
    first, colon, _ = net.partition(":")
    return first if colon and first in COLLECTIONS else ""


def is_own(net: str) -> bool:
    """Return whether a network comes from a user's file: `TinyNet@1a2b3c4d`, with `:WEIGHTS` if it starts from some."""
    return re.fullmatch(r"\w+@[0-9a-f]{8}(:.*)?", net) is not None


def without_versions(net: str) -> str:
    """Return the name of a network without the digests of the files that it and its weights come from."""
    return re.sub(r"@[0-9a-f]{8}(?=:|$)", "", net)


def steps_in_epoch(images: int, batch_size: int) -> int:
    """Return the number of batches in an epoch of `images` images.

    A last batch of one image is merged into the one before it, unless the batch size is 1: batch normalisation fails
    on a single value per channel, and one image would weigh as much as a whole batch.
    """
    alone = images % batch_size == 1 and images > batch_size > 1
    return -(-images // batch_size) - alone


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed for one purpose, such as ("order", epoch), independent of those for other purposes."""
    return int(digest([seed, *purpose])[:16], 16) >> 1
