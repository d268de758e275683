"""TrivialAugmentWide and RandAugment: which operations change an image, and how strongly."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bakeoff.data.operations import OPERATIONS
from bakeoff.spec.recipe import Augment

BINS = 31
"""Strengths from none to the largest, evenly spaced."""
SIGNED = frozenset(
    ("shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast", "sharpness")
)
"""Operations whose amount is negative for one image in two."""
TRIVIAL: Mapping[str, float] = {
    "shear_x": 0.99,
    "shear_y": 0.99,
    "translate_x": 32.0,
    "translate_y": 32.0,
    "rotate": 135.0,
    "brightness": 0.99,
    "color": 0.99,
    "contrast": 0.99,
    "sharpness": 0.99,
    "posterize": 6.0,
    "solarize": 255.0,
}
"""The largest amounts in TrivialAugmentWide; of posterize, the bits dropped; of solarize, the grey levels inverted."""
RAND: Mapping[str, float] = {
    "shear_x": 0.3,
    "shear_y": 0.3,
    "translate_x": 150 / 331,
    "translate_y": 150 / 331,
    "rotate": 30.0,
    "brightness": 0.9,
    "color": 0.9,
    "contrast": 0.9,
    "sharpness": 0.9,
    "posterize": 4.0,
    "solarize": 255.0,
}
"""The largest amounts in RandAugment; of translations, as a share of the side."""

Uniform = Callable[[str, float, float, int], Tensor]
"""(name of a random stream, low, high, columns) → numbers (n, columns), or (n,) for one column."""


def draw_operations(settings: Augment, size: tuple[int, int], uniform: Uniform) -> dict[str, Tensor]:
    """Draw the operations of each image, by number in `OPERATIONS`, and their amounts: both (n, operations)."""
    is_trivial = settings.policy == "trivial"
    columns = 1 if is_trivial else settings.rand_operations
    kinds = uniform("operation", 0, len(OPERATIONS), columns).view(-1, columns).long()
    sign = uniform("sign", 0, 1, columns).view(-1, columns) < 0.5
    if is_trivial:
        strengths = uniform("strength", 0, BINS, columns).view(-1, columns).long()
    else:
        strengths = torch.full_like(kinds, settings.rand_magnitude)
    amounts = amounts_of(settings, size)[kinds, strengths]
    signed = torch.tensor([name in SIGNED for name in OPERATIONS])[kinds]
    return {"operation": kinds, "amount": torch.where(signed & sign, -amounts, amounts)}


def amounts_of(settings: Augment, size: tuple[int, int]) -> Tensor:
    """Return the amount of each operation at each strength: (operations, BINS)."""
    amounts = torch.zeros(len(OPERATIONS), BINS)
    steps = torch.linspace(0, 1, BINS)
    is_trivial = settings.policy == "trivial"
    sides = {} if is_trivial else {"translate_x": size[1], "translate_y": size[0]}
    for number, name in enumerate(OPERATIONS):
        largest = (TRIVIAL if is_trivial else RAND).get(name, 0.0) * sides.get(name, 1)
        amounts[number] = steps * largest
        if name == "posterize":
            amounts[number] = 8 - (steps * largest).round()
        elif name == "solarize":
            amounts[number] = 255 - steps * largest
    return amounts


def apply_operations(images: Tensor, kinds: Tensor, amounts: Tensor) -> Tensor:
    """Apply to each of the (n, C, H, W) uint8 images its operations, one after the other."""
    images = images.clone()
    for column in range(kinds.shape[1]):
        for number, operation in enumerate(OPERATIONS.values()):
            rows = (kinds[:, column] == number).nonzero()[:, 0]
            if number and len(rows):
                changed = operation(images.index_select(0, rows), amounts[rows, column])
                images.index_copy_(0, rows, changed)
    return images
