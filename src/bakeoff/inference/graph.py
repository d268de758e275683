"""A model as one graph of tensor operations: from pixels of any size to probabilities, to be exported.

Images are resized by two matrix products, one for each axis, in the fixed-point arithmetic of the training's decoder:
the pixels are the same to the last bit, in any program that runs the graph.
"""

from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import PIL.Image
import torch
from torch import Tensor, nn

from bakeoff.data.normalize import Normalizer
from bakeoff.data.resize import repeat_pixels
from bakeoff.nets.fast import without_speed_ups
from bakeoff.spec.recipe import Interpolation

if TYPE_CHECKING:
    from bakeoff.inference.model import Model

Layout: TypeAlias = Literal["nhwc", "nchw"]
PILLOW_BITS = 22
"""Bits of the weights' fraction in Pillow's resampling of bytes (PRECISION_BITS in its Resample.c)."""
TORCH_BITS = 15
"""Bits of a whole weight, with sign, in torch's resampling of bytes (compute_index_ranges_int16_weights)."""
CUBIC = -0.5
"""Parameter a of the bicubic filter (Keys 1981), in Pillow and in torch with antialiasing."""
REACH: dict[Interpolation, float] = {"bilinear": 1.0, "bicubic": 2.0}
"""Source pixels, at a scale of 1, on either side of the middle that a filter weighs."""


class Decoded(nn.Module):
    """Resizes images of any size as Pillow's filter and `data.decode` do."""

    def __init__(self, size: tuple[int, int], fit: str, interpolation: Interpolation = "bilinear") -> None:
        super().__init__()
        self.size, self.fit, self.interpolation = size, fit, interpolation

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, C, H, W) pixels into (N, C, *size), whole numbers as float64."""
        own = [torch.scalar_tensor(side, dtype=torch.float64) for side in images.shape[2:]]
        scaled = [torch.full_like(side, wanted) for side, wanted in zip(own, self.size, strict=True)]
        if self.fit != "stretch":
            down, across = (wanted / side for wanted, side in zip(self.size, own, strict=True))
            ratio = torch.maximum(down, across) if self.fit == "crop" else torch.minimum(down, across)
            scaled = [torch.round(side * ratio).clamp(min=1.0) for side in own]
        how = self.interpolation
        starts = [torch.floor((now - wanted) / 2) for now, wanted in zip(scaled, self.size, strict=True)]
        down, across = (
            _fixed(filter_weights(side, size, now, start, how), PILLOW_BITS)
            for side, size, now, start in zip(images.shape[2:], self.size, scaled, starts, strict=True)
        )
        parts = (images.double(), down, across)
        if not height_may_be_first():
            return resample(*parts)
        lower, narrower = (side - now for side, now in zip(own, scaled, strict=True))
        is_first = (lower > 0) & (lower > 2 * narrower)
        if torch.compiler.is_exporting():
            return torch.where(is_first, resample_height_first(*parts), resample(*parts))
        return resample_height_first(*parts) if is_first else resample(*parts)


@cache
def height_may_be_first() -> bool:
    """Return whether this Pillow filters first along the height where that loses more than twice as many pixels.

    Pillow 13 does; older ones always filter first along the width.
    """
    pixels = np.array([[95, 217], [15, 215]], np.uint8)
    resized = PIL.Image.fromarray(pixels).resize((4, 1), PIL.Image.Resampling.BILINEAR)
    return bool(np.asarray(resized)[0, 1] == 95)


class Resized(nn.Module):
    """Resizes images of one size as `data.resize` does on a CPU."""

    down: Tensor
    across: Tensor

    def __init__(
        self, own: tuple[int, int], size: tuple[int, int], fit: str, interpolation: Interpolation = "bilinear"
    ) -> None:
        super().__init__()
        ratios = [wanted / side for wanted, side in zip(size, own, strict=True)]
        ratio = max(ratios) if fit == "crop" else min(ratios)
        for axis, name in enumerate(("down", "across")):
            now = size[axis] if fit == "stretch" else max(1, round(own[axis] * ratio))
            scaled, start = torch.tensor(float(now)).double(), torch.tensor(-((size[axis] - now) // 2))
            weights = filter_weights(own[axis], size[axis], scaled, start, interpolation)
            largest = float(filter_weights(own[axis], now, scaled, torch.tensor(0), interpolation).max())
            bits = next(n for n in range(PILLOW_BITS) if int(0.5 + largest * 2 ** (n + 1)) >= 2**TORCH_BITS)
            self.register_buffer(name, _fixed(weights, bits))

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, C, H, W) pixels as float64 into those of the network's input, also float64."""
        return resample(images, self.down, self.across)


