"""From what a user asked for to a running study: shared by the command line and the Python interface."""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bakeoff import studies
from bakeoff.data import Progress
from bakeoff.settings import Study, write_study
from bakeoff.store import Store
from bakeoff.study import Event, Plan, execute, plan
from bakeoff.workers import Placement, place


def choose_study(
    given_study: str | Study | None = None,
    *,
    nets: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    recipe: str | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Study:
    """Return the study that was asked for: a built-in one, a file's or one made of the options.

    Options change the study they are given with. Networks alone are tried on the demonstration's images, data
    alone with the demonstration's networks.

    Raises:
        BakeoffError: there is no such study.
    """
    base = given_study if isinstance(given_study, Study) else studies.load(given_study or "demo")
    asked = {
        "nets": None if nets is None else tuple(nets),
        "data": None if data is None else tuple(data),
        "recipe": recipe,
        "seeds": seeds,
        "first_seed": first_seed,
    }
    given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if given_study is None and (data or recipe):
        given |= {"set": {}, "name": "run", "about": ""}
    changed = msgspec.structs.replace(base, **given)
    return msgspec.structs.replace(changed, set=changed.set | dict(changes or {}))


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
) -> Placement:
    """Return where the plan runs, with what is left open chosen for this machine."""
    from bakeoff.runtime import choose_device

    placement = place(len(plan.runs), choose_device(device), workers, threads)
    return msgspec.structs.replace(placement, precision=precision, compile=compiled)


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
        opened.record_study(write_study(plan.study), command)
        yield from execute(plan, opened, placement, retry_failed=retry_failed, restart=restart, fail_fast=fail_fast)
