"""`Net`: the entry of an architecture. Every file of networks exports a dict of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.weights import Weights
from bakeoff.spec.data import ImageShape

Build = Callable[[ImageShape, int], nn.Module]
"""(shape of one image, number of classes) → a module from (N, C, H, W) float images to (N, K) logits."""


@dataclass(frozen=True)
class Net:
    """One architecture: its builder, its source and its requirements."""

    build: Build
    family: str
    year: int
    source: str
    """Paper and section, or the code it follows, and any departures."""
    smallest: int
    """The minimum height and width in pixels, at which the last layer gets at least one pixel."""
    parameters: dict[tuple[str, int], str] = field(default_factory=dict)
    """Published parameter counts by (image shape, classes), as printed; checked by a test.

    "269722" or "0.27M" are trainable parameters; "150742/150742/0" is total/trainable/non-trainable, where the
    non-trainable ones are the running statistics of batch normalisation, as Keras counts.
    """
    changes: dict[str, str] = field(default_factory=dict)
    """Changes a study makes to this network: name → description. "NET+CHANGE+CHANGE" applies them."""
    changed: Callable[[frozenset[str]], Build] | None = None
    """The builder of this network with some of `changes`."""
    improves: str = ""
    """The name of this network with all its changes."""
    weights: Weights | None = None
    """The weights it starts from; None if all weights are drawn from the seed."""

    def check(self, name: str, shape: ImageShape) -> None:
        """Check that images of `shape` are large enough.

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
    """Check that a family of networks has this depth.

    Raises:
        BakeoffError: `depth` is not step·n + rest for an n ≥ 1.
    """
    if depth < step + rest or (depth - rest) % step:
        nearest = max(1, round((depth - rest) / step)) * step + rest
        raise BakeoffError(f"no network {name!r}: its depth must be {step}n+{rest}; the nearest is {nearest}")
