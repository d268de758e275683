"""Measures of finished runs, computed from their saved weights without training again.

They are not part of a run's id and can be added at any time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bakeoff.data import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import measure_step
from bakeoff.execution.execute import Dispatcher, Event, record
from bakeoff.execution.executors import open_executor
from bakeoff.execution.plan import Plan
from bakeoff.execution.worker import Job, JobOutput, Message, Placement, load_images, machine_of, to_failure
from bakeoff.spec.paths import weights_path
from bakeoff.spec.records import Failure, Measured
from bakeoff.spec.run import Run
from bakeoff.store.claims import Claim, working
from bakeoff.store.store import Store

if TYPE_CHECKING:
    from torch import nn

    from bakeoff.data.normalize import Normalizer
    from bakeoff.machine.hardware import Machine

MARKER = "accuracy_under_corruption"
"""A run with this measure has been through `measure_robustness`."""
TIMED_STEPS = 30
"""Training steps that are timed, or fewer if they are slow."""
TIMED = "exclusive_images_per_second"
"""A run with this measure has been through `measure_timing`."""


def measure_robustness(plan: Plan, store: Store, placement: Placement) -> Iterator[Event]:
    """Evaluate the plan's finished runs on corrupted test images, unless that was done before, and store the measures.

    Yields:
        "measured" once a run's measures are in the store, "failed" (which changes no result), or "elsewhere" or "lost"
        if another command has claimed the run.
    """
    return _measure(plan, store, placement, robustness_job, MARKER)


def measure_timing(plan: Plan, store: Store, placement: Placement) -> Iterator[Event]:
    """Measure latency and training speed of the plan's finished runs again, one after the other and nothing beside.

    Yields:
        The events of `measure_robustness`.
    """
    return _measure(plan, store, replace(placement, workers=1), timing_job, TIMED)


def _measure(plan: Plan, store: Store, placement: Placement, job: Job, marker: str) -> Iterator[Event]:
    """Do a job with the plan's finished runs that lack the measure `marker`, and store what it measures."""
    wanted = {
        result.id
        for result in store.results([run.id for run in plan.runs])
        if result.state == "done" and marker not in result.measures
    }
    waiting = [run for run in plan.runs if run.id in wanted]
    if not waiting:
        return
    with working() as owner, open_executor(placement, store.files, job) as executor:
        for event in Dispatcher(store, executor, owner, _record_measures, finished=True).run(waiting):
            if event.kind != "started":
                yield event


def _record_measures(message: Message, run: Run, store: Store, claim: Claim) -> Event:
    """Record measures, but not failures: the run's result stays valid."""
    if isinstance(message.content, Failure):
        return Event("failed", run, message.content)
    return record(message, run, store, claim)


def robustness_job(
    run: Run, placement: Placement, folder: Path, _: Callable[[int, int, int], None] | None = None
) -> JobOutput:
    """Evaluate one finished run on corrupted images in this process; every error becomes a `Failure`."""
    return _job(evaluate_robustness, run, placement, folder)


def timing_job(
    run: Run, placement: Placement, folder: Path, _: Callable[[int, int, int], None] | None = None
) -> JobOutput:
    """Time one finished run in this process; every error becomes a `Failure`."""
    return _job(time_alone, run, placement, folder)


def _job(
    measure: "Callable[[Run, Dataset, Machine, Path], dict[str, float]]", run: Run, placement: Placement, folder: Path
) -> JobOutput:
    try:
        yield Measured(measure(run, load_images(run, folder), machine_of(placement), folder)), {}
    except BakeoffError as error:
        yield Failure("error", str(error)), {}
    except (Exception, SystemExit) as error:
        yield to_failure(error), {}


def evaluate_robustness(run: Run, data: Dataset, machine: "Machine", folder: Path) -> dict[str, float]:
    """Return the robustness measures of a finished run whose weights are in `folder`.

    Raises:
        BakeoffError: the weights are missing, or do not fit the network.
    """
    from bakeoff.data.batches import ImageSource
    from bakeoff.measure.robustness import robustness

    net, normalizer = load_trained(run, data, machine, folder)
    return robustness(net, ImageSource.on(data.test, machine.device), run.recipe.image, normalizer, machine)


def time_alone(run: Run, data: Dataset, machine: "Machine", folder: Path) -> dict[str, float]:
    """Return latency, inference speed and training speed of a finished run, and the machine's speed meanwhile.

    Raises:
        BakeoffError: the weights are missing, or do not fit the network.
    """
    from bakeoff.measure.cost import inference_cost
    from bakeoff.training.meters import speed_of, speeds_of
    from bakeoff.training.partition import input_shape

    net, _ = load_trained(run, data, machine, folder)
    measures = inference_cost(net, input_shape(run, data), machine) | speeds_of("exclusive", speed_of(machine))
    if run.recipe.probe:
        return measures | {TIMED: measures.get("inference_images_per_second", 1000 / measures["latency_ms_median"])}
    assert data.info.shape is not None
    step = measure_step(run.net, data.info.shape, len(data.info.classes), run.recipe, machine, steps=TIMED_STEPS)
    return measures | {TIMED: run.recipe.batch_size / step}


def load_trained(run: Run, data: Dataset, machine: "Machine", folder: Path) -> "tuple[nn.Module, Normalizer]":
    """Return the network of a finished run, whose weights are in `folder`, and its normalizer, on the machine's device.

    Raises:
        BakeoffError: the weights are missing, or do not fit the network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from bakeoff.machine import hardware
    from bakeoff.nets import build
    from bakeoff.nets.fast import to_device
    from bakeoff.training.bundles import has_bundle, read_bundle
    from bakeoff.training.partition import input_shape, partition_data

    path = weights_path(folder, run.id)
    if not path.exists():
        raise BakeoffError(f"no weights of run {run.id} at {path}: train it again with --restart")
    hardware.prepare_process(machine)
    if has_bundle(path):
        loaded = read_bundle(path)
        if loaded.bundle.run.id != run.id:
            raise BakeoffError(f"{path} does not hold the weights of run {run.id}: train it again with --restart")
        return to_device(loaded.net, machine.device), loaded.bundle.normalizer().to(machine.device)
    net = build(run.net, input_shape(run, data), len(data.info.classes))
    try:
        net.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise BakeoffError(
            f"{path} does not hold the weights of run {run.id}: train it again with --restart"
        ) from error
    return to_device(net, machine.device), partition_data(run, data, machine.device).normalizer
