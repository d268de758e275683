"""What every architecture file exports: a dict of `Net`s. A network never sees a data set."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.spec.data import ImageShape

Build = Callable[[ImageShape, int], nn.Module]
"""(shape of one image, number of classes) → a module from (N, C, H, W) float images to (N, K) logits."""


@dataclass(frozen=True)
class Net:
    """One architecture: how it is built, where it comes from, what it needs."""

    build: Build
    family: str
    year: int
    source: str
    """Paper and section, or the code it follows, and departures from it if there are any."""
    smallest: int
    """The smallest height and width, in pixels, that leave at least one pixel to the last layer."""
    parameters: dict[tuple[str, int], str] = field(default_factory=dict)
    """Published parameter counts by (image shape, classes), as printed; a test reads them.

    "269722" or "0.27M" counts the trainable ones; "150742/150742/0" is total/trainable/non-trainable, where
    the non-trainable ones are the running means and variances of batch normalisation, as Keras counts.
    """
    changes: dict[str, str] = field(default_factory=dict)
    """Changes a study makes to this network, by name, each with what it does; "NET+CHANGE+CHANGE" has them."""
    changed: Callable[[frozenset[str]], Build] | None = None
    """The builder of this network with some of `changes`."""
    improves: str = ""
    """The name of the network that this one is with all its changes."""

    def check(self, name: str, shape: ImageShape) -> None:
        """Say clearly that images of `shape` are too small.

        Raises:
            BakeoffError: height or width is below `smallest`.
        """
        side = min(shape.height, shape.width)
        if side < self.smallest:
            raise BakeoffError(
                f"{name} needs at least {self.smallest}×{self.smallest} pixels; these images are "
                f"{shape.height}×{shape.width}: add --scale {-(-self.smallest // side)} to enlarge them"
            )


def check_depth(name: str, depth: int, step: int, rest: int) -> None:
    """Say clearly that a network of a family has no such depth.

    Raises:
        BakeoffError: `depth` is not step·n + rest for some n from 1 on.
    """
    if depth < step + rest or (depth - rest) % step:
        nearest = max(1, round((depth - rest) / step)) * step + rest
        raise BakeoffError(f"no network {name!r}: its depth must be {step}n+{rest}; the nearest is {nearest}")
