"""How long a study will take: guessed from FLOPs, measured before it starts, re-estimated while it runs."""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from bakeoff.data import foreseen
from bakeoff.data.places import cache_folder
from bakeoff.errors import BakeoffError
from bakeoff.execution.tryout import safely
from bakeoff.execution.worker import cores, explain, place
from bakeoff.spec.data import ImageShape
from bakeoff.spec.paths import write_whole
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run, steps_in_epoch
from bakeoff.spec.values import Value, digest
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study

if TYPE_CHECKING:
    from bakeoff.machine.hardware import Machine

PATIENCE_SECONDS = 4.0
"""A network whose few first steps took longer is not timed further."""
Cell = tuple[str, str, str]
"""(network, data hash, recipe key): runs of one cell differ in their seed and take equally long."""


def cell_of(run: Run) -> Cell:
    """Return the cell that a run belongs to."""
    return run.net, run.data_hash, run.recipe.key


def steps_of(recipe: Recipe, train_images: int, classes: int) -> int:
    """Return how many optimiser steps one epoch has."""
    images = recipe.images_per_class * classes if recipe.images_per_class else train_images
    if isinstance(recipe.validation, float):
        images -= round(images * recipe.validation)
    elif isinstance(recipe.validation, int):
        images -= recipe.validation
    return steps_in_epoch(images, recipe.batch_size)


