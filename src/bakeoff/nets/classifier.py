"""Finds the classifier of a network, and collects its input features.

The classifier is what depends on the number of classes: the modules with a parameter or buffer whose shape differs
between K and K + 1 classes. Its last layer turns features into logits. Nothing is computed: the network is built on
torch's meta device where possible.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Size, Tensor, nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.shapes import modules_that_differ
from bakeoff.nets.summary import apply_to_new
from bakeoff.spec.data import ImageShape


@dataclass(frozen=True)
class Classifier:
    """The classifier of a network."""

    path: str
    """The path of the layer that turns features into logits, as in `named_modules`."""
    features: int
    """Input values of this layer per image."""
    parts: tuple[str, ...]
    """Paths of all modules that depend on the number of classes, those of auxiliary classifiers included."""


@lru_cache(maxsize=256)
def classifier_parts(name: str, shape: ImageShape, classes: int) -> tuple[str, ...]:
    """Return the paths of all modules that depend on the number of classes, in the order of `named_modules`.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
        Exception: what a user's network raises when it is built.
    """
    few, many = (apply_to_new(name, shape, number, 1, lambda net, _: _shapes(net)) for number in (classes, classes + 1))
    return modules_that_differ(few, many)


def _shapes(net: nn.Module) -> dict[str, Size]:
    return {key: value.shape for key, value in (*net.named_parameters(), *net.named_buffers())}


@lru_cache(maxsize=256)
def find_classifier(name: str, shape: ImageShape, classes: int) -> Classifier:
    """Return the classifier of a network: its last layer is a dense layer, or a convolution of one pixel.

    Raises:
        BakeoffError: there is no such network, the images are too small for it, or its last layer is something else.
        Exception: what a user's network raises when it is built.
    """
    parts = classifier_parts(name, shape, classes)
    last = apply_to_new(name, shape, classes, 1, lambda net, images: _last_to_run(net, images, parts))
    if last is None:
        raise BakeoffError(f"{name} has no classifier: none of its layers depends on the number of classes")
    path, layer = last
    features = _features(layer)
    if features is None:
        raise BakeoffError(
            f"the classifier of {name} ends in {path or 'the whole network'}, a {type(layer).__name__}: "
            "expected a dense layer or a 1×1 convolution"
        )
    return Classifier(path, features, parts)


def classifier_of(name: str, shape: ImageShape, classes: int) -> str:
    """Return the path of the layer of a network that turns features into logits; raises as `find_classifier`."""
    return find_classifier(name, shape, classes).path


def _last_to_run(net: nn.Module, images: Tensor, parts: Iterable[str]) -> tuple[str, nn.Module] | None:
    """Return path and module of the part in `parts` that ends last in evaluation; None if none runs."""
    ran: list[tuple[str, nn.Module]] = []
    net.eval()
    for path in parts:
        net.get_submodule(path).register_forward_hook(lambda layer, *_, path=path: ran.append((path, layer)))
    with torch.no_grad():
        net(images)
    return ran[-1] if ran else None


def _features(layer: nn.Module) -> int | None:
    """Return the number of a layer's input values per image; None if it is not a linear map of them."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1 and not any(layer.padding):
        return layer.in_channels
    return None


@contextmanager
def watch_features(net: nn.Module, path: str) -> Iterator[list[Tensor]]:
    """Collect the inputs of the layer at `path` within the block, (N, features) for each forward pass.

    Inputs of a convolution are averaged over all pixels: if the network averages the logits of all pixels, the result
    is the same.
    """
    seen: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append(given[0].mean((2, 3)) if given[0].dim() == 4 else given[0])

    hook = net.get_submodule(path).register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        hook.remove()


def check_linear(net: nn.Module, path: str, images: Tensor, name: str) -> None:
    """Check on some images that the logits are the outputs of the layer at `path`, so that it can be replaced.

    The weights of the layer are drawn again; nothing else is changed.

    Raises:
        BakeoffError: they are not, or the layer has no bias.
    """
    weight, bias = (getattr(net.get_submodule(path), part) for part in ("weight", "bias"))
    if bias is None:
        raise BakeoffError(f"{name} cannot be probed: its classifier {path} has no bias; train it with another recipe")
    net.eval()
    with torch.inference_mode(False), torch.no_grad():
        weight.normal_(std=weight[0].numel() ** -0.5)
        with watch_features(net, path) as seen:
            logits = net(images)
        expected = torch.addmm(bias, seen[0], weight.flatten(1).T)
    if expected.shape != logits.shape or not torch.allclose(logits, expected, rtol=1e-3, atol=1e-4):
        raise BakeoffError(
            f"{name} cannot be probed: its logits are not the outputs of its classifier {path}, since something "
            "follows it; train it with another recipe"
        )
