"""Parameters and FLOPs of a network, layer by layer.

Counting runs the network on torch's meta device, which computes shapes only. Networks that need values (`.item()`,
numpy) are counted in a forward pass of a black image on the CPU; if that fails too, the count is blank with a reason.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from bakeoff.errors import BakeoffError
from bakeoff.nets import build, find_net
from bakeoff.spec.data import ImageShape


@dataclass(frozen=True)
class Layer:
    """One layer in a forward pass."""

    name: str
    type: str
    input: tuple[int, ...]
    """Shape of its input for one image: (channels, height, width) or (values,)."""
    output: tuple[int, ...]
    """Shape of its output. Both are empty for layers of auxiliary classifiers, which only run in training."""
    parameters: int
    """Trainable and not."""
    flops: int
    """Of a forward pass of one image, multiply-add = 2; convolutions and dense layers only."""


@dataclass(frozen=True)
class Summary:
    """The layers of a network and their totals, for images of one shape."""

    net: str
    images: str
    classes: int
    total: int
    """Trainable and non-trainable parameters, including those of auxiliary classifiers."""
    trainable: int
    non_trainable: int
    """Running statistics of batch normalisation, as Keras counts, and other floating-point buffers."""
    flops: int | None
    """Of a forward pass of one image in evaluation, multiply-add = 2; None if unknown."""
    layers: tuple[Layer, ...]
    blanks: dict[str, str] = field(default_factory=dict)
    """What could not be counted → the reason."""


Counted = TypeVar("Counted")


def apply_to_new(
    name: str, shape: ImageShape, classes: int, images: int, of: Callable[[nn.Module, Tensor], Counted]
) -> Counted:
    """Return `of(network, images)` for a new network, on the meta device or, if that fails, on the CPU.

    The state of torch's global random generator is restored.

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
    return apply_to_new(name, shape, classes, 1, lambda net, _: trainable(net))


def summarize(name: str, shape: ImageShape, classes: int) -> Summary:
    """Return the layers of a network in execution order, with shapes, parameters and FLOPs.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
        Exception: what a user's network raises when it is built.
    """

    def summary(net: nn.Module, flops: int | None, layers: tuple[Layer, ...], blanks: dict[str, str]) -> Summary:
        own, fixed = trainable(net), non_trainable(net)
        return Summary(name, str(shape), classes, own + fixed, own, fixed, flops, layers, blanks)

    try:
        return apply_to_new(name, shape, classes, 1, lambda net, images: summary(net, *_layers(net, images), {}))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        blanks = {"flops": reason, "layers": reason}
        return apply_to_new(name, shape, classes, 1, lambda net, _: summary(net, None, (), blanks))


def summaries(networks: Iterable[tuple[str, ImageShape, int]]) -> dict[tuple[str, ImageShape, int], dict[str, Any]]:
    """Return the layers and parameters of networks, as plain values, without those that cannot be built."""
    found = {}
    for network in networks:
        with suppress(BakeoffError):
            found[network] = asdict(summarize(*network))
    return found


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
    """Return the shape of the first tensor in `values` without the batch dimension; () if there is none."""
    tensors = (value for value in tree_leaves(values) if isinstance(value, Tensor))
    return next((tuple(tensor.shape[1:]) for tensor in tensors), ())


@contextmanager
def in_plain_products() -> Iterator[None]:
    """Disable fused kernels of recurrent layers and attention, whose products torch's counter does not count."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the oneDNN flags warn about GPUs
            with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
                yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def trainable(module: nn.Module) -> int:
    """Return the number of trainable parameters of `module`."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def non_trainable(module: nn.Module) -> int:
    """Return the number of values in the floating-point buffers of `module`, such as running statistics."""
    return sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point())
