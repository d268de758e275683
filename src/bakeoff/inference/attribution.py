"""Where a network looked: how much each pixel of an image contributes to a class, by methods of Captum.

- `gradcam`: Selvaraju et al. 2017, "Grad-CAM: Visual explanations from deep networks via gradient-based localization".
- `gradients`: integrated gradients, Sundararajan et al. 2017, "Axiomatic attribution for deep networks", from the mean
  colour of the training.
- `occlusion`: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff.data.resize import resize
from bakeoff.errors import BakeoffError
from bakeoff.inference.model import Model

FINE = 4
"""Minimum pixels per axis of the layer for Grad-CAM, if there is such a layer."""
STEPS = 24
"""Points between the mean colour and the image at which gradients are computed."""
AT_ONCE = 8
"""Images per forward pass."""
BRIGHT = 0.995
"""Quantile of integrated gradients that is shown as the brightest: the largest are single pixels."""
WINDOWS = 8
"""Windows of occlusion per axis that fit side by side; they move by half their size."""

Method = Callable[[nn.Module, Tensor, int, str], Tensor]
"""(network, image (1, C, H, W), class, path of the layer of Grad-CAM) → attributions (h, w)."""


def last_map(net: nn.Module, images: Tensor) -> str:
    """Return the path of the last layer or block that gives a map of at least 4×4 pixels, or of several; "" if none.

    Args:
        net: the network, which is set to evaluation.
        images: (N, C, H, W).
    """
    maps: list[tuple[str, int, int]] = []

    def note(path: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[2] * output.shape[3] > 1:
            maps.append((path, *output.shape[2:]))

    parts = [(path, part) for path, part in net.eval().named_modules() if path]
    hooks = [part.register_forward_hook(lambda *given, path=path: note(path, given[2])) for path, part in parts]
    try:
        with torch.no_grad():
            net(images)
    finally:
        for hook in hooks:
            hook.remove()
    fine = [path for path, height, width in maps if min(height, width) >= FINE]
    return (fine or [path for path, *_ in maps] or [""])[-1]


def as_seen(model: Model, pixels: np.ndarray) -> np.ndarray:
    """Return decoded pixels (C, H, W) uint8 as the network sees them, (C, H', W') uint8."""
    return resize(torch.from_numpy(np.stack([pixels])), model.bundle.run.recipe.image)[0].numpy()


def attribute(model: Model, pixels: np.ndarray, target: int, method: str) -> np.ndarray:
    """Return how much each pixel contributes to the logit of a class; for an ensemble, the mean.

    Args:
        model: one network or several.
        pixels: (C, H, W) uint8, as `Model.decode` gives them.
        target: the class, as its position in `Model.classes`.
        method: one of `METHODS`.

    Returns:
        (H', W') float32 from 0 to 1, of the pixels of `as_seen`; all 0 if nothing contributes to the class.

    Raises:
        BakeoffError: Captum is missing, or the method does not suit the network.
    """
    check_captum()
    maps = []
    for member, image in zip(model.members, model.inputs(np.stack([pixels])), strict=True):
        layer = last_map(member.net, image) if method == "gradcam" else ""
        if method == "gradcam" and not layer:
            raise BakeoffError(
                f"no layer of {member.bundle.run.net} has a map of features: use another method than gradcam"
            )
        with torch.inference_mode(False), torch.enable_grad():
            own = METHODS[method](member.net, image.clone().requires_grad_(), target, layer)
        found = own.detach().float().clamp(min=0)[None, None]
        found = torch.nn.functional.interpolate(found, image.shape[2:], mode="bilinear", align_corners=False)[0, 0]
        maps.append(_scaled(found, BRIGHT if method == "gradients" else 1.0))
    return torch.stack(maps).mean(0).numpy()


def _scaled(found: Tensor, quantile: float) -> Tensor:
    """Return attributions that are not negative, so that a quantile of them and all above are 1."""
    bright = float(np.quantile(found.numpy(), quantile)) or float(found.max())
    return (found / max(bright, 1e-12)).clamp(max=1)


def check_captum() -> None:
    """Check that Captum is installed.

    Raises:
        BakeoffError: it is not.
    """
    try:
        import captum.attr  # noqa: F401
    except ImportError as error:
        raise BakeoffError("where a network looked is computed by Captum: pip install 'bakeoff[explain]'") from error


def _gradcam(net: nn.Module, image: Tensor, target: int, layer: str) -> Tensor:
    from captum.attr import LayerGradCam

    found: Tensor = LayerGradCam(net, net.get_submodule(layer)).attribute(image, target)
    return found[0].sum(0)


def _gradients(net: nn.Module, image: Tensor, target: int, layer: str) -> Tensor:
    from captum.attr import IntegratedGradients

    found: Tensor = IntegratedGradients(net).attribute(
        image, torch.zeros_like(image), target, n_steps=STEPS, internal_batch_size=AT_ONCE
    )
    return found[0].sum(0)


def _occlusion(net: nn.Module, image: Tensor, target: int, layer: str) -> Tensor:
    from captum.attr import Occlusion

    channels, height, width = image.shape[1:]
    window = channels, max(1, height // WINDOWS), max(1, width // WINDOWS)
    strides = channels, max(1, window[1] // 2), max(1, window[2] // 2)
    with torch.no_grad():
        found: Tensor = Occlusion(net).attribute(
            image, window, strides, torch.zeros_like(image), target, perturbations_per_eval=AT_ONCE
        )
    return found[0].mean(0)


METHODS: dict[str, Method] = {"gradcam": _gradcam, "gradients": _gradients, "occlusion": _occlusion}
"""All methods, the fastest first."""
