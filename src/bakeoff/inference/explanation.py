"""Explanations of predictions: where a model looked, and which training images it sees as similar."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.inference.attribution import METHODS, as_seen, attribute, last_map
from bakeoff.inference.model import Model, Prediction
from bakeoff.inference.neighbours import Neighbour, Neighbours
from bakeoff.lookup import unknown


@dataclass(frozen=True, eq=False)
class Explanation:
    """The explanation of one image."""

    prediction: Prediction
    target: str
    """The class that is explained."""
    picture: np.ndarray
    """(C, H, W) uint8: the image as the network sees it."""
    maps: dict[str, np.ndarray]
    """Method → how much each pixel of `picture` contributes to `target`, (H, W) float32 from 0 to 1."""
    neighbours: tuple[Neighbour, ...]
    """The nearest training images, the nearest first; none if they are unknown."""


def suitable(model: Model, methods: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the methods that were asked for; by default Grad-CAM if the network has maps, and gradients.

    Raises:
        BakeoffError: there is no such method, or Grad-CAM is asked for and does not suit the network.
    """
    for method in methods:
        if method not in METHODS:
            raise BakeoffError(unknown("method", method, METHODS))
    if methods and "gradcam" not in methods:
        return tuple(methods)
    bundle = model.bundle
    blank = np.zeros((1, bundle.images.channels, bundle.images.height, bundle.images.width), np.uint8)
    has_maps = bool(last_map(model.module, model.inputs(blank)[0]))
    if methods and not has_maps:
        raise BakeoffError(
            f"gradcam does not suit {bundle.run.net}: none of its layers has a map of features; "
            "use gradients or occlusion"
        )
    return tuple(methods) or (("gradcam", "gradients") if has_maps else ("gradients",))


def explain(
    model: Model,
    pixels: np.ndarray,
    methods: Sequence[str],
    *,
    target: str | None = None,
    neighbours: Neighbours | None = None,
    number: int = 5,
    file: str = "",
) -> Explanation:
    """Explain the prediction of a model for an image.

    Args:
        model: one network or several.
        pixels: (C, H, W) uint8, as `Model.decode` gives them.
        methods: see `suitable`.
        target: the class to explain; the predicted one unless given.
        neighbours: the training images, if they are known.
        number: how many of them to find.
        file: the image's name, for the prediction.

    Raises:
        BakeoffError: there is no such class, Captum is missing, or a method does not suit the network.
    """
    if target is not None and target not in model.classes:
        raise BakeoffError(unknown("class", target, model.classes))
    images = np.stack([pixels])
    prediction = model.prediction(model.probabilities(images)[0], file)
    label = target if target is not None else prediction.label
    position = model.classes.index(label)
    maps = {method: attribute(model, pixels, position, method) for method in methods}
    near = neighbours.nearest(images, number)[0] if neighbours and number else []
    return Explanation(prediction, label, as_seen(model, pixels), maps, tuple(near))
