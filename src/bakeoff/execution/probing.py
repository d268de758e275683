"""Before a probe: whether the classifier of a network can be replaced by a fitted one, and how long it will take."""

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Recipe

if TYPE_CHECKING:
    from bakeoff.machine.hardware import Machine

OBJECTIVES = 180
"""Assumed passes over the features of all training images: 30 iterations for each of 6 strengths."""
TIMED_ROWS = 1024
"""Images whose features the timing of the head uses."""


@dataclass(frozen=True)
class ProbeSeconds:
    """About how long a probe takes, in seconds."""

    features: float
    """Seconds for the features of all images."""
    run: float
    """Seconds for fitting the head."""


def check_probe(name: str, shape: ImageShape, classes: int) -> None:
    """Check on two random images that the classifier of a network can be replaced.

    Raises:
        BakeoffError: it cannot, or the network cannot be built.
    """
    import torch

    from bakeoff.nets import build
    from bakeoff.nets.classifier import check_linear, classifier_of

    path = classifier_of(name, shape, classes)
    with torch.random.fork_rng([]):
        images = torch.rand(2, shape.channels, shape.height, shape.width)
        check_linear(build(name, shape, classes), path, images, name)


def measure_probe(name: str, data: DataInfo, recipe: Recipe, machine: "Machine") -> ProbeSeconds:
    """Return about how long a probe takes here, from timing a few forward passes and one pass of the head's fit.

    Raises:
        BakeoffError: the network cannot be built or run here.
    """
    import torch

    from bakeoff.machine.hardware import synchronize
    from bakeoff.nets import build
    from bakeoff.nets.classifier import find_classifier
    from bakeoff.nets.fast import to_device

    assert data.shape is not None
    torch.set_num_threads(machine.threads)
    shape, classes = recipe.image.shape(data.shape), len(data.classes)
    features = find_classifier(name, shape, classes).features
    net = to_device(build(name, shape, classes), machine.device).eval()
    batch = min(recipe.batch_size, data.train_images)
    images = torch.rand(batch, shape.channels, shape.height, shape.width, device=machine.device)
    images = images.contiguous(memory_format=torch.channels_last)
    times = []
    try:
        with torch.inference_mode():
            for _ in range(4):
                start = time.perf_counter()
                net(images)
                synchronize(machine.device)
                times.append(time.perf_counter() - start)
    except Exception as error:  # memory, or what a user's network raises
        raise BakeoffError(f"cannot time {name} on {shape} images here: {type(error).__name__}: {error}") from error
    image = statistics.median(times[1:]) / batch
    own = data.validation_images if recipe.validation == "own" else 0
    fit = OBJECTIVES * data.train_images * _objective_seconds(features, classes, machine.device)
    return ProbeSeconds((data.train_images + own + data.test_images) * image, fit)


def _objective_seconds(features: int, classes: int, device: str) -> float:
    """Return the seconds that a pass of the head's fit takes per image."""
    import numpy as np
    import torch

    from bakeoff.training.logistic import Rows, Standard, cross_entropy

    rows = Rows(
        np.zeros((TIMED_ROWS, features), np.float16), 1.0, np.zeros(TIMED_ROWS, np.int64), np.arange(TIMED_ROWS), device
    )
    standard, head = Standard.of(rows), torch.zeros(classes, features + 1, dtype=torch.float64)
    cross_entropy(head, rows, standard)
    start = time.perf_counter()
    cross_entropy(head, rows, standard)
    return (time.perf_counter() - start) / TIMED_ROWS
