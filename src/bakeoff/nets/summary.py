"""What a network costs before it is trained: parameters and FLOPs, layer by layer, without any arithmetic."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bakeoff.nets import build
from bakeoff.spec import ImageShape


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
    flops: int
    """Of one forward pass of one image outside training, a multiply-add counted as 2."""
    layers: tuple[Layer, ...]


def parameter_count(name: str, shape: ImageShape, classes: int) -> int:
    """Return the number of trainable parameters, as papers count them.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
    """
    with torch.device("meta"):
        return trainable(build(name, shape, classes))


def summarize(name: str, shape: ImageShape, classes: int) -> Summary:
    """Return the layers of a network in the order they run, with output shapes, parameters and FLOPs.

    The network is built and run on torch's meta device: shapes only, so even the largest takes a second.

    Raises:
        BakeoffError: there is no such network, or the images are too small for it.
    """
    with torch.device("meta"):
        net = build(name, shape, classes).eval()
        images = torch.empty(1, shape.channels, shape.height, shape.width)
    inputs: dict[nn.Module, tuple[int, ...]] = {}
    outputs: dict[nn.Module, tuple[int, ...]] = {}

    def note(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        inputs[layer] = tuple(given[0].shape[1:])
        outputs[layer] = tuple(output.shape[1:])

    leaves = {module: path for path, module in net.named_modules() if not list(module.children())}
    for layer in leaves:
        layer.register_forward_hook(note)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
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
    return Summary(
        net=name,
        images=str(shape),
        classes=classes,
        total=trainable(net) + non_trainable(net),
        trainable=trainable(net),
        non_trainable=non_trainable(net),
        flops=counter.get_total_flops(),
        layers=layers,
    )


def trainable(module: nn.Module) -> int:
    """Return how many values of `module` training changes by gradients."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def non_trainable(module: nn.Module) -> int:
    """Return how many values of `module` belong to it but have no gradient: statistics and fixed codes."""
    return sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point())
