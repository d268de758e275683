"""How long a study takes: estimated from FLOPs, timed before it starts, updated while it runs."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from bakeoff.data import known_info
from bakeoff.data.local_folders import cache_folder
from bakeoff.data.resplit import name_folds
from bakeoff.errors import BakeoffError
from bakeoff.execution.tryout import safely
from bakeoff.execution.worker import Step, cores, placement_for, to_failure
from bakeoff.spec.data import ImageShape
from bakeoff.spec.paths import write_whole
from bakeoff.spec.recipe import Image, Recipe
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run, steps_in_epoch
from bakeoff.spec.values import Value, digest
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study

if TYPE_CHECKING:
    from torch import Tensor

    from bakeoff.data.mixing import Mixed
    from bakeoff.machine.hardware import Machine

TIMING_SECONDS = 4.0
"""Timing stops after the step in which this is exceeded."""
Cell = tuple[str, str, str]
"""(network, data hash, recipe key): runs of one cell differ only in the seed and take equally long."""


def cell_of(run: Run) -> Cell:
    """Return the cell that a run belongs to."""
    return run.net, run.data_hash, run.recipe.key


def steps_of(recipe: Recipe, train_images: int, classes: int) -> int:
    """Return the number of optimizer steps in one epoch."""
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
    steps: int = 3,
) -> float:
    """Return the seconds of one training step: the median of `steps` after a warm-up, or of fewer if they are slow.

    Raises:
        BakeoffError: a step fails, for example because it does not fit into memory.
    """
    try:
        return _step_seconds(net_name, shape, classes, recipe, machine, clock, steps)
    except BakeoffError:
        raise
    except Exception as error:  # a user's network can raise anything
        size = recipe.image.shape(shape)
        raise BakeoffError(f"cannot time {net_name} on {size} images here: {to_failure(error).message}") from error


def _step_seconds(
    net_name: str,
    shape: ImageShape,
    classes: int,
    recipe: Recipe,
    machine: "Machine",
    clock: Callable[[], float],
    steps: int,
) -> float:
    import torch

    from bakeoff.data.mixing import Mixed
    from bakeoff.machine.hardware import autocast, synchronize, tf32_if_chosen
    from bakeoff.nets import build
    from bakeoff.nets.fast import to_device
    from bakeoff.nets.outputs import logits_of
    from bakeoff.training.groups import heads_of
    from bakeoff.training.learner import Learner
    from bakeoff.training.optimizers import make_loss

    device, batch_size = machine.device, recipe.batch_size
    torch.set_num_threads(machine.threads)
    size = recipe.image.shape(shape)
    net = to_device(build(net_name, size, classes), device)
    learner, loss_of = Learner.of(net, net_name, recipe, heads_of(net_name, size, classes, recipe)), make_loss(recipe)
    learner.begin_epoch(recipe.thaw_after or 0)  # the epochs in which all is trained take longest
    batches = _endless_batches(size, classes, recipe, device)
    times: list[float] = []
    with tf32_if_chosen(machine):
        while not times or (len(times) <= steps and sum(times) < TIMING_SECONDS):
            start = clock()
            images, labels = next(batches)
            targets = labels.probabilities(classes) if isinstance(labels, Mixed) else labels
            with autocast(machine):
                logits, *_ = logits_of(net(images), batch_size, classes, net_name, training=True)
                loss = loss_of(logits.float(), targets)
            loss.backward()
            learner.update(recipe.optimizer.lr, recipe.optimizer.lr, len(times) + 1)
            learner.optimizer.zero_grad(set_to_none=True)
            synchronize(device)
            times.append(clock() - start)
    return statistics.median(times[1:] or times)


def _endless_batches(
    size: ImageShape, classes: int, recipe: Recipe, device: str
) -> "Iterator[tuple[Tensor, Tensor | Mixed]]":
    """Yield training batches of random images of the final size, augmented as the recipe says."""
    import torch

    from bakeoff.data.batches import ImageSource, train_batches
    from bakeoff.data.normalize import Normalizer

    pixels = (recipe.batch_size, size.channels, size.height, size.width)
    images = torch.randint(256, pixels, dtype=torch.uint8, device=device)
    source = ImageSource(images, torch.randint(classes, (recipe.batch_size,), device=device), torch.device(device))
    scale = torch.full(pixels[1:], 1 / 255, device=device)
    normalizer = Normalizer(scale, torch.zeros_like(scale))
    alike = replace(recipe, image=Image())
    for epoch in itertools.count():
        yield from train_batches(source, torch.arange(recipe.batch_size), alike, normalizer, 0, epoch)


@dataclass
class Remaining:
    """Estimates the remaining time from the epochs so far."""

    runs: Mapping[str, Run]
    """The runs to train, by id."""
    workers: int
    epoch_seconds: dict[Cell, list[float]] = field(default_factory=dict)
    finished_epochs: dict[str, int] = field(default_factory=dict)
    first_steps: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Run → when its first step was recorded, and the epochs that were done then, with fractions."""
    last_steps: dict[str, float] = field(default_factory=dict)
    """Run → the epochs that were done at its last step, with fractions."""
    first_epoch: dict[Cell, float] = field(default_factory=dict)
    """About how long the first epoch of a cell takes, from its steps so far."""

    def add_step(self, run: Run, step: Step, now: float) -> None:
        """Record progress within an epoch, at a time in seconds."""
        done = step.epoch - 1 + step.done / step.of
        since, before = self.first_steps.setdefault(run.id, (now, done))
        self.last_steps[run.id] = done
        if done > before and cell_of(run) not in self.epoch_seconds:
            self.first_epoch[cell_of(run)] = (now - since) / (done - before)

    def add_epoch(self, run: Run, epoch: Epoch, now: float | None = None) -> None:
        """Record a finished epoch.

        Seeds of a probe share most of its training time: there, what counts is how long the quickest took, `now` being
        the time in seconds.
        """
        seconds = epoch.train_seconds + epoch.evaluation_seconds
        times = self.epoch_seconds.setdefault(cell_of(run), [])
        if run.recipe.probe and now is not None and run.id in self.first_steps:
            seconds = min([now - self.first_steps[run.id][0], *times])
            times.clear()
        times.append(seconds)
        self.finished_epochs[run.id] = epoch.epoch

    def end_run(self, run: Run) -> None:
        """Record that a run takes no more time."""
        self.finished_epochs[run.id] = run.recipe.epochs

    @property
    def fraction(self) -> float:
        """The fraction of all epochs that is done."""
        done = sum(map(self._done, self.runs))
        return done / max(1, sum(run.recipe.epochs for run in self.runs.values()))

    def seconds(self) -> float | None:
        """Return the remaining seconds, None before the first steps; cells not seen yet count as the mean of others."""
        known = self.first_epoch | {cell: statistics.median(times) for cell, times in self.epoch_seconds.items()}
        if not known:
            return None
        other = statistics.mean(known.values())
        left = [
            (run.recipe.epochs - self._done(run_id)) * known.get(cell_of(run), other)
            for run_id, run in self.runs.items()
            if not self._waits_for_features(run)
        ]
        return makespan(left, self.workers)

    def _waits_for_features(self, run: Run) -> bool:
        """Tell whether a probe has yet to begin while another seed computes the features that most of its time is."""
        cell = cell_of(run)
        is_first = cell in self.first_epoch and cell not in self.epoch_seconds
        return bool(run.recipe.probe and run.weights) and is_first and run.id not in self.first_steps

    def _done(self, run_id: str) -> float:
        """Return the epochs of a run that are done, with the fraction of the one that is going on."""
        return max(self.finished_epochs.get(run_id, 0), self.last_steps.get(run_id, 0.0))