def filter_weights(
    own: int, size: int, scaled: Tensor, start: Tensor, interpolation: Interpolation = "bilinear"
) -> Tensor:
    """Return the weights (size, own) float64 of an antialiased filter along one axis.

    `own` pixels are scaled to `scaled`, of which `size` are kept from `start` on; those outside are 0.
    """
    at = torch.arange(size, dtype=torch.float64) + start
    step = own / scaled
    middle = torch.arange(own, dtype=torch.float64) + 0.5 - (at[:, None] + 0.5) * step
    distance = (middle.abs() / step.clamp(min=1.0)).clamp(max=REACH[interpolation])
    if interpolation == "bicubic":
        near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance * distance + 1
        far = (((distance - 5) * distance + 8) * distance - 4) * CUBIC
        weights = torch.where(distance < 1, near, far)
    else:
        weights = 1 - distance
    inside = (at >= 0) & (at < scaled)
    return torch.where(inside[:, None], weights / weights.sum(1, keepdim=True), torch.zeros_like(weights))


def resample(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Filter (N, C, H, W) float64 along the width, then along the height; both round to bytes."""
    return _to_bytes(down @ _to_bytes(images @ across.T))


def resample_height_first(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Filter as `resample`, but first along the height."""
    return _to_bytes(_to_bytes(down @ images) @ across.T)


def _to_bytes(values: Tensor) -> Tensor:
    """Round to whole numbers of 0 to 255, as float64: a bicubic filter leaves that range at edges."""
    return torch.floor(values + 0.5).clamp(0.0, 255.0)


def _fixed(weights: Tensor, bits: int) -> Tensor:
    """Round to multiples of 2^-bits, halves away from zero."""
    return weights.sign() * torch.floor(weights.abs() * 2.0**bits + 0.5) / 2.0**bits


class Member(nn.Module):
    """A network behind its normaliser."""

    scale: Tensor
    bias: Tensor

    def __init__(self, net: nn.Module, normalizer: Normalizer) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("scale", normalizer.scale.contiguous())
        self.register_buffer("bias", normalizer.bias.contiguous())

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, C, H, W) pixels as float32 into logits (N, K)."""
        logits: Tensor = self.net(images * self.scale + self.bias)
        return logits.float()


class Graph(nn.Module):
    """From uint8 images of any size to probabilities (N, K), as `Model.predict` computes them."""

    def __init__(self, model: "Model", layout: Layout = "nhwc") -> None:
        super().__init__()
        bundle = model.bundle
        image, own = bundle.run.recipe.image, (bundle.images.height, bundle.images.width)
        self.layout, self.temperature, self.times = layout, model.temperature, image.scale
        how = image.fit, image.interpolation
        self.decoded = Decoded(own, *how)
        self.resized = Resized(own, image.size, *how) if image.size not in (None, own) else nn.Identity()
        self.members = nn.ModuleList(
            Member(without_speed_ups(member.net), member.bundle.normalizer()) for member in model.members
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn (N, H, W, C), or (N, C, H, W) if the layout says so, into probabilities (N, K) float32."""
        pixels = images.permute(0, 3, 1, 2) if self.layout == "nhwc" else images
        pixels = self.resized(self.decoded(pixels)).float()
        if self.times > 1:
            pixels = repeat_pixels(pixels, self.times)
        shares = [(member(pixels) / self.temperature).softmax(1) for member in self.members]
        return torch.stack(shares).mean(0) if len(shares) > 1 else shares[0]


def example_of(model: "Model", layout: Layout) -> Tensor:
    """Return two images with which the graph of a model can be traced."""
    images = model.bundle.images
    sides = (images.height + 3, images.width + 5)
    shape = (2, *sides, images.channels) if layout == "nhwc" else (2, images.channels, *sides)
    return torch.zeros(shape, dtype=torch.uint8)


def trace(model: "Model", layout: Layout = "nhwc") -> "torch.export.ExportedProgram":
    """Trace a model for images of any number and size.

    Raises:
        Exception: the network cannot be traced; torch raises many types.
    """
    height, width = (1, 2) if layout == "nhwc" else (2, 3)
    dim = torch.export.Dim
    sizes = {0: dim("batch"), height: dim("height"), width: dim("width")}
    with torch.no_grad():
        return torch.export.export(
            Graph(model, layout).eval(), (example_of(model, layout),), dynamic_shapes={"images": sizes}
        )


def without_adaptive_maximum(program: "torch.export.ExportedProgram") -> "torch.export.ExportedProgram":
    """Return a program that computes adaptive maximum pooling, which ONNX does not have, area by area."""
    pooling = torch.ops.aten.adaptive_max_pool2d.default
    if all(node.target is not pooling for node in program.graph.nodes):
        return program
    return program.run_decompositions({pooling: _adaptive_maximum})


def _adaptive_maximum(images: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the maxima of areas as `adaptive_max_pool2d` does, and zeros instead of where they are."""
    rows, columns = (
        [(place * own // number, -(-(place + 1) * own // number)) for place in range(number)]
        for own, number in zip(images.shape[-2:], size, strict=True)
    )
    maxima = torch.stack(
        [
            torch.stack([images[..., top:bottom, left:right].amax((-2, -1)) for left, right in columns], -1)
            for top, bottom in rows
        ],
        -2,
    )
    return maxima, torch.zeros_like(maxima, dtype=torch.int64)
