"""A network from a user's file, tried out before hours of training: all that training will ask of it, on a few images.

It runs in a process of its own (see `isolate`).
"""

import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from bakeoff.errors import BakeoffError, BakeoffWarning
from bakeoff.execution.isolate import apart
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import Image, Recipe
from bakeoff.spec.run import Run
from bakeoff.studies.recipes import quick

if TYPE_CHECKING:
    from torch import Tensor, nn

    from bakeoff.data import Dataset
    from bakeoff.nets.user_file import OwnNet, Read

Result = TypeVar("Result")

READ: dict[str, "Read"] = {}
"""What files have, by the digest of their texts."""
TRIED: dict[tuple, None] = {}
"""What was tried out already: network, images, classes and recipe."""
TRAINING = 3
"""Images of a training batch: more than one, for batch normalisation."""


def add(given: str) -> str:
    """Read a network from a file and return what it is called from now on.

    Args:
        given: "my_net.py" or "my_net.py:TinyNet"; see `nets.user_file.add`.

    Raises:
        BakeoffError: there is no such file, it fails, or it has no such network, or several.
    """
    from bakeoff.nets import sources, user_file

    path, wanted = user_file.split(given)
    texts = sources.gather(path)
    digest = sources.digest_of(texts)
    if digest not in READ:
        READ[digest] = apart(user_file.look, texts, doing=f"reading {path}")
        if changed := READ[digest].changed:
            warn(
                f"{path.name} changes {', '.join(changed)} when it is read: this is undone, since it would change what "
                "other networks are given; what a network needs of it belongs into its own code"
            )
        if outside := READ[digest].outside:
            warn(
                f"{path.name} imports {', '.join(outside)} from outside its folder: a change there will not be noticed"
            )
    return user_file.add(texts, READ[digest].names, wanted)


def try_out(name: str, shape: ImageShape, classes: int, recipe: Recipe | None = None) -> None:
    """Look whether a network takes such images; a user's own is trained on a few of them, with this recipe or `quick`.

    Raises:
        BakeoffError: there is no such network, the images are too small for it, or it fails.
    """
    from bakeoff.nets import find_net
    from bakeoff.nets.user_file import OwnNet

    net = find_net(name)
    net.check(name, shape)
    if not isinstance(net, OwnNet):
        return
    recipe = recipe or quick(name, made_up(shape, classes).info)
    key = (name, shape, classes, recipe.key)
    if key not in TRIED:
        for told in apart(rehearse, net, name, shape, classes, recipe, doing=f"trying out {name}"):
            warn(told)
        TRIED[key] = None


def safely(function: Callable[..., Result], name: str, *arguments: Any, doing: str) -> Result:
    """Return what `function(name, *arguments)` does about a network; what a user's own does, it does elsewhere.

    Raises:
        BakeoffError: there is no such network, or it fails.
    """
    from bakeoff.nets import find_net
    from bakeoff.nets.user_file import OwnNet

    net = find_net(name)
    if not isinstance(net, OwnNet):
        return function(name, *arguments)
    return apart(_with, net, function, name, arguments, doing=f"{doing} {name}")


@contextmanager
def silence() -> Iterator[None]:
    """Keep what is printed, by whatever code, from being seen: once is enough."""
    sys.stdout.flush()
    usual = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(usual, 1)
        os.close(usual)


def warn(message: str) -> None:
    """Tell the user, once."""
    warnings.warn(message, BakeoffWarning, stacklevel=2)


def _with(net: "OwnNet", function: Callable[..., Result], name: str, arguments: tuple) -> Result:
    from bakeoff.nets import user_file

    user_file.OWN[name] = net
    with user_file.told(f"{name} fails"), silence():
        return function(name, *arguments)


def rehearse(net: "OwnNet", name: str, shape: ImageShape, classes: int, recipe: Recipe) -> list[str]:
    """Build, run, train, save and load a user's network here, on made-up images; return what the user should know.

    Raises:
        BakeoffError: something of that fails, or would make results that are worth nothing.
    """
    from bakeoff.nets import user_file

    user_file.OWN[name] = net
    with user_file.told(f"{name} fails on {shape} images with {classes} classes"):
        module, notes = _build(name, shape, classes)
        notes += _run(module, name, shape, classes)
        with silence():
            notes += _train(name, shape, classes, recipe)
    return notes


def _build(name: str, shape: ImageShape, classes: int) -> tuple["nn.Module", list[str]]:
    """Build a network several times, to see whether its first weights follow the seed."""
    import torch

    from bakeoff.nets import build, user_file
    from bakeoff.nets.guard import same, states

    ends, built = [], []
    for seed in (0, 1, 1):
        torch.manual_seed(seed)
        built.append(build(name, shape, classes))
        ends.append(states())
    _refuse_seeds(name, ends, "when it is built, so that all runs would begin alike")
    *_, twin, module = built
    if not any(weight.requires_grad for weight in module.parameters()):
        raise BakeoffError(f"{name} has no weights to train: its layers must be attributes of the module")
    notes = []
    if changed := user_file.CHANGED[name]:
        notes.append(f"{name} changes {', '.join(changed)} when it is built: this is undone")
    if not all(map(same, twin.state_dict().values(), module.state_dict().values())):
        notes.append(f"{name} has other first weights each time, with one seed: its runs cannot be repeated")
    return module, notes