class Speed(Value, frozen=True):
    """This machine's training speed: a straight line through the timings of two small networks."""

    seconds_per_image: float
    """Cost per image, whatever the network."""
    seconds_per_flop: float
    """Training cost, backward pass included, per FLOP of the forward pass."""
    workers: int
    """How many runs train at once."""


def speed_here(device: str) -> Speed:
    """Return the cached speed of this machine, else `calibrate` it: estimates agree from call to call."""
    import torch

    from bakeoff.machine.hardware import processor_name

    key = digest([processor_name(), cores(), device, str(torch.__version__)])[:16]
    cached = cache_folder() / f"speed-{key}.json"
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(cached.read_bytes(), type=Speed)
    speed = calibrate(device)
    with suppress(OSError):
        write_whole(cached, msgspec.json.encode(speed))
    return speed


def calibrate(device: str) -> Speed:
    """Time training steps of a very small and a medium network, for a second or two.

    On a CPU, CPU time is measured, so that other programs do not make the estimate longer.
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
    return Speed(max(fast - few * per_flop, 0.0), per_flop, placement_for(2**10, device).workers)


def study_seconds(study: Study, speed: Speed) -> float | None:
    """Return an upper estimate of the seconds a study takes, right within a factor of two or three.

    None if the size of its data is not known, or the FLOPs of a network cannot be counted. Early stopping may end the
    study sooner.
    """
    from bakeoff.nets.summary import summarize

    runs: list[float] = []
    for cell in study.grid():
        used = study.used(cell.data)
        data, folds = known_info(used), len(name_folds(used))
        if data is None or data.shape is None:
            return None
        recipe, classes = recipe_for(cell, data), len(data.classes)
        shape = recipe.image.shape(data.shape)
        flops = safely(summarize, cell.net, shape, classes, doing="counting the layers of").flops
        if flops is None:
            return None
        image = speed.seconds_per_image + flops * speed.seconds_per_flop
        images = steps_of(recipe, data.train_images, classes) * recipe.batch_size / (3 if recipe.probe else 1)
        evaluated = data.test_images if recipe.validation == "test" else max(0, data.train_images - images)
        seconds = recipe.epochs * (images + evaluated / 3) * image  # a forward pass is about a third of a step
        runs += [seconds] * folds * study.seeds
    return makespan(runs, speed.workers)


def makespan(runs: Sequence[float], workers: int) -> float:
    """Return at least how many seconds workers take for runs of these seconds, a run being trained by one worker."""
    return max(sum(runs) / workers, max(runs, default=0.0))