def measure_step(
    net_name: str,
    shape: ImageShape,
    classes: int,
    recipe: Recipe,
    machine: "Machine",
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the seconds of one training step: after a first one the median of three, fewer if they take seconds.

    Raises:
        BakeoffError: a step does not fit into memory, or fails in another way.
    """
    try:
        return _step_seconds(net_name, shape, classes, recipe, machine, clock)
    except BakeoffError:
        raise
    except Exception as error:  # a user's network may fail in any way
        size = recipe.image.shape(shape)
        raise BakeoffError(f"cannot time {net_name} on {size} images here: {explain(error).message}") from error


def _step_seconds(
    net_name: str, shape: ImageShape, classes: int, recipe: Recipe, machine: "Machine", clock: Callable[[], float]
) -> float:
    import torch

    from bakeoff.machine.hardware import autocast, synchronize, tf32_if_chosen
    from bakeoff.nets import build
    from bakeoff.nets.fast import move
    from bakeoff.nets.outputs import logits_of
    from bakeoff.training.optimizers import build_optimizer, make_loss

    device, batch_size = machine.device, recipe.batch_size
    torch.set_num_threads(machine.threads)
    size = recipe.image.shape(shape)
    net = move(build(net_name, size, classes), device)
    optimizer, loss_of = build_optimizer(recipe.optimizer, net.parameters()), make_loss(recipe)
    images = torch.rand(batch_size, size.channels, size.height, size.width, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(classes, (batch_size,), device=device)
    times: list[float] = []
    with tf32_if_chosen(machine):
        while not times or (len(times) < 4 and sum(times) < PATIENCE_SECONDS):
            start = clock()
            with autocast(machine):
                logits, *_ = logits_of(net(images), batch_size, classes, net_name, training=True)
                loss = loss_of(logits.float(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            synchronize(device)
            times.append(clock() - start)
    return statistics.median(times[1:] or times)


@dataclass
class Remaining:
    """Remaining time from what the epochs so far took; None before the first."""

    runs: Mapping[str, Run]
    """The runs to be done, by id."""
    workers: int
    epoch_seconds: dict[Cell, list[float]] = field(default_factory=dict)
    finished_epochs: dict[str, int] = field(default_factory=dict)

    def epoch(self, run: Run, epoch: Epoch) -> None:
        """Note a finished epoch."""
        self.epoch_seconds.setdefault(cell_of(run), []).append(epoch.train_seconds + epoch.evaluation_seconds)
        self.finished_epochs[run.id] = epoch.epoch

    def ended(self, run: Run) -> None:
        """Note that a run takes no more time."""
        self.finished_epochs[run.id] = run.recipe.epochs

    @property
    def fraction(self) -> float:
        """The share of all epochs that is done."""
        done = sum(self.finished_epochs.get(run_id, 0) for run_id in self.runs)
        return done / max(1, sum(run.recipe.epochs for run in self.runs.values()))

    def seconds(self) -> float | None:
        """Return the remaining seconds; cells not yet seen count as the mean of those that were."""
        if not self.epoch_seconds:
            return None
        known = {cell: statistics.median(times) for cell, times in self.epoch_seconds.items()}
        other = statistics.mean(known.values())
        left = [
            (run.recipe.epochs - self.finished_epochs.get(run_id, 0)) * known.get(cell_of(run), other)
            for run_id, run in self.runs.items()
        ]
        return max(sum(left) / self.workers, max(left, default=0.0))


class Speed(Value, frozen=True):
    """What this machine does in training, as a straight line through two small networks: the rest is guessed."""

    seconds_per_image: float
    """What an image costs whatever the network."""
    seconds_per_flop: float
    """What a FLOP of the forward pass costs in training, backward pass included."""
    workers: int
    """How many runs are trained at once."""


def speed_here(device: str) -> Speed:
    """Return what was found out about this machine before, else `calibrate` it: so that estimates agree."""
    import torch

    from bakeoff.machine.hardware import processor_name

    place = digest([processor_name(), cores(), device, str(torch.__version__)])[:16]
    kept = cache_folder() / f"speed-{place}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(kept.read_bytes(), type=Speed)
    speed = calibrate(device)
    with suppress(OSError):
        write_whole(kept, msgspec.json.encode(speed))
    return speed


def calibrate(device: str) -> Speed:
    """Time training steps of a very small and a middling network, for a second or two.

    On processors it is their time that counts: what else the machine does meanwhile makes a study seem no longer.
    """
    from bakeoff.machine.hardware import Machine
    from bakeoff.nets.summary import summarize
    from bakeoff.studies.recipes import KERAS_ADAM

    recipe = Recipe(
        name="calibration",
        epochs=1,
        batch_size=32 if device == "cpu" else 128,
        validation="none",
        select="last",
        normalize="unit",
        optimizer=KERAS_ADAM,
    )
    shape, points = ImageShape(3, 32, 32), []
    clock = time.process_time if device == "cpu" else time.perf_counter
    for net in ("lenet-afif", "resnet20"):
        seconds = measure_step(net, shape, 10, recipe, Machine(device), clock) / recipe.batch_size
        points.append((summarize(net, shape, 10).flops or 0, seconds))
    (few, fast), (many, slow) = points
    per_flop = max(slow - fast, 0.0) / (many - few)
    return Speed(max(fast - few * per_flop, 0.0), per_flop, place(2**10, device).workers)


def study_seconds(study: Study, speed: Speed) -> float | None:
    """Return about how long a study takes at most, None if it has data whose size is not known beforehand, or
    a network whose FLOPs cannot be counted.

    From the FLOPs of its networks: right to a factor of two or three. Early stopping may end it sooner.
    """
    from bakeoff.nets.summary import summarize

    total = 0.0
    for cell in study.grid():
        data = foreseen(study.used(cell.data))
        if data is None or data.shape is None:
            return None
        recipe, classes = recipe_for(cell, data), len(data.classes)
        shape = recipe.image.shape(data.shape)
        flops = safely(summarize, cell.net, shape, classes, doing="counting the layers of").flops
        if flops is None:
            return None
        image = speed.seconds_per_image + flops * speed.seconds_per_flop
        images = steps_of(recipe, data.train_images, classes) * recipe.batch_size
        watched = data.test_images if recipe.validation == "test" else max(0, data.train_images - images)
        total += recipe.epochs * (images + watched / 3) * image  # a forward pass is about a third of a step
    return total * study.seeds / speed.workers
