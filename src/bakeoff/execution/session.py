"""Turns a user's options into a running study: shared by the command line and the Python interface."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bakeoff.data import Progress
from bakeoff.execution.execute import Event, execute
from bakeoff.execution.names import (
    known_data,
    known_data_sets,
    known_recipes,
    known_study,
    networks_with_recipes,
    with_known_names,
)
from bakeoff.execution.on_cluster import choose_cluster, place_on_cluster
from bakeoff.execution.options import RunOptions, StudyOptions
from bakeoff.execution.plan import Plan, plan
from bakeoff.execution.posthoc import measure_robustness, measure_timing
from bakeoff.execution.worker import Placement, cores, machine_of, placement_for
from bakeoff.spec.overrides import parse_seconds
from bakeoff.spec.recipe import Recipe
from bakeoff.store.store import Store
from bakeoff.studies.recipes import recipe_as_changes
from bakeoff.studies.study import Study
from bakeoff.studies.toml import checked, write_study

if TYPE_CHECKING:
    from bakeoff.machine.hardware import Machine

UNCHANGED = StudyOptions()
"""No options: the study as it is."""


def choose_study(given_study: str | Path | Study | None = None, options: StudyOptions = UNCHANGED) -> Study:
    """Return the study that was asked for: a built-in one, a file's or one made of the options.

    Options change the study they are given with; changes to the recipe take precedence over the study's settings for
    single cells. Networks alone are tried on the demonstration's images, data alone with the demonstration's networks.
    Without a study and networks, only the networks of `until_settled` are trained.

    Raises:
        BakeoffError: there is no such study, or it cannot be changed so.
    """
    if isinstance(options.recipe, list | tuple) and len(options.recipe) == 1:
        options = replace(options, recipe=options.recipe[0])
    if isinstance(options.recipe, Recipe):
        name, fields = recipe_as_changes(options.recipe)
        return choose_study(given_study, replace(options, recipe=name, changes=fields | dict(options.changes or {})))
    is_demo = given_study is None
    given_study = "demo" if given_study is None else given_study
    base = with_known_names(given_study if isinstance(given_study, Study) else known_study(str(given_study)))
    chosen = {
        "data": known_data_sets(options.data),
        "recipe": known_recipes(options.recipe),
        "groups": options.groups,
        "folds": options.folds,
        "seeds": options.seeds,
        "first_seed": options.first_seed,
    }
    given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
    if is_demo and (options.data or options.recipe):
        given |= {"set": {}, "name": "run", "about": ""}
    nets = options.until_settled if is_demo and options.nets is None else options.nets
    if (only := networks_with_recipes(nets)) is not None:
        own = [recipe for _, recipe in only if recipe]
        if is_demo and own and len(own) == len(only) and "recipe" not in given:
            given |= {"recipe": own[0], "set": {}, "name": "run", "about": ""}
        base = base.with_own_recipes(only)
    trained_on = given.get("data", base.data)
    stand_ins = {known_data(name): known_data(other) for name, other in (options.data_as or {}).items()}
    given["data_as"] = {name: other for name, other in base.data_as.items() if name in trained_on} | stand_ins
    return checked(msgspec.structs.replace(base, **given).with_changes(options.changes or {}))


def make_plan(study: Study, progress: Progress | None = None, *, fetch: bool = True) -> Plan:
    """Return the checked plan of a study, packing its data, and fetching them unless `fetch` is false."""
    return plan(study, progress, fetch=fetch)


def choose_placement(plan: Plan, options: RunOptions) -> Placement:
    """Return where the plan runs, with what is left open chosen for this machine, or by the nodes of a cluster.

    Raises:
        BakeoffError: there is no such device or precision here, workers or threads are fewer than 1, `run_timeout`
            is not a time such as "2h", or the cluster cannot be reached.
    """
    from bakeoff.machine.hardware import choose_device, choose_precision

    limit = None if options.run_timeout is None else parse_seconds(options.run_timeout)
    if cluster := choose_cluster(options):
        return place_on_cluster(cluster, len(plan.runs), options, limit)
    workers = options.workers
    if workers is None and options.devices_per_run > 1 and choose_device(options.device) == "cpu":
        workers = max(1, cores() // options.devices_per_run)
    placement = placement_for(len(plan.runs), choose_device(options.device), workers, options.threads)
    if options.devices_per_run > 1:
        threads = options.threads or max(1, placement.threads // options.devices_per_run)
        placement = msgspec.structs.replace(placement, threads=threads, devices=options.devices_per_run)
    precision = choose_precision(placement.device, options.precision)
    return msgspec.structs.replace(placement, precision=precision, compile=options.compile, run_timeout=limit)


def choose_machine(options: RunOptions) -> "Machine":
    """Return what a single run is trained on here.

    Raises:
        BakeoffError: there is no such device or precision here.
    """
    from bakeoff.machine.hardware import choose_device

    placement = placement_for(1, choose_device(options.device), 1, options.threads)
    return machine_of(msgspec.structs.replace(placement, precision=options.precision))


def device_has_bf16(placement: Placement) -> bool:
    """Return whether the device supports bfloat16 natively; others emulate it, many times slower than fp32."""
    from bakeoff.machine import hardware

    return placement.cluster is not None or hardware.has_bf16(placement.device)


def start(plan: Plan, options: RunOptions, placement: Placement) -> Generator[Event, None, None]:
    """Open (or make) the store, note what was asked, and yield the events of the study."""
    again = {"retry_failed": options.retry_failed, "restart": options.restart}
    with Store(options.store, create=True) as opened:
        keep_own_networks(plan, opened.files)
        opened.record_study(write_study(plan.study), options.command, plan.compared)
        yield from execute(plan, opened, placement, fail_fast=options.fail_fast, **again)


def keep_own_networks(plan: Plan, folder: Path) -> None:
    """Write users' own networks and weights beside the store, where workers read them.

    Raises:
        BakeoffError: a file of weights has changed since the plan was made, or cannot be copied.
    """
    from bakeoff.nets import user_file, user_weights

    for net in sorted({run.net for run in plan.runs}):
        user_file.save_sources(net.partition(":")[0], folder)
        user_weights.save_copy(net.rpartition(":")[2], folder)


def start_robustness(plan: Plan, store: Path, placement: Placement) -> Generator[Event, None, None]:
    """Open the store, and yield the events of evaluating the plan's finished runs on corrupted images."""
    with Store(store) as opened:
        yield from measure_robustness(plan, opened, placement)


def start_timing(plan: Plan, store: Path, placement: Placement) -> Generator[Event, None, None]:
    """Open the store, and yield the events of timing the plan's finished runs one at a time."""
    with Store(store) as opened:
        yield from measure_timing(plan, opened, placement)
