"""What a network costs before it is trained: parameters and FLOPs, layer by layer.

Counting runs the network on torch's meta device, shapes only. What has to see numbers (`.item()`, numpy) cannot run
there and is counted in a forward pass of one black image; where that fails too, the count is a blank with its reason.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from bakeoff.nets import build, find_net
from bakeoff.spec.data import ImageShape


@dataclass(frozen=True)
class Layer:
    """One layer that a forward pass meets."""

    name: str
    type: str
    input: tuple[int, ...]
    """Shape of what it is given for one image, without the batch: (channels, height, width) or (values,)."""
    output: tuple[int, ...]
    """Shape of what it gives, likewise.

    Both are empty for the layers of auxiliary classifiers, which only run in training.
    """
    parameters: int
    """Trainable and not."""
    flops: int
    """Of one forward pass of one image, a multiply-add counted as 2; convolutions and dense layers only."""


@dataclass(frozen=True)
class Summary:
    """The layers of a network and their totals, for images of one shape."""

    net: str
    images: str
    classes: int
    total: int
    """Trainable and non-trainable parameters, those of auxiliary classifiers included."""
    trainable: int
    non_trainable: int
    """Fixed values: the running means and variances of batch normalisation, as Keras counts, and fixed codes."""
    flops: int | None
    """Of one forward pass of one image outside training, a multiply-add counted as 2; None where it is unknown."""
    layers: tuple[Layer, ...]
    blanks: dict[str, str] = field(default_factory=dict)
    """Why something could not be counted, by its name."""


Counted = TypeVar("Counted")


def count(
    name: str, shape: ImageShape, classes: int, images: int, of: Callable[[nn.Module, Tensor], Counted]
) -> Counted:
    """Return `of` a freshly built network and that many images, on the meta device or, where that fails, on the CPU.

    The global generator of random numbers is left as it was.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
        Exception: what the network raises on the CPU.
    """
    find_net(name).check(name, shape)
    try:
        return _count(name, shape, classes, images, of, "meta")
    except Exception:  # a user's network may fail in any way
        return _count(name, shape, classes, images, of, "cpu")


def _count(
    name: str, shape: ImageShape, classes: int, images: int, of: Callable[[nn.Module, Tensor], Counted], device: str
) -> Counted:
    with torch.random.fork_rng([]):
        with torch.device(device):
            net = build(name, shape, classes)
            batch = torch.zeros(images, shape.channels, shape.height, shape.width)
        return of(net, batch)


def parameter_count(name: str, shape: ImageShape, classes: int) -> int:
    """Return the number of trainable parameters, as papers count them.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
        Exception: what a user's network raises when it is built.
    """
    return count(name, shape, classes, 1, lambda net, _: trainable(net))


def summarize(name: str, shape: ImageShape, classes: int) -> Summary:
    """Return the layers of a network in the order they run, with output shapes, parameters and FLOPs.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
        Exception: what a user's network raises when it is built.
    """

    def summary(net: nn.Module, flops: int | None, layers: tuple[Layer, ...], blanks: dict[str, str]) -> Summary:
        own, fixed = trainable(net), non_trainable(net)
        return Summary(name, str(shape), classes, own + fixed, own, fixed, flops, layers, blanks)

    try:
        return count(name, shape, classes, 1, lambda net, images: summary(net, *_layers(net, images), {}))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        blanks = {"flops": reason, "layers": reason}
        return count(name, shape, classes, 1, lambda net, _: summary(net, None, (), blanks))


def _layers(net: nn.Module, images: Tensor) -> tuple[int, tuple[Layer, ...]]:
    """Return the FLOPs of a forward pass, and the layers."""
    net.eval()
    inputs: dict[nn.Module, tuple[int, ...]] = {}
    outputs: dict[nn.Module, tuple[int, ...]] = {}

    def note(layer: nn.Module, given: Any, named: Any, output: Any) -> None:
        inputs[layer] = _shape_of((given, named))
        outputs[layer] = _shape_of(output)

    leaves = {module: path for path, module in net.named_modules() if not list(module.children())}
    for layer in leaves:
        layer.register_forward_hook(note, with_kwargs=True)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), in_plain_products(), counter:
        net(images)
    counts = counter.get_flop_counts()
    ran = [layer for layer in outputs if not isinstance(layer, nn.Identity)]
    idle = [layer for layer in leaves if layer not in outputs and trainable(layer)]
    layers = tuple(
        Layer(
            leaves[layer],
            type(layer).__name__,
            inputs.get(layer, ()),
            outputs.get(layer, ()),
            trainable(layer) + non_trainable(layer),
            sum(counts.get(f"{type(net).__name__}.{leaves[layer]}", {}).values()),
        )
        for layer in [*ran, *idle]
    )
    return counter.get_total_flops(), layers


def _shape_of(values: Any) -> tuple[int, ...]:
    """Return the shape of the first tensor among `values`, without the batch; () where there is none."""
    tensors = (value for value in tree_leaves(values) if isinstance(value, Tensor))
    return next((tuple(tensor.shape[1:]) for tensor in tensors), ())


@contextmanager
def in_plain_products() -> Iterator[None]:
    """Keep recurrent layers and attention from the fused kernels, whose products torch's counter does not see."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oneDNN's flags speak of GPUs that are not there
            with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
                yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def trainable(module: nn.Module) -> int:
    """Return how many values of `module` training changes by gradients."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def non_trainable(module: nn.Module) -> int:
    """Return how many values of `module` belong to it but have no gradient: statistics and fixed codes."""
    return sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point())
