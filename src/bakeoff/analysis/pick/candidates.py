"""The candidates of a contest: from a linear model to pretrained networks, without those that exceed the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bakeoff.analysis.labels import with_epochs
from bakeoff.analysis.pick.contest import MAX_SEEDS, Candidate, TrainingStep
from bakeoff.data import Progress, info
from bakeoff.data.graded import split_name
from bakeoff.data.resplit import read_resplit
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import Speed, speed_here, steps_of
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import Plan, check_grid, plan
from bakeoff.execution.session import choose_study
from bakeoff.execution.tryout import safely
from bakeoff.lookup import find
from bakeoff.spec.recipe import Cooldown
from bakeoff.spec.run import Run
from bakeoff.studies.recipes import RECIPES
from bakeoff.text.formats import exact_size, listing

if TYPE_CHECKING:
    from bakeoff.machine.hardware import Machine
    from bakeoff.nets.summary import Summary
    from bakeoff.spec.data import ImageShape
    from bakeoff.studies.study import Study

LADDER: tuple[tuple[str, str], ...] = (
    ("linear", "quick"),
    ("lenet-afif", "quick"),
    ("conv", "quick"),
    ("mobilenetv2", "quick"),
    ("squeezenet-1.1", "quick"),
    ("resnet20", "quick"),
    ("resnet18", "quick"),
    ("wrn-16-4", "quick"),
    ("efficientnet-lite0:imagenet", "probe"),
    ("efficientnet-lite2:imagenet", "probe"),
    ("efficientnet-lite0:imagenet", "finetune"),
)
"""(network, recipe) pairs that are tried where no networks are named, roughly the cheapest first."""
FORWARD_SHARE = 1 / 3
"""Seconds of a forward pass as a share of those of a training step."""
START_SECONDS = 1.0
"""Seconds that a training takes besides its epochs: loading images, building the network, writing files."""
PROBE_AGAIN = 0.3
"""What another seed of a probe takes of the seconds of the first, which computed the features."""


@dataclass(frozen=True)
class CandidateLimits:
    """Limits on the cost of the network that is picked; None for no limit."""

    parameters: float | None = None
    latency_ms: float | None = None
    """Time for one image in evaluation, on this machine."""
    size_bytes: float | None = None
    """Size of the weights."""


@dataclass(frozen=True)
class LineupEntry:
    """A candidate, and its complete training with the first seed."""

    candidate: Candidate
    run: Run
    parameters: int
    latency_ms: float | None = None
    """Measured only if there is a limit."""

    def run_of(self, step: TrainingStep) -> Run:
        """Return the run of a training of this candidate."""
        recipe = with_epochs(self.run.recipe, step.epochs)
        return msgspec.structs.replace(self.run, recipe=recipe, seed=self.run.seed + step.seed)


@dataclass(frozen=True)
class Lineup:
    """All candidates for the images, and those that were left out."""

    data: str
    entries: tuple[LineupEntry, ...]
    plans: tuple[Plan, ...]
    """One for each recipe, with the data of its runs."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Candidate → why."""
    order: str = ""
    """Which results decide the order in which candidates are tried."""

    @cached_property
    def steps(self) -> dict[str, TrainingStep]:
        """Id of a run → its training, for all that a contest may train."""
        return {
            self.run_of(step).id: step
            for number, entry in enumerate(self.entries)
            for step in (
                *(TrainingStep(number, epochs, 0) for epochs in entry.candidate.rungs),
                *(TrainingStep(number, entry.candidate.full_epochs, seed) for seed in range(1, MAX_SEEDS)),
            )
        }

    @cached_property
    def plan(self) -> Plan:
        """The full runs of all candidates as one plan."""
        data = {content: dataset for each in self.plans for content, dataset in each.data.items()}
        return replace(self.plans[0], runs=tuple(entry.run for entry in self.entries), data=data)

    @cached_property
    def guessing(self) -> float:
        """The error of always naming the most common class, by the labels of the training images."""
        labels = self.plan.data[self.entries[0].run.data_hash].train.labels
        return 1 - float(np.bincount(labels).max() / len(labels))

    def run_of(self, step: TrainingStep) -> Run:
        """Return the run of a training."""
        return self.entries[step.candidate].run_of(step)

    def validation_images(self, number: int) -> int:
        """Return how many images the candidate of this number is validated on."""
        run = self.entries[number].run
        facts, wanted = self.plan.info(run.data_hash), run.recipe.validation
        if isinstance(wanted, float):
            return round(wanted * facts.train_images)
        return wanted if isinstance(wanted, int) else facts.validation_images


