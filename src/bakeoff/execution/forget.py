"""Removing runs from a store, along with their files. No torch."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bakeoff.errors import BakeoffError
from bakeoff.execution.publishing import delete_files
from bakeoff.lookup import unknown
from bakeoff.spec.data import data_label
from bakeoff.spec.paths import checkpoint_path, trunk_path, weights_path
from bakeoff.spec.run import without_versions
from bakeoff.store.claims import working
from bakeoff.store.codec import STATES
from bakeoff.store.folds import name_whole
from bakeoff.store.store import Store

KINDS = (*STATES, "damaged", "newer")
"""States of runs, including those of unreadable runs."""


@dataclass(frozen=True)
class StoredRun:
    """A run in a store. The field names are JSON keys: do not rename them."""

    id: str
    net: str
    data: str
    """Its name in tables: with part of its hash if the store has several versions of a folder."""
    recipe: str
    seed: int | None
    state: str
    bytes: int
    """Size of its checkpoint and weights."""


def choose(
    store: Store,
    *,
    nets: Sequence[str] = (),
    data: Sequence[str] = (),
    recipes: Sequence[str] = (),
    states: Sequence[str] = (),
) -> list[StoredRun]:
    """Return the runs of a store that match all criteria.

    A network from a file also matches without its version, a recipe without its changes, and a folder by the last part
    of its path; "folder:photos (1a2b3c)" matches one version of it.

    Raises:
        BakeoffError: no criterion is given, or the store has no such network, data set or recipe.
    """
    if not (nets or data or recipes or states):
        raise BakeoffError(
            "no runs selected: choose by network, data, recipe or state; to forget everything, delete the store"
        )
    for state in states:
        if state not in KINDS:
            raise BakeoffError(unknown("state", state, KINDS))
    everything = _all_runs(store)
    places = {
        run.id: {data_label(name), name, data_label(name_whole(name)), name_whole(name), name_whole(run.data)}
        for run, name in everything
    }
    found = [run for run, _ in everything]
    filters: tuple[tuple[str, Sequence[str], Callable[[StoredRun], set[str]]], ...] = (
        ("network in this store", nets, lambda run: {run.net, without_versions(run.net)}),
        ("data set in this store", data, lambda run: {run.data, *places[run.id]}),
        ("recipe in this store", recipes, lambda run: {run.recipe, run.recipe.partition(" (")[0]}),
        ("state", states, lambda run: {run.state}),
    )
    for kind, wanted, names in filters:
        if not wanted:
            continue
        known = {name for run, _ in everything for name in names(run)}
        for name in wanted if kind != "state" else ():
            if name not in known:
                raise BakeoffError(unknown(kind, name, sorted(known)))
        found = [run for run in found if names(run) & set(wanted)]
    return found


def _all_runs(store: Store) -> list[tuple[StoredRun, str]]:
    """Return all runs of a store, each with the full name of its data."""
    results, unreadable = store.read()

    def size(run_id: str) -> int:
        paths = [path_of(store.files, run_id) for path_of in (checkpoint_path, trunk_path, weights_path)]
        return sum(path.stat().st_size for path in paths if path.exists())

    readable = [
        (StoredRun(r.id, r.run.net, r.data, r.run.recipe.name, r.run.seed, r.state, size(r.id)), r.run.data)
        for r in results
    ]
    damaged = [
        (StoredRun(u.id, u.net, data_label(u.data), u.recipe, u.seed, u.state, size(u.id)), u.data) for u in unreadable
    ]
    return readable + damaged


def forget(store: Store, runs: Iterable[StoredRun]) -> tuple[list[StoredRun], list[StoredRun]]:
    """Remove runs and their files; return the removed runs, and those kept because another command has claimed them."""
    runs = list(runs)
    with working() as owner:
        gone = set(store.forget([run.id for run in runs], owner))
    delete_files(store.files, gone)
    with suppress(sqlite3.Error):  # shrinking the file can wait
        store.shrink()
    return [run for run in runs if run.id in gone], [run for run in runs if run.id not in gone]
