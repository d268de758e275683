"""Removing runs from a store, with the files beside it. No torch."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bakeoff.errors import BakeoffError
from bakeoff.execution.execute import delete_files
from bakeoff.lookup import unknown
from bakeoff.spec.data import data_label
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.store.claims import working
from bakeoff.store.codec import STATES
from bakeoff.store.store import Store

KINDS = (*STATES, "damaged", "newer")
"""States of runs, those that cannot be read among them."""


@dataclass(frozen=True)
class Kept:
    """A run that is in a store. The field names are the keys of the JSON: they stay."""

    id: str
    net: str
    data: str
    """As tables call it: with the beginning of its hash where the store has several versions of a folder."""
    recipe: str
    seed: int | None
    state: str
    bytes: int
    """Of its checkpoint and its weights."""


def choose(
    store: Store,
    *,
    nets: Sequence[str] = (),
    data: Sequence[str] = (),
    recipes: Sequence[str] = (),
    states: Sequence[str] = (),
) -> list[Kept]:
    """Return the runs of a store that match all that is given; nothing given matches no run.

    A network from a file is also found without the digits of its version, a recipe without its changes, and a folder
    by its last part; "folder:photos (1a2b3c)" is one version of it.

    Raises:
        BakeoffError: nothing is given, or the store has nothing that is called so.
    """
    if not (nets or data or recipes or states):
        raise BakeoffError("say which runs to forget: by data, network, recipe or state; for all, delete the store")
    for state in states:
        if state not in KINDS:
            raise BakeoffError(unknown("state", state, KINDS))
    everything = _everything(store)
    places = {run.id: {data_label(name), name} for run, name in everything}
    found = [run for run, _ in everything]
    asked: tuple[tuple[str, Sequence[str], Callable[[Kept], set[str]]], ...] = (
        ("network in this store", nets, lambda run: {run.net, run.net.partition("@")[0]}),
        ("data set in this store", data, lambda run: {run.data, *places[run.id]}),
        ("recipe in this store", recipes, lambda run: {run.recipe, run.recipe.partition(" (")[0]}),
        ("state", states, lambda run: {run.state}),
    )
    for kind, wanted, names in asked:
        if not wanted:
            continue
        known = {name for run, _ in everything for name in names(run)}
        for name in wanted if kind != "state" else ():
            if name not in known:
                raise BakeoffError(unknown(kind, name, sorted(known)))
        found = [run for run in found if names(run) & set(wanted)]
    return found


def _everything(store: Store) -> list[tuple[Kept, str]]:
    """Return all runs of a store, each with the whole name of its data."""
    results, unreadable = store.read()

    def size(run_id: str) -> int:
        paths = checkpoint_path(store.files, run_id), weights_path(store.files, run_id)
        return sum(path.stat().st_size for path in paths if path.exists())

    return [
        (Kept(r.id, r.run.net, r.data, r.run.recipe.name, r.run.seed, r.state, size(r.id)), r.run.data) for r in results
    ] + [(Kept(u.id, u.net, data_label(u.data), u.recipe, u.seed, u.state, size(u.id)), u.data) for u in unreadable]


def forget(store: Store, runs: Iterable[Kept]) -> tuple[list[Kept], list[Kept]]:
    """Remove runs and their files, and return those that are gone and those another command is at, which stay."""
    runs = list(runs)
    with working() as owner:
        gone = set(store.forget([run.id for run in runs], owner))
    delete_files(store.files, gone)
    with suppress(sqlite3.Error):  # the file need not shrink at once
        store.shrink()
    return [run for run in runs if run.id in gone], [run for run in runs if run.id not in gone]
