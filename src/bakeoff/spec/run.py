"""A run: one network, data set, recipe and seed, and its id. No torch."""

import re

from bakeoff.spec.recipe import Recipe
from bakeoff.spec.values import Value, digest

PROTOCOL = 2
"""Version of the training protocol; raised when the same settings would give different numbers.

2: new dropout masks; a last batch of one image is merged into the one before it; copies of an image stay on one side of
the validation split; evaluation is in fp32 whatever the training precision.
"""


class Run(Value, frozen=True):
    """One network, data set, recipe and seed: the unit that is trained, stored and resumed."""

    net: str
    data: str
    data_hash: str
    recipe: Recipe
    seed: int
    protocol: int = PROTOCOL
    """Version of the training protocol."""

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits: a digest of everything that changes the result, and nothing else."""
        return digest([self.protocol, self.net, self.data_hash, self.recipe.key, self.seed])[:16]


def is_own(net: str) -> bool:
    """Return whether a network comes from a user's file; its name is then like `TinyNet@1a2b3c4d`."""
    return re.fullmatch(r"\w+@[0-9a-f]{8}", net) is not None


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
