"""Values in the description of a bundle: texts, numbers and findings."""

import base64
import math
import zlib
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bakeoff.spec.packed import unpack_array
from bakeoff.spec.values import Value


class Text(Value, frozen=True):
    """A module of a user's own network."""

    text: str
    file: str
    """Its name, without the folder."""


class Numbers(Value, frozen=True):
    """A float32 tensor: its shape, and its values compressed and in base64."""

    shape: tuple[int, ...]
    values: str

    @classmethod
    def of(cls, tensor: Tensor) -> "Numbers":
        """Pack a (C, H, W) tensor; one that is constant in each channel takes C numbers."""
        values = tensor.detach().cpu().float().contiguous()
        per_channel = values[:, :1, :1]
        small = per_channel if torch.equal(per_channel.expand_as(values), values) else values
        packed = base64.b64encode(zlib.compress(np.ascontiguousarray(small.numpy()).tobytes(), 9)).decode()
        return cls(tuple(small.shape), packed)

    def tensor(self) -> Tensor:
        """Return the tensor as it was packed.

        Raises:
            ValueError: the values are damaged, or their number does not match the shape.
            zlib.error: the values are damaged.
        """
        flat = unpack_array(base64.b64decode(self.values), np.float32, math.prod(self.shape))
        return torch.from_numpy(flat.reshape(self.shape).copy())


class Noted(Value, frozen=True):
    """A finding of the audit."""

    kind: str
    severity: Literal["note", "caution", "serious"]
    message: str
    advice: str
