"""Shapes of the parameters and buffers of networks."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def shape_of(entry: Any) -> tuple[int, ...] | None:
    """Return the shape of an entry of a state dict, None if it is not a tensor."""
    return tuple(entry.shape) if isinstance(entry, Tensor) else None


def modules_that_differ(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the modules of a network with an entry of another shape in a second one.

    Args:
        first: name of each parameter and buffer → its shape.
        second: the same of another network.
    """
    changed = (name for name, shape in first.items() if second.get(name) != shape)
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in changed))
