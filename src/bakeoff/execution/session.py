"""From what a user asked for to a running study: shared by the command line and the Python interface."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bakeoff import studies
from bakeoff.data import DATASETS, FOLDER, Progress
from bakeoff.data.kinds import is_database
from bakeoff.errors import BakeoffError, Misplaced
from bakeoff.execution.execute import Event, execute
from bakeoff.execution.plan import Plan, plan
from bakeoff.execution.posthoc import measure_robustness
from bakeoff.execution.worker import Placement, place
from bakeoff.lookup import spelled
from bakeoff.spec.overrides import parse_seconds
from bakeoff.store.store import Store
from bakeoff.studies.recipes import RECIPES
from bakeoff.studies.study import Exceptional, Study
from bakeoff.studies.toml import checked, write_study

Part = TypeVar("Part", Study, Exceptional)
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
    given_study = "demo" if (is_demo := given_study is None) else given_study
    base = with_known_names(given_study if isinstance(given_study, Study) else known_study(given_study))
    asked = {
        "data": known_data_sets(data),
        "recipe": None if recipe is None else spelled(recipe, RECIPES),
        "seeds": seeds,
        "first_seed": first_seed,
    }
    given: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if is_demo and (data or recipe):
        given |= {"set": {}, "name": "run", "about": ""}
    if (only := known_networks(nets)) is not None:
        base = base.with_nets(only)
    trained_on = given.get("data", base.data)
    stand_ins = {known_data(name): known_data(other) for name, other in (data_as or {}).items()}
    given["data_as"] = {name: other for name, other in base.data_as.items() if name in trained_on} | stand_ins
    return checked(msgspec.structs.replace(base, **given).with_changes(changes or {}))


def known_study(name: str) -> Study:
    """Return the study of a name or a file.

    Raises:
        BakeoffError: there is none; `Misplaced` if it names a network, a data set, a folder or a recipe.
    """
    if not is_study(name) and (wrong := misplaced(name)):
        raise wrong
    return studies.load(name)


def is_study(name: str) -> bool:
    """Return whether a name is that of a built-in study or of a study file."""
    return spelled(name, studies.names()) in studies.names() or name.endswith(".toml")


def misplaced(name: str) -> Misplaced | None:
    """Return what to say of a name in the place of a study that stands for something else, None if it does not."""
    for what, option, meant in _other_than_studies(name):
        return Misplaced(f"{name} is {what}, not a study", option, meant)
    return None


def _other_than_studies(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield what a name stands for, and the option and the value that say so."""
    if name.startswith(FOLDER) or (name and Path(name).is_dir()):
        yield "a folder", "--data", name if name.startswith(FOLDER) else f"{FOLDER}{name}"
    if name and is_database(Path(name)):
        yield "a store", "--store", name
    if (data := known_data(name)).partition("~")[0] in DATASETS:
        yield "a data set", "--data", data
    if (recipe := spelled(name, RECIPES)) in RECIPES:
        yield "a recipe", "--recipe", recipe
    if OWN_FILE.search(name):
        yield "a network of your own", "--nets", name
    with suppress(BakeoffError):
        from bakeoff.nets import find_net

        meant = known_network(name)
        find_net(meant)
        yield "a network", "--nets", meant


def known_data(name: str) -> str:
    """Return the name of a data set as it is spelled: "MNIST" is mnist, "MNIST~contrast=0.5" a version of it."""
    base, tilde, grades = name.partition("~")
    return f"{spelled(base, DATASETS)}{tilde}{grades}"


def known_data_sets(given: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Return the names of data sets as they are spelled; one may come alone, or none be given."""
    found = names(given, "data")
    return None if found is None else tuple(map(known_data, found))


def known_network(name: str) -> str:
    """Return what a network is called: a user's own by its name and content, after reading its file.

    Raises:
        BakeoffError: there is no such file, or no network in it.
    """
    if "@" in name and not OWN_FILE.search(name):
        return name
    if OWN_FILE.search(name):
        from bakeoff.execution import tryout

        return tryout.add(name)
    from bakeoff.nets import NETS  # loads torch

    near = spelled(name, NETS)
    return near if near in NETS else name.lower()  # families of any depth are spelled in small letters


def known_networks(given: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """Return what networks are called; one may come alone, or none be given."""
    found = names(given, "nets")
    return None if found is None else tuple(map(known_network, found))


def with_known_names(study: Study) -> Study:
    """Return a study in which networks and data sets have the names they are known by."""

    def known(item: Part) -> Part:
        return msgspec.structs.replace(item, nets=known_networks(item.nets), data=known_data_sets(item.data))

    dials = (
        msgspec.structs.replace(dial, nets=known_networks(dial.nets), data=known_data(dial.data))
        for dial in study.dials
    )
    return msgspec.structs.replace(
        known(study),
        cells=tuple(map(known, study.cells)),
        variants=tuple(map(known, study.variants)),
        dials=tuple(dials),
        data_as={known_data(name): known_data(other) for name, other in study.data_as.items()},
    )


def names(given: Sequence[str] | str | None, what: str) -> tuple[str, ...] | None:
    """Return names as a tuple; one name may come alone.

    Raises:
        BakeoffError: these are no names.
    """
    if given is None or isinstance(given, str):
        return given if given is None else (given,)
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    for name in found:
        if not isinstance(name, str):
            raise BakeoffError(f"--{what} takes names, such as {EXAMPLES[what]}; got {name!r}")
    return found


EXAMPLES = {"nets": "conv or my_net.py", "data": "mnist or folder:my-photos"}


def make_plan(study: Study, progress: Progress | None = None, *, fetch: bool = True) -> Plan:
    """Return the checked plan of a study, packing its data, and fetching them unless `fetch` is false."""
    return plan(study, progress, fetch=fetch)


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
    from bakeoff.machine.hardware import choose_device, choose_precision

    placement = place(len(plan.runs), choose_device(device), workers, threads)
    precision = choose_precision(placement.device, precision)
    limit = None if run_timeout is None else parse_seconds(run_timeout)
    return msgspec.structs.replace(placement, precision=precision, compile=compiled, run_timeout=limit)


def has_bf16(placement: Placement) -> bool:
    """Tell whether the device computes in bfloat16 itself: others imitate it, many times slower than fp32."""
    from bakeoff.machine import hardware

    return hardware.has_bf16(placement.device)


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
    from bakeoff.nets import user_file

    for net in {run.net for run in plan.runs}:
        user_file.keep(net, folder)


def robustness(plan: Plan, store: Path, placement: Placement) -> Generator[Event, None, None]:
    """Open the store, and yield the events of evaluating the plan's finished runs on corrupted images."""
    with Store(store) as opened:
        yield from measure_robustness(plan, opened, placement)