def _run(module: "nn.Module", name: str, shape: ImageShape, classes: int) -> list[str]:
    """Pass images through a network in evaluation and in training, one way and back."""
    import torch
    from torch.nn import functional as F

    from bakeoff.nets.guard import SETTINGS, same, seed_others, states, undone
    from bakeoff.nets.outputs import logits_of

    def passed(count: int, seed: int) -> "tuple[Tensor, ...]":
        torch.manual_seed(seed)
        seed_others(seed)
        images = torch.randn(count, shape.channels, shape.height, shape.width)
        with undone(SETTINGS) as changed:
            outputs = module(images.contiguous(memory_format=torch.channels_last))
        if changed:
            raise BakeoffError(f"{name} changes {', '.join(changed)} in forward: it must leave that as it is")
        return logits_of(outputs, count, classes, name, training=module.training)

    module.eval()
    with torch.no_grad():
        passed(2, 0)
        with silence():
            passed(1, 0)
    module.train()
    ends, given = [], []
    with silence():
        for seed in (0, 1, 1):
            given.append(outputs := passed(TRAINING, seed))
            ends.append(states())
    _refuse_seeds(name, ends, "in forward, so that what it draws would be the same in every step")
    if not all(bool(logits.isfinite().all()) for logits in outputs):
        raise BakeoffError(f"{name} gives logits that are not finite numbers for random images")
    labels = torch.arange(TRAINING) % classes
    loss = sum((F.cross_entropy(logits.float(), labels) for logits in outputs), torch.zeros(()))
    weights = {key: weight for key, weight in module.named_parameters() if weight.requires_grad}
    if loss.requires_grad:
        loss.backward()
    idle = [key for key, weight in weights.items() if weight.grad is None]
    if len(idle) == len(weights):
        raise BakeoffError(
            f"no gradient reaches the weights of {name}: forward must not detach, convert to numpy or use no_grad"
        )
    notes = []
    if idle:
        some = f"{', '.join(idle[:3])}{', …' if len(idle) > 3 else ''}"
        notes.append(f"{len(idle)} of the {len(weights)} weights of {name} get no gradient: {some}")
    if not same(given[1], given[2]):
        notes.append(
            f"{name} gives other logits each time in training, with the same seed: its runs cannot be repeated"
        )
    return notes


def _train(name: str, shape: ImageShape, classes: int, recipe: Recipe) -> list[str]:
    """Train one epoch of two batches as for real, and read back what that leaves."""
    from safetensors.torch import load_file

    from bakeoff.machine.hardware import Machine
    from bakeoff.nets import build
    from bakeoff.spec.paths import weights_path
    from bakeoff.training import checkpoints
    from bakeoff.training.loop import fit
    from bakeoff.training.optimizers import build_optimizer

    short = {"epochs": 1, "batch_size": TRAINING, "validation": "test", "images_per_class": None}
    brief = replace(recipe, **short, image=Image())
    run = Run(name, "made-up", "0" * 64, brief, 0)
    with TemporaryDirectory(prefix="bakeoff-") as folder:
        try:
            *_, _ = fit(run, made_up(shape, classes), Machine(), Path(folder))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return [f"the checkpoint of {name} was not tried out: no space left in {folder}"]
        module = build(name, shape, classes)
        state = checkpoints.load(Path(folder), run.id, module, build_optimizer(brief.optimizer, module.parameters()))
        if weights_path(Path(folder), run.id).exists():
            module.load_state_dict(load_file(weights_path(Path(folder), run.id)))
        else:
            return [f"the weights of {name} cannot be saved: --robustness will not find them"]
    return [] if state.history else [f"{name} cannot go on from a checkpoint: a run that is stopped begins anew"]


def made_up(shape: ImageShape, classes: int) -> "Dataset":
    """Return a data set of a few random images."""
    import numpy as np

    from bakeoff.data import Dataset
    from bakeoff.data.dataset import Images
    from bakeoff.spec.data import DataInfo

    random = np.random.default_rng(0)
    size = (2 * TRAINING, shape.channels, shape.height, shape.width)
    images = Images(random.integers(0, 256, size, np.uint8), np.arange(2 * TRAINING) % classes)
    count = len(images)
    info = DataInfo("made-up", shape, tuple(map(str, range(classes))), "0" * 64, count, 0, count, photographs=False)
    return Dataset(info, images, None, images, "", "", "")


def _refuse_seeds(name: str, ends: list[dict], when: str) -> None:
    """Tell of numbers drawn from a seed that the network sets itself: two seeds then end in one state.

    Raises:
        BakeoffError: they do.
    """
    from bakeoff.nets.guard import same

    if fixed := [source for source in ends[0] if same(ends[0][source], ends[1][source])]:
        raise BakeoffError(f"{name} sets {', '.join(fixed)} {when}: leave that to bakeoff")
