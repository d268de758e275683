"""Measures that are taken of finished runs, from the weights they left: nothing is trained again.

They are no part of what a run is, and can be asked for at any time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.data import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.execution.execute import Event, keep, work_off
from bakeoff.execution.executors.local import Pool
from bakeoff.execution.plan import Plan
from bakeoff.execution.worker import Message, Placement, Told, explain, images_of, machine_of
from bakeoff.spec.paths import weights_path
from bakeoff.spec.records import Failure, Measured
from bakeoff.spec.run import Run
from bakeoff.store.claims import working
from bakeoff.store.store import Store

if TYPE_CHECKING:
    from bakeoff.machine.hardware import Machine

MARK = "accuracy_under_corruption"
"""A run that has this measure has been through `measure_robustness`."""


def measure_robustness(plan: Plan, store: Store, placement: Placement) -> Iterator[Event]:
    """Evaluate the plan's finished runs on corrupted test images, those that have not been, and keep the measures.

    Yields:
        an event "measured" once the measures of a run are in the store, or "failed", which changes no result;
        "elsewhere" or "lost" where another command is at it.
    """
    wanted = {
        result.id
        for result in store.results([run.id for run in plan.runs])
        if result.state == "done" and MARK not in result.measures
    }
    waiting = [run for run in plan.runs if run.id in wanted]
    if not waiting:
        return
    with working() as owner, Pool(placement, store.files, robustness_of) as pool:
        for event in work_off(waiting, store, pool, owner, _keep, finished=True):
            if event.kind != "started":
                yield event


def _keep(message: Message, run: Run, store: Store, owner: str) -> Event:
    """Keep measures, and tell of failures without keeping them: they change no result."""
    if isinstance(message.content, Failure):
        return Event("failed", run, message.content)
    return keep(message, run, store, owner)


def robustness_of(
    run: Run, placement: Placement, folder: Path, _: Callable[[int, int, int], None] | None = None
) -> Told:
    """Measure one finished run here, turning whatever goes wrong into a `Failure`."""
    try:
        yield Measured(evaluate(run, images_of(run), machine_of(placement), folder)), {}
    except BakeoffError as error:
        yield Failure("error", str(error)), {}
    except (Exception, SystemExit) as error:
        yield explain(error), {}


def evaluate(run: Run, data: Dataset, machine: "Machine", folder: Path) -> dict[str, float]:
    """Return the robustness of a finished run whose weights are in `folder`.

    Raises:
        BakeoffError: they are not there, or are not those of its network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from bakeoff.machine import hardware
    from bakeoff.measure.robustness import robustness
    from bakeoff.nets import build
    from bakeoff.nets.fast import move
    from bakeoff.training.partition import divide, seen_shape

    path = weights_path(folder, run.id)
    if not path.exists():
        raise BakeoffError(f"the weights of run {run.id} are not at {path}: --restart trains it anew")
    hardware.prepare(machine)
    net = build(run.net, seen_shape(run, data), len(data.info.classes))
    try:
        net.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise BakeoffError(f"{path} does not hold the weights of run {run.id}: --restart trains it anew") from error
    parts = divide(run, data, machine.device)
    return robustness(move(net, machine.device), parts.test, run.recipe.image, parts.normalizer, machine)
