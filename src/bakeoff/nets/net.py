"""What every architecture file exports: a dict of `Net`s. A network never sees a data set."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.spec import ImageShape


@dataclass(frozen=True)
class Net:
    """One architecture: how it is built, where it comes from, what it needs."""

    build: Callable[[ImageShape, int], nn.Module]
    """(shape of one image, number of classes) → a module from (N, C, H, W) float images to (N, K) logits."""
    family: str
    year: int
    source: str
    """Paper and section, or the code it follows, and departures from it if there are any."""
    smallest: int
    """The smallest height and width, in pixels, that leave at least one pixel to the last layer."""
    parameters: dict[tuple[str, int], str] = field(default_factory=dict)
    """Published parameter counts by (image shape, classes), as printed: "150742", "0.27M". A test reads them."""

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
