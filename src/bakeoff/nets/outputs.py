"""What a network gives: logits, and in training perhaps those of auxiliary classifiers after them."""

from typing import Any

from torch import Tensor

from bakeoff.errors import BakeoffError


def logits_of(outputs: Any, images: int, classes: int, name: str, *, training: bool) -> tuple[Tensor, ...]:
    """Return the logits (images, classes), in training followed by those of each auxiliary classifier.

    Raises:
        BakeoffError: the network called `name` gives something else.
    """
    given = outputs if training and isinstance(outputs, tuple) else (outputs,)
    if given and all(isinstance(part, Tensor) and part.shape == (images, classes) for part in given):
        return given
    advice = (
        "a tuple stands for the logits of auxiliary classifiers, all of that shape"
        if training
        else "in evaluation give the logits alone, no tuple"
    )
    mode = "training" if training else "evaluation"
    raise BakeoffError(
        f"{name} must give {images} × {classes} logits for {images} images in {mode} and gives {_told(outputs)}"
        + (f": {advice}" if isinstance(outputs, tuple) else "")
    )


def _told(outputs: Any) -> str:
    if isinstance(outputs, Tensor):
        return " × ".join(map(str, outputs.shape)) or "a single number"
    if isinstance(outputs, tuple):
        return f"a tuple of {', '.join(map(_told, outputs)) or 'nothing'}"
    return f"a {type(outputs).__name__}"
