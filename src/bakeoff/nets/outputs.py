"""Validates the output of a network: logits, in training optionally followed by those of auxiliary classifiers."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bakeoff.errors import BakeoffError


def logits_of(outputs: Any, images: int, classes: int, name: str, *, training: bool) -> tuple[Tensor, ...]:
    """Return the logits (images, classes), in training followed by those of each auxiliary classifier.

    Raises:
        BakeoffError: the network `name` returns something else.
    """
    given = outputs if training and isinstance(outputs, tuple) else (outputs,)
    if given and all(isinstance(part, Tensor) and part.shape == (images, classes) for part in given):
        return given
    mode = "training" if training else "evaluation"
    advice = _advise(outputs, images, classes, training)
    raise BakeoffError(
        f"{name}: expected {images} × {classes} logits for {images} images in {mode}, got {_describe(outputs)}"
        + (f": {advice}" if advice else "")
    )


def _advise(outputs: Any, images: int, classes: int, training: bool) -> str:
    """Return what to change if the logits are, or may be, among the outputs; empty otherwise."""
    if isinstance(outputs, Mapping) or hasattr(outputs, "logits"):
        return "return the logits alone"
    if not isinstance(outputs, tuple | list):
        return ""
    if not training:
        return "return only the logits in evaluation"
    first = outputs[0] if outputs else None
    if isinstance(first, Tensor) and first.shape == (images, classes) and isinstance(outputs, tuple):
        return "return only the first; what follows the logits counts as logits of auxiliary classifiers, of that shape"
    return "a tuple must contain the logits of auxiliary classifiers, all of that shape"


def _describe(outputs: Any) -> str:
    if isinstance(outputs, Tensor):
        return " × ".join(map(str, outputs.shape)) or "a single number"
    if isinstance(outputs, tuple | list):
        kind = "tuple" if isinstance(outputs, tuple) else "list"
        return f"a {kind} of {', '.join(map(_describe, outputs)) or 'nothing'}"
    if isinstance(outputs, Mapping):
        return f"a {type(outputs).__name__} of {', '.join(map(str, outputs)) or 'nothing'}"
    return f"a {type(outputs).__name__}"
