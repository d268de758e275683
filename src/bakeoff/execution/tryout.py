"""Tries users' networks out on a few images before training, in a child process."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from bakeoff.errors import BakeoffWarning
from bakeoff.execution.isolate import run_isolated
from bakeoff.execution.probing import check_probe
from bakeoff.execution.rehearsal import random_dataset, rehearse, silence
from bakeoff.spec.data import ImageShape
from bakeoff.spec.plugins import is_full_name
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import collection_of, is_own
from bakeoff.studies.general_recipes import quick

if TYPE_CHECKING:
    from bakeoff.nets.user_file import OwnNet
    from bakeoff.nets.weights import Weights

Result = TypeVar("Result")

TRIED: set[tuple] = set()
"""What has been tried out: (network, image shape, classes), for users' networks with the recipe's key."""


def try_out(name: str, shape: ImageShape, classes: int, recipe: Recipe | None = None) -> None:
    """Check that a network accepts such images and, before it is trained with a recipe, that weights and parts fit.

    A network of a user, a package or a collection is trained on a few images, with the recipe or `quick`. For a probe
    the classifier is replaced.

    Raises:
        BakeoffError: the network does not exist, needs larger images or other weights, or fails.
    """
    from bakeoff.nets import find_net
    from bakeoff.nets.pretrained import statistics_of
    from bakeoff.training.groups import check_groups

    net = find_net(name)
    net.check(name, shape)
    if recipe and recipe.normalize == "weights":
        statistics_of(name)
    if not is_foreign(name):
        if recipe:
            check_groups(name, shape, classes, recipe)
        check = check_probe if recipe and recipe.probe else _build if recipe and net.weights else None
        if check and (name, shape, classes, check) not in TRIED:
            check(name, shape, classes)
            TRIED.add((name, shape, classes, check))
        return
    recipe = recipe or quick(name, random_dataset(shape, classes).info)
    key = (name, shape, classes, recipe.key)
    if key not in TRIED:
        given = (_own(name), name, shape, classes, recipe, _user_weights(name))
        for note in run_isolated(rehearse, *given, doing=f"trying out {name}"):
            warn(note)
        TRIED.add(key)


def _build(name: str, shape: ImageShape, classes: int) -> None:
    """Build a network once, which loads its weights."""
    import torch

    from bakeoff.nets import build

    with torch.random.fork_rng([]):
        build(name, shape, classes)


def is_foreign(name: str) -> bool:
    """Return whether a network comes from a user's file, a package or a collection, and is therefore tried out."""
    return is_own(name) or is_full_name(name.partition(":")[0]) or bool(collection_of(name))


def _own(name: str) -> "OwnNet | None":
    """Return the network of a user's file, which another process cannot know."""
    from bakeoff.nets import find_net
    from bakeoff.nets.user_file import OwnNet

    net = find_net(name)
    return net if isinstance(net, OwnNet) else None


def _user_weights(name: str) -> "Weights | None":
    """Return the weights of a user's file that a network starts from, which another process cannot know."""
    from bakeoff.nets import find_net, user_weights

    return find_net(name).weights if user_weights.is_name(name.rpartition(":")[2]) else None


def safely(function: Callable[..., Result], name: str, *arguments: Any, doing: str) -> Result:
    """Return `function(name, *arguments)`, called in a child process if the network comes from a user's file.

    Raises:
        BakeoffError: the network does not exist, or fails.
    """
    net = _own(name)
    if net is None:
        return function(name, *arguments)
    return run_isolated(_call_with_net, net, function, name, arguments, doing=f"{doing} {name}")


def warn(message: str) -> None:
    """Warn the user."""
    warnings.warn(message, BakeoffWarning, stacklevel=2)


def _call_with_net(net: "OwnNet", function: Callable[..., Result], name: str, arguments: tuple) -> Result:
    from bakeoff.nets import user_file

    user_file.OWN[name] = net
    with user_file.explain_errors(f"{name} fails"), silence():
        return function(name, *arguments)
