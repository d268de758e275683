"""Which weights of a network are trained, and at which multiple of the learning rate, as the optimizer's groups.

The layers of a network are its modules with a weight, in the order in which it registers them; batch normalisations
and biases belong to the layer before them. The classifier (`nets/classifier.py`) comes after all others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.nets.classifier import classifier_parts
from bakeoff.nets.summary import apply_to_new
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import ALL_BUT_CLASSIFIER, Recipe

LEVELS = 12
"""Maximum number of steps of the layer-wise rate: as many as a vision transformer has blocks."""


@dataclass(frozen=True, eq=False)
class Groups:
    """The weights of a network, by how they are trained."""

    groups: tuple[dict[str, Any], ...]
    """For the optimizer: the parameters, their `factor` on the learning rate, and whether they are of the `head`."""
    heads: tuple[nn.Parameter, ...]
    """The weights of the classifier, if the recipe treats them differently."""
    frozen: tuple[nn.Parameter, ...]
    """Not trained, in the first epochs or at all."""
    norms: tuple[_BatchNorm, ...]
    """Batch normalisations that always compute with their running statistics, which stay as they are."""
    frozen_norms: tuple[_BatchNorm, ...]
    """Those in the parts that are frozen."""


def is_grouped(recipe: Recipe) -> bool:
    """Return whether a recipe treats some weights of a network differently from others."""
    return needs_classifier(recipe) or recipe.freeze != "none" or recipe.frozen_norm


def needs_classifier(recipe: Recipe) -> bool:
    """Return whether a recipe treats the classifier differently from the layers before it."""
    differs = (recipe.head_rate, recipe.layer_decay) != (1.0, 1.0) or recipe.head_schedule is not None
    return differs or recipe.zero_head or recipe.freeze == ALL_BUT_CLASSIFIER


def check_groups(name: str, shape: ImageShape, classes: int, recipe: Recipe) -> None:
    """Check that a network has the parts that a recipe names, without computing anything.

    Raises:
        BakeoffError: it does not, or nothing would be trained.
    """
    if is_grouped(recipe):
        heads = heads_of(name, shape, classes, recipe)
        apply_to_new(name, shape, classes, 1, lambda net, _: group_weights(net, name, recipe, heads))


def heads_of(name: str, shape: ImageShape, classes: int, recipe: Recipe) -> tuple[str, ...]:
    """Return the paths of the modules of a network's classifier; () if the recipe does not need them.

    Raises:
        BakeoffError: no part of the network depends on the number of classes.
    """
    if not needs_classifier(recipe):
        return ()
    heads = classifier_parts(name, shape, classes)
    if not heads:
        raise BakeoffError(
            f"{name} has no classifier, as none of its layers depends on the number of classes: leave out zero_head, "
            f"head_rate, head_schedule, layer_decay and freeze={ALL_BUT_CLASSIFIER}"
        )
    return heads


def group_weights(net: nn.Module, name: str, recipe: Recipe, heads: Sequence[str]) -> Groups:
    """Return the weights of the network called `name` by how `recipe` trains them; `heads` is its classifier.

    Raises:
        BakeoffError: the network lacks a part that the recipe freezes, or nothing would be trained.
    """
    if not is_grouped(recipe):
        return Groups(({"params": list(net.parameters())},), (), (), (), ())
    frozen = _frozen_paths(net, name, recipe, heads)
    parameters = {key: weight for key, weight in net.named_parameters() if weight.requires_grad}
    still = {key for key in parameters if frozen(key)}
    if len(still) == len(parameters):
        raise BakeoffError(f"freeze is {recipe.freeze}, which leaves nothing of {name} to train")
    factors = _factors(net, recipe, heads)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for key, weight in parameters.items():
        if key not in still or recipe.thaw_after is not None:
            groups.setdefault((factors[key], _is_in(key, heads)), []).append(weight)
    norms = {path: module for path, module in net.named_modules() if isinstance(module, _BatchNorm)}
    return Groups(
        tuple({"params": own, "factor": factor, "head": head} for (factor, head), own in groups.items()),
        tuple(weight for key, weight in parameters.items() if _is_in(key, heads)),
        tuple(weight for key, weight in parameters.items() if key in still),
        tuple(norms.values()) if recipe.frozen_norm else (),
        tuple(norm for path, norm in norms.items() if frozen(path)),
    )


def _is_in(path: str, parts: Sequence[str]) -> bool:
    """Return whether a module or parameter is one of `parts` or inside one; "" is the whole network."""
    return any(part in ("", path) or path.startswith(f"{part}.") for part in parts)


def _frozen_paths(net: nn.Module, name: str, recipe: Recipe, heads: Sequence[str]) -> Callable[[str], bool]:
    """Return the function that tells whether the module or parameter at a path is frozen.

    Raises:
        BakeoffError: the network lacks a part that the recipe names.
    """
    if recipe.freeze == "none":
        return lambda path: False
    if recipe.freeze == ALL_BUT_CLASSIFIER:
        return lambda path: not _is_in(path, heads)
    parts = [part.strip() for part in recipe.freeze.split(",")]
    known = [path for path, _ in net.named_modules() if path]
    for part in parts:
        if part not in known:
            raise BakeoffError(f"cannot freeze: {unknown(f'part of {name}', part, [ALL_BUT_CLASSIFIER, *known])}")
    return lambda path: _is_in(path, parts)


def _factors(net: nn.Module, recipe: Recipe, heads: Sequence[str]) -> Mapping[str, float]:
    """Return the factor on the learning rate of each parameter, by its path."""
    layers: list[list[str]] = []
    factors: dict[str, float] = {}
    for path, is_weight in _parameters_in_order(net):
        if _is_in(path, heads):
            factors[path] = recipe.head_rate
            continue
        if is_weight or not layers:
            layers.append([])
        layers[-1].append(path)
    levels = min(LEVELS, len(layers))
    for number, layer in enumerate(layers):
        factor = recipe.layer_decay ** (levels - levels * number // len(layers))
        factors |= dict.fromkeys(layer, factor)
    return factors


def _parameters_in_order(net: nn.Module) -> Iterator[tuple[str, bool]]:
    """Yield the path of each parameter, and whether it is the first of a module that begins a layer."""
    seen: set[nn.Parameter] = set()
    for prefix, module in net.named_modules():
        own = [(key, weight) for key, weight in module.named_parameters(recurse=False) if weight not in seen]
        begins = any(weight.dim() > 1 for _, weight in own)
        for number, (key, weight) in enumerate(own):
            seen.add(weight)
            yield f"{prefix}.{key}".lstrip("."), begins and number == 0
