"""A run: one network, data set, recipe and seed, and the id they make. No torch."""

import re

from bakeoff.spec.recipe import Recipe
from bakeoff.spec.values import Value, digest

PROTOCOL = 2
"""Version of the training protocol. It goes up when the same settings would give another number.

2: dropout draws its masks in another way; a last batch of one image joins the one before it; copies of an image are not
cut apart for validation; networks are evaluated in fp32, whatever they were trained in.
"""


class Run(Value, frozen=True):
    """One (network, data set, recipe, seed): the unit that is trained, stored and resumed."""

    net: str
    data: str
    data_hash: str
    recipe: Recipe
    seed: int
    protocol: int = PROTOCOL
    """The version of the training protocol it is trained by."""

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits over all that changes the result, and nothing else."""
        return digest([self.protocol, self.net, self.data_hash, self.recipe.key, self.seed])[:16]


def is_own(net: str) -> bool:
    """Tell whether a network comes from a user's own file: it is called like `TinyNet@1a2b3c4d` then."""
    return re.fullmatch(r"\w+@[0-9a-f]{8}", net) is not None


def steps_in_epoch(images: int, batch_size: int) -> int:
    """Return how many batches an epoch of `images` images has.

    A last batch of a single image joins the one before it, unless all are of one image: where maps have shrunk to one
    pixel, batch normalisation finds no variance in one value, and elsewhere one image would weigh as much as a batch.
    """
    alone = images % batch_size == 1 and images > batch_size > 1
    return -(-images // batch_size) - alone


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed for one purpose of a run, such as ("order", epoch), independent of all others."""
    return int(digest([seed, *purpose])[:16], 16) >> 1
