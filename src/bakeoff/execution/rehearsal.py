"""A rehearsal of training with a user's network: everything that training asks of it, on a few random images."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bakeoff.errors import BakeoffError
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import Image, Recipe
from bakeoff.spec.run import Run

if TYPE_CHECKING:
    from torch import Tensor, nn

    from bakeoff.data import Dataset
    from bakeoff.nets.user_file import OwnNet
    from bakeoff.nets.weights import Weights

BATCH = 3
"""Images in a training batch: more than one, for batch normalisation."""


@contextmanager
def silence() -> Iterator[None]:
    """Discard what is written to stdout, also by C code."""
    sys.stdout.flush()
    stdout = os.dup(1)
    with Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


def rehearse(
    net: "OwnNet | None",
    name: str,
    shape: ImageShape,
    classes: int,
    recipe: Recipe,
    weights: "Weights | None" = None,
) -> list[str]:
    """Build, run, train, save and load a network in this process, on random images; return warnings.

    Args:
        net: the network if it comes from a user's file.
        name: of the network, for messages.
        shape: of the random images.
        classes: their number.
        recipe: what it is trained with.
        weights: those of a user's file that the network starts from.

    Raises:
        BakeoffError: one of these steps fails, or would make results meaningless.
    """
    from bakeoff.nets import user_file, user_weights

    if net is not None:
        user_file.OWN[name] = net
    if weights is not None:
        user_weights.ADDED[weights.name] = weights
    with user_file.explain_errors(f"{name} fails on {shape} images with {classes} classes"):
        module, notes = check_build(name, shape, classes)
        for check in (check_evaluation, check_forward, check_gradients):
            notes += check(module, name, shape, classes)
        with silence():
            notes += check_training(name, shape, classes, recipe)
    return notes


def check_build(name: str, shape: ImageShape, classes: int) -> tuple["nn.Module", list[str]]:
    """Build the network several times, and check that its initial weights follow the seed."""
    import torch

    from bakeoff.nets import build, user_file
    from bakeoff.nets.guard import same, states

    final_states, built = [], []
    for seed in (0, 1, 1):
        torch.manual_seed(seed)
        built.append(build(name, shape, classes))
        final_states.append(states())
    _check_seeds(name, final_states, "when it is built, so that all runs would start with the same weights")
    *_, twin, module = built
    if not any(weight.requires_grad for weight in module.parameters()):
        raise BakeoffError(f"{name} has no weights to train: its layers must be attributes of the module")
    notes = []
    if changed := user_file.CHANGED.get(name.partition(":")[0]):
        notes.append(f"{name} changes {', '.join(changed)} when it is built: the change is undone")
    if not all(map(same, twin.state_dict().values(), module.state_dict().values())):
        notes.append(f"{name} has different initial weights for the same seed: its runs are not reproducible")
    return module, notes


def check_evaluation(module: "nn.Module", name: str, shape: ImageShape, classes: int) -> list[str]:
    """Run the network in evaluation mode, also on a last batch of one image."""
    import torch

    module.eval()
    with torch.no_grad():
        _forward(module, name, shape, classes, images=2, seed=0)
        with silence():
            _forward(module, name, shape, classes, images=1, seed=0)
    return []


def check_forward(module: "nn.Module", name: str, shape: ImageShape, classes: int) -> list[str]:
    """Run the network in training mode, and check that its logits are finite and follow the seed."""
    from bakeoff.nets.guard import same, states

    module.train()
    final_states, outputs = [], []
    with silence():
        for seed in (0, 1, 1):
            outputs.append(_forward(module, name, shape, classes, images=BATCH, seed=seed))
            final_states.append(states())
    _check_seeds(name, final_states, "in forward, so that every step would draw the same random numbers")
    if not all(bool(logits.isfinite().all()) for logits in outputs[-1]):
        raise BakeoffError(f"{name} returns logits that are not finite numbers for random images")
    if same(outputs[1], outputs[2]):
        return []
    return [f"{name} returns different logits for the same seed in training: its runs are not reproducible"]


def _forward(
    module: "nn.Module", name: str, shape: ImageShape, classes: int, *, images: int, seed: int
) -> "tuple[Tensor, ...]":
    """Return the logits, and auxiliary logits, of random images."""
    import torch

    from bakeoff.nets.guard import SETTINGS, seed_others, undone
    from bakeoff.nets.outputs import logits_of

    torch.manual_seed(seed)
    seed_others(seed)
    batch = torch.randn(images, shape.channels, shape.height, shape.width)
    with undone(SETTINGS) as changed:
        outputs = module(batch.contiguous(memory_format=torch.channels_last))
    if changed:
        raise BakeoffError(f"{name} changes {', '.join(changed)} in forward: forward must not change global settings")
    return logits_of(outputs, images, classes, name, training=module.training)


def check_gradients(module: "nn.Module", name: str, shape: ImageShape, classes: int) -> list[str]:
    """Run a backward pass, and check which weights get a gradient."""
    import torch
    from torch.nn import functional as F

    module.train()
    with silence():
        outputs = _forward(module, name, shape, classes, images=BATCH, seed=1)
    labels = torch.arange(BATCH) % classes
    loss = sum((F.cross_entropy(logits.float(), labels) for logits in outputs), torch.zeros(()))
    weights = {key: weight for key, weight in module.named_parameters() if weight.requires_grad}
    if loss.requires_grad:
        loss.backward()
    idle = [key for key, weight in weights.items() if weight.grad is None]
    if len(idle) == len(weights):
        raise BakeoffError(
            f"no gradient reaches the weights of {name}: forward must not detach, convert to numpy or use no_grad"
        )
    if all(weight.grad is None or not weight.grad.any() for weight in weights.values()):
        raise BakeoffError(f"all gradients of {name} are zero: its logits do not depend on its weights")
    if not idle:
        return []
    some = f"{', '.join(idle[:3])}{', …' if len(idle) > 3 else ''}"
    return [f"{len(idle)} of the {len(weights)} weights of {name} get no gradient: {some}"]


def check_training(name: str, shape: ImageShape, classes: int, recipe: Recipe) -> list[str]:
    """Train one epoch of two batches with the training loop, and load its checkpoint and weights."""
    from safetensors.torch import load_file

    from bakeoff.machine.hardware import Machine
    from bakeoff.nets import build
    from bakeoff.spec.paths import weights_path
    from bakeoff.training import checkpoints
    from bakeoff.training.groups import heads_of
    from bakeoff.training.learner import Learner
    from bakeoff.training.loop import fit

    short = {"epochs": 1, "batch_size": BATCH, "validation": "test", "images_per_class": None}
    brief = replace(recipe, **short, image=Image())
    run = Run(name, "random", "0" * 64, brief, 0)
    with TemporaryDirectory(prefix="bakeoff-") as folder, _cache_in(folder):
        try:
            *_, _ = fit(run, random_dataset(shape, classes), Machine(), Path(folder))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return [f"the checkpoint of {name} was not tested: no space left in {folder}"]
        module = build(name, shape, classes)
        learner = Learner.of(module, name, brief, heads_of(name, shape, classes, brief))
        state = checkpoints.load_checkpoint(Path(folder), run.id, module, learner.optimizer)
        if weights_path(Path(folder), run.id).exists():
            module.load_state_dict(load_file(weights_path(Path(folder), run.id)))
        else:
            return [f"the weights of {name} cannot be saved: --robustness will not work"]
    return [] if state.history else [f"{name} cannot resume from a checkpoint: an interrupted run starts over"]


@contextmanager
def _cache_in(folder: str) -> Iterator[None]:
    """Keep the features of random images, which a probe computes, out of the user's cache."""
    before = os.environ.get("BAKEOFF_CACHE")
    os.environ["BAKEOFF_CACHE"] = folder
    try:
        yield
    finally:
        os.environ.pop("BAKEOFF_CACHE")
        if before is not None:
            os.environ["BAKEOFF_CACHE"] = before


def random_dataset(shape: ImageShape, classes: int) -> "Dataset":
    """Return a data set of a few random images."""
    import numpy as np

    from bakeoff.data import Dataset
    from bakeoff.data.dataset import Images
    from bakeoff.spec.data import DataInfo

    random = np.random.default_rng(0)
    size = (2 * BATCH, shape.channels, shape.height, shape.width)
    images = Images(random.integers(0, 256, size, np.uint8), np.arange(2 * BATCH) % classes)
    count = len(images)
    info = DataInfo("random", shape, tuple(map(str, range(classes))), "0" * 64, count, 0, count, photographs=False)
    return Dataset(info, images, None, images, "", "", "")


def _check_seeds(name: str, final_states: list[dict], when: str) -> None:
    """Check that the network does not set a seed itself: two seeds would then end in the same generator state.

    Raises:
        BakeoffError: it sets one.
    """
    from bakeoff.nets.guard import same

    if fixed := [key for key in final_states[0] if same(final_states[0][key], final_states[1][key])]:
        raise BakeoffError(f"{name} sets {', '.join(fixed)} {when}: leave that to bakeoff")
