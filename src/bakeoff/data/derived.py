"""Images that are computed from those of other splits when they are needed."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from bakeoff.data.dataset import Images


class DerivedImages(Images):
    """Images of a split that are computed on access, and cached while they are referenced."""

    def __init__(self, labels: np.ndarray, groups: Sequence[str], **own: Any) -> None:
        """Set the fields of `Images` and those of a subclass."""
        values = {"labels": labels, "groups": tuple(groups), "cache": WeakValueDictionary(), **own}
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the class is frozen, as its base

    cache: WeakValueDictionary[str, np.ndarray]

    @property
    def images(self) -> np.ndarray:
        """(N, C, H, W) uint8."""
        images = self.cache.get("images")
        if images is None:
            images = self.cache["images"] = self.compute()
        return images

    def compute(self) -> np.ndarray:
        """Return the images, (N, C, H, W) uint8."""
        raise NotImplementedError
