"""Checks of a network: those that it must pass before training, then export, memory and the meta device."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from typing import TYPE_CHECKING

from bakeoff.execution.checking.report import Check, run_check
from bakeoff.execution.rehearsal import (
    check_build,
    check_evaluation,
    check_forward,
    check_gradients,
    check_training,
    random_dataset,
)
from bakeoff.spec.data import ImageShape
from bakeoff.studies.general_recipes import quick
from bakeoff.text.formats import byte_size

if TYPE_CHECKING:
    from torch import nn

FLOAT_BYTES = 4
STEPS = {
    "logits in evaluation, also of a last batch of one image": check_evaluation,
    "finite logits in training, the same for the same seed": check_forward,
    "gradients reach every parameter": check_gradients,
}


def check_network(name: str, shape: ImageShape, classes: int) -> Iterator[Check]:
    """Check a network on random images of this shape."""
    built: list[nn.Module] = []

    def build_it() -> list[str]:
        module, notes = check_build(name, shape, classes)
        built.append(module)
        return notes

    yield run_check("weights are drawn from the seed", build_it)
    if not built:
        yield Check("everything else", "skipped", "the network cannot be built")
        return
    for title, check in STEPS.items():
        yield run_check(title, partial(check, built[0], name, shape, classes))
    recipe = quick(name, random_dataset(shape, classes).info)
    yield run_check("trains, and resumes from a checkpoint", lambda: check_training(name, shape, classes, recipe))
    yield run_check("can be built on the meta device", lambda: build_on_meta(name, shape, classes), optional=True)
    yield run_check("can be exported with torch.export", lambda: check_export(built[0], shape), optional=True)
    yield run_check("memory", lambda: (), optional=True, facts=lambda: memory(name, shape, classes))


def build_on_meta(name: str, shape: ImageShape, classes: int) -> Iterator[str]:
    """Build and run the network on torch's meta device, which computes shapes only."""
    import torch

    from bakeoff.nets import build
    from bakeoff.nets.user_file import describe_error

    try:
        with torch.device("meta"), torch.no_grad():
            build(name, shape, classes).eval()(torch.zeros(2, shape.channels, shape.height, shape.width))
    except Exception as error:  # a user's code may fail in any way
        yield f"{describe_error(error)}: its layers are counted in a pass on the CPU instead"


def check_export(module: "nn.Module", shape: ImageShape) -> Iterator[str]:
    """Export the network for batches of two images, and compare the logits."""
    import torch

    module.eval()
    batch = torch.randn(2, shape.channels, shape.height, shape.width)
    with torch.no_grad(), no_logs():
        if not isinstance(module(batch.clone()), torch.Tensor):
            yield "only networks that return nothing but logits in evaluation can be exported"
            return
        exported = torch.export.export(module, (batch,)).module()
        # forward may change its inputs
        if not torch.allclose(exported(batch.clone()), module(batch.clone()), atol=1e-4):
            yield "the exported network returns different logits"


@contextmanager
def no_logs() -> Iterator[None]:
    """Discard what libraries log or print to stderr: torch prints whole graphs that it cannot export."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def memory(name: str, shape: ImageShape, classes: int) -> str:
    """Return how much memory the network takes, in words."""
    from bakeoff.measure.cost import activation_bytes
    from bakeoff.nets.summary import parameter_count

    weights, kept = parameter_count(name, shape, classes), activation_bytes(name, shape, classes)
    return (
        f"{weights:,} parameters ({byte_size(weights * FLOAT_BYTES)}), "
        f"and in training {byte_size(kept)} for each image of a batch"
    )