def choose_lineup(
    grid: Sequence[StudyOptions], limits: CandidateLimits, machine: "Machine", progress: Progress | None = None
) -> Lineup:
    """Return the candidates of a grid, without those that exceed the limits.

    Args:
        grid: the options of each candidate: one network, recipe and data set.
        limits: what a candidate may cost.
        machine: latencies are measured on it.
        progress: is told which candidate is looked at.

    Raises:
        BakeoffError: the data set cannot be used, a network that was asked for does not exist, or no candidate is left.
    """
    _check_images(grid[0], progress)
    left_out: dict[str, str] = {}
    entries: list[LineupEntry] = []
    plans: list[Plan] = []
    speed = speed_here(machine.device)
    several_recipes = len({options.recipe for options in grid}) > 1
    for number, options in enumerate(grid):
        study = choose_study(None, options)
        name = f"{study.nets[0]} · {study.recipe}" if several_recipes else study.nets[0]
        if progress:
            progress("checking candidates", number, len(grid))
        try:
            made = plan(_with_cooldown(options, study.recipe), progress)
            run = made.runs[0]
            entry = _measure(name, run, made, limits, machine, speed)
        except BakeoffError as error:
            if len(grid) == 1:
                raise
            left_out[name] = str(error)
            continue
        plans.append(made)
        if reason := _too_much(entry, limits):
            left_out[name] = reason
        else:
            entries.append(entry)
    if not entries:
        raise BakeoffError(_describe_left_out(left_out))
    return Lineup(entries[0].run.data, tuple(entries), tuple(plans), left_out)


def _check_images(options: StudyOptions, progress: Progress | None) -> None:
    """Look the data set up before any network: a mistake in it is not one of each candidate."""
    study = choose_study(None, options)
    name = study.used(study.data[0])
    for needed in dict.fromkeys((split_name(name)[0], name)):
        info(needed, progress=progress)


def _describe_left_out(left_out: Mapping[str, str]) -> str:
    """Say why no candidate is left: a reason that is the same for all is given once, without their names."""
    by_reason: dict[str, list[str]] = {}
    for name, why in left_out.items():
        by_reason.setdefault(why, []).append(name)
    if len(left_out) > 1 and len(by_reason) == 1:
        return next(iter(by_reason))
    return f"no candidate is left: {'; '.join(f'{listing(names)}: {why}' for why, names in by_reason.items())}"


def candidate_grid(wanted: StudyOptions) -> list[StudyOptions]:
    """Return the options of each candidate: of the networks that were asked for, or of the ladder.

    Raises:
        BakeoffError: there are several data sets, or folds of one, no network, or names are unknown.
    """
    single = replace(wanted, seeds=1)
    study = choose_study(None, single)
    _check_data(study)
    if wanted.nets is None and wanted.recipe is None:
        return [replace(single, nets=[net], recipe=recipe) for net, recipe in LADDER if recipe in RECIPES]
    if not study.nets:
        raise BakeoffError("there is no network to choose from: name some with --nets")
    cells = check_grid(study)
    for recipe in {cell.recipe: None for cell in cells}:
        find(RECIPES, recipe, "recipe")
    return [replace(single, nets=[cell.net], recipe=cell.recipe) for cell in cells]


