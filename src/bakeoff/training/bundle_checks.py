"""Checks of bundles, which may come from anywhere: damaged, of another network, or written to do harm. No torch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bakeoff.data.pixels import MOST_PIXELS
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import counted

if TYPE_CHECKING:
    from torch import Tensor

    from bakeoff.training.bundles import Bundle


def check_values(bundle: "Bundle") -> None:
    """Check what the types of a bundle's values do not ensure.

    Raises:
        ValueError: a value makes no sense; its message says which.
    """
    if len(set(bundle.classes)) < max(1, len(bundle.classes)):
        raise ValueError("its classes are missing or have the same names")
    shape = bundle.input_shape
    if bundle.images.channels not in (1, 3):
        raise ValueError(f"its images have {bundle.images.channels} channels")
    if max(one.height * one.width for one in (bundle.images, shape)) > MOST_PIXELS:
        raise ValueError(f"its images have more than {MOST_PIXELS:,} pixels")
    for numbers in (bundle.scale, bundle.bias):
        whole = (shape.channels, shape.height, shape.width)
        if numbers.shape not in (whole, (shape.channels, 1, 1)) or not bool(numbers.tensor().isfinite().all()):
            raise ValueError("the numbers of its normaliser do not fit its images")
    number = len(bundle.classes)
    if not all(0 <= true < number and 0 <= said < number and n >= 0 for true, said, n in bundle.confusion):
        raise ValueError("its confusion matrix does not fit its classes")


def describe_misfit(expected: "Mapping[str, Tensor]", found: "Mapping[str, Tensor]") -> str:
    """Describe how the tensors of a file differ from a network's in name, shape or type; "" if they do not."""
    missing, unknown = (
        [name for name in one if name not in other] for one, other in ((expected, found), (found, expected))
    )
    reshaped = [name for name, tensor in expected.items() if name in found and found[name].shape != tensor.shape]
    retyped = [name for name, tensor in expected.items() if name in found and found[name].dtype != tensor.dtype]
    kinds = {"missing": missing, "unknown": unknown, "of another shape": reshaped, "of another type": retyped}
    return ", ".join(
        f"{counted(len(names), 'tensor')} {kind} ({names[0]}{', …' * (len(names) > 1)})"
        for kind, names in kinds.items()
        if names
    )


def check_weights(expected: "Mapping[str, Tensor]", found: "Mapping[str, Tensor]", net: str, file: str) -> None:
    """Check that the tensors of a file are those of a network.

    Raises:
        BakeoffError: they are not.
    """
    if misfit := describe_misfit(expected, found):
        raise BakeoffError(f"the weights in {file} do not fit {net}: {misfit}")
