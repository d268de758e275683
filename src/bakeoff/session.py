"""From what a user asked for to a running study: shared by the command line and the Python interface."""

import re
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bakeoff import studies
from bakeoff.afterwards import measure_robustness
from bakeoff.data import Progress
from bakeoff.execution import Event, execute
from bakeoff.grid import Study
from bakeoff.settings import parse_seconds
from bakeoff.store import Store
from bakeoff.studies.files import checked, write_study
from bakeoff.study import Plan, plan
from bakeoff.workers import Placement, place

OWN_FILE = re.compile(r"\.py(:|$)")
"""What the name of a network from a user's own file ends with, before the name of one of several in it."""


def choose_study(
    given_study: str | Study | None = None,
    *,
    nets: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    data_as: Mapping[str, str] | None = None,
    recipe: str | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Study:
    """Return the study that was asked for: a built-in one, a file's or one made of the options.

    Options change the study they are given with; changes to the recipe win over what the study says of single
    cells. Networks alone are tried on the demonstration's images, data alone with the demonstration's networks.

    Raises:
        BakeoffError: there is no such study, or it cannot be changed so.
    """
    base = with_own_networks(given_study if isinstance(given_study, Study) else studies.load(given_study or "demo"))
    asked = {
        "data": names(data),
        "recipe": recipe,
        "seeds": seeds,
        "first_seed": first_seed,
    }
    given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if given_study is None and (data or recipe):
        given |= {"set": {}, "name": "run", "about": ""}
    if (only := known_networks(nets)) is not None:
        base = base.with_nets(only)
    given["data_as"] = {k: v for k, v in base.data_as.items() if k in (names(data) or base.data)} | dict(data_as or {})
    return checked(msgspec.structs.replace(base, **given).with_changes(changes or {}))


def known_network(name: str) -> str:
    """Return what a network is called: a user's own by its name and content, after reading its file.

    Raises:
        BakeoffError: there is no such file, or no network in it.
    """
    if not OWN_FILE.search(name):
        return name
    from bakeoff import rehearsal

    return rehearsal.add(name)


def known_networks(given: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Return what networks are called; one may come alone, or none be given."""
    found = names(given)
    return None if found is None else tuple(map(known_network, found))


def with_own_networks(study: Study) -> Study:
    """Return a study in which networks that are given as files are called by name and content."""
    cells, variants, dials = (
        tuple(msgspec.structs.replace(item, nets=known_networks(item.nets)) for item in items)
        for items in (study.cells, study.variants, study.dials)
    )
    return msgspec.structs.replace(study, nets=known_networks(study.nets), cells=cells, variants=variants, dials=dials)


def names(given: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Return names as a tuple; one name may come alone."""
    return (given,) if isinstance(given, str) else None if given is None else tuple(given)


def make_plan(study: Study, progress: Progress | None = None) -> Plan:
    """Return the checked plan of a study, fetching and packing its data if need be."""
    return plan(study, progress)


def choose_placement(
    plan: Plan,
    device: str = "auto",
    precision: str = "auto",
    workers: int | None = None,
    threads: int | None = None,
    compiled: bool = False,
    run_timeout: str | float | None = None,
) -> Placement:
    """Return where the plan runs, with what is left open chosen for this machine.

    Raises:
        BakeoffError: there is no such device or precision here, no worker or thread is to work, or `run_timeout` is no
            time such as "2h".
    """
    from bakeoff.runtime import choose_device, choose_precision

    placement = place(len(plan.runs), choose_device(device), workers, threads)
    precision = choose_precision(placement.device, precision)
    limit = None if run_timeout is None else parse_seconds(run_timeout)
    return msgspec.structs.replace(placement, precision=precision, compile=compiled, run_timeout=limit)


def has_bf16(placement: Placement) -> bool:
    """Tell whether the device computes in bfloat16 itself: others imitate it, many times slower than fp32."""
    from bakeoff import runtime

    return runtime.has_bf16(placement.device)


def start(
    plan: Plan,
    store: Path,
    placement: Placement,
    *,
    command: str,
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
) -> Generator[Event, None, None]:
    """Open (or make) the store, note what was asked, and yield the events of the study."""
    with Store(store, create=True) as opened:
        keep_own_networks(plan, opened.files)
        opened.record_study(write_study(plan.study), command)
        yield from execute(plan, opened, placement, retry_failed=retry_failed, restart=restart, fail_fast=fail_fast)


def keep_own_networks(plan: Plan, folder: Path) -> None:
    """Write the networks from files beside the store, where workers read them."""
    from bakeoff.nets import own

    for net in {run.net for run in plan.runs}:
        own.keep(net, folder)


def robustness(plan: Plan, store: Path, placement: Placement) -> Generator[Event, None, None]:
    """Open the store, and yield the events of evaluating the plan's finished runs on corrupted images."""
    with Store(store) as opened:
        yield from measure_robustness(plan, opened, placement)
