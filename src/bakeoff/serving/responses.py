"""The answers of a server about images, as plain values for JSON."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from bakeoff.data.depth import FULL
from bakeoff.inference.arrays import in_channels
from bakeoff.inference.drawing import TITLES, overlay, to_image
from bakeoff.inference.explanation import explain
from bakeoff.inference.model import Model
from bakeoff.inference.neighbours import Neighbours
from bakeoff.serving.limits import Limits
from bakeoff.serving.uploads import decode_upload

LARGE, SMALL = 320, 96
"""Longer sides of the pictures in explanations."""


@dataclass(frozen=True, eq=False)
class Served:
    """A model that is served."""

    model: Model
    name: str
    methods: tuple[str, ...] = ()
    """Methods that show where the network looked; none if Captum is missing."""
    neighbours: Neighbours | None = None
    without: str = ""
    """Why there are no training images."""

    def decode(self, content: bytes, limits: Limits) -> np.ndarray:
        """Return the pixels (C, H, W) uint8 of the content of an image file; raises as `decode_upload`."""
        bundle = self.model.bundle
        size = bundle.images.height, bundle.images.width
        wanted = bundle.run.recipe.image
        pixels = decode_upload(content, size, wanted.fit, bundle.depth or FULL, limits, wanted.interpolation)
        return in_channels(pixels, bundle.images.channels)

    def describe(self) -> dict[str, Any]:
        """Return what the page and programs need to know."""
        run = self.model.bundle.run
        return {
            "name": self.name,
            "network": run.net,
            "data": self.model.bundle.data_name,
            "members": len(self.model.members),
            "classes": list(self.model.classes),
            "temperature": self.model.temperature,
            "methods": {method: TITLES.get(method, method) for method in self.methods},
            "neighbours": self.neighbours is not None,
            "without_neighbours": self.without,
        }

    def say(self, row: np.ndarray) -> dict[str, Any]:
        """Return the answer for a row of probabilities, the most probable class first."""
        said = self.model.prediction(row)
        shares = zip(self.model.classes, said.probabilities, strict=True)
        ranked = dict(sorted(shares, key=lambda one: -one[1]))
        return {"label": said.label, "probability": said.probability, "probabilities": ranked}

    def explain(self, pixels: np.ndarray, methods: tuple[str, ...], target: str | None, number: int) -> dict[str, Any]:
        """Return the answer for an image, with where the network looked and similar training images.

        Raises:
            BakeoffError: there is no such class.
        """
        found = explain(self.model, pixels, methods, target=target, neighbours=self.neighbours, number=number)
        near = [
            {
                "label": one.place.label,
                "similarity": one.similarity,
                "index": one.place.index,
                "picture": as_uri(to_image(one.pixels, SMALL)),
            }
            for one in found.neighbours
        ]
        return self.say(np.array(found.prediction.probabilities)) | {
            "explained": found.target,
            "picture": as_uri(to_image(found.picture, LARGE)),
            "maps": {method: as_uri(overlay(found.picture, heat, LARGE)) for method, heat in found.maps.items()},
            "neighbours": near,
        }


def as_uri(picture: Image.Image) -> str:
    """Return a picture as a data: URI of a PNG."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