def _check_data(study: "Study") -> None:
    """Refuse several data sets, and several splits of one."""
    if len(study.data) != 1:
        raise BakeoffError(f"expected one data set to choose on; got {listing(study.data)}")
    splits = read_resplit(split_name(study.used(study.data[0]))[0])[1]
    if splits.folds and not splits.fold:
        raise BakeoffError(
            "networks and recipes are chosen on one split of the images: leave out --folds, and cross-validate the "
            f"winner afterwards with `bakeoff run --nets WINNER --folds {splits.folds}`"
        )


def _with_cooldown(options: StudyOptions, recipe: object) -> "Study":
    """Return the study of a candidate, with a schedule that can be stopped at any epoch, if it has a schedule."""
    given = dict(options.changes or {})
    own = {} if recipe == "probe" or any(name.startswith("schedule") for name in given) else {"schedule": "cooldown"}
    return choose_study(None, replace(options, changes=own | given))


def _measure(name: str, run: Run, made: Plan, limits: CandidateLimits, machine: "Machine", speed: Speed) -> LineupEntry:
    """Return the entry of a candidate, with its cost as far as that is known before training."""
    from bakeoff.nets.pretrained import find_weights
    from bakeoff.nets.summary import summarize

    if weights := find_weights(run.net):
        weights.load()  # says how to get them if they are not here
    facts = made.info(run.data_hash)
    assert facts.shape is not None
    shape, classes = run.recipe.image.shape(facts.shape), len(facts.classes)
    summary = safely(summarize, run.net, shape, classes, doing="counting the layers of")
    latency = None
    if limits.latency_ms is not None:
        latency = safely(_latency_ms, run.net, shape, classes, machine, doing="timing")
    candidate = Candidate(
        name,
        run.recipe.epochs,
        _epoch_seconds(run, made, summary, speed),
        run.recipe.schedule.share if isinstance(run.recipe.schedule, Cooldown) else 0.0,
        START_SECONDS,
        again=1.0 if run.recipe.probe is None else PROBE_AGAIN,
    )
    return LineupEntry(candidate, run, summary.total, latency)


def _epoch_seconds(run: Run, made: Plan, summary: "Summary", speed: Speed) -> float:
    """Estimate the seconds of an epoch; a probe passes each image through the network once."""
    facts = made.info(run.data_hash)
    image = speed.seconds_per_image + (summary.flops or 0) * speed.seconds_per_flop
    if run.recipe.probe is not None:
        return FORWARD_SHARE * image * (facts.train_images + facts.validation_images + facts.test_images)
    trained = steps_of(run.recipe, facts.train_images, len(facts.classes)) * run.recipe.batch_size
    evaluated = facts.validation_images or max(0, facts.train_images - trained)
    return image * (trained + FORWARD_SHARE * evaluated)


def _latency_ms(name: str, shape: "ImageShape", classes: int, machine: "Machine") -> float:
    """Time a network with its first weights: the median for one image, in milliseconds."""
    import torch

    from bakeoff.machine import hardware
    from bakeoff.measure.cost import images, milliseconds, time_passes
    from bakeoff.nets import build
    from bakeoff.nets.fast import to_device

    hardware.prepare_process(machine)
    with torch.random.fork_rng([]), torch.inference_mode():
        net = to_device(build(name, shape, classes), machine.device).eval()
        times = time_passes(net, images(1, shape, machine.device), machine.device)
    return milliseconds("latency", times)["latency_ms_median"]


def _too_much(entry: LineupEntry, limits: CandidateLimits) -> str:
    """Return why a candidate exceeds the limits; empty if it does not."""
    if limits.parameters is not None and entry.parameters > limits.parameters:
        return f"{entry.parameters:,} parameters, more than --max-params {limits.parameters:,.0f}"
    if limits.size_bytes is not None and (size := 4 * entry.parameters) > limits.size_bytes:
        return f"weights of {exact_size(size)}, more than --max-size {exact_size(limits.size_bytes).replace(' ', '')}"
    if limits.latency_ms is not None and entry.latency_ms is not None and entry.latency_ms > limits.latency_ms:
        return f"{entry.latency_ms:.1f} ms for one image, more than --max-latency {limits.latency_ms:g}ms"
    return ""
