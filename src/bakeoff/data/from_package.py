"""Data sets that installed packages add: functions without arguments that return a `Dataset` made of arrays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from bakeoff.data.arrays import open_arrays
from bakeoff.data.catalogue import DATASETS
from bakeoff.data.dataset import Dataset
from bakeoff.data.local_folders import cache_folder
from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.spec.paths import write_whole
from bakeoff.spec.plugins import Plugin, Registry, is_full_name

Make: TypeAlias = Callable[[], Dataset]


def as_maker(plugin: Plugin, loaded: Any) -> Make:
    """Return a loader for a package's data set: its function is called once, then its arrays are in the cache.

    Raises:
        BakeoffError: it is not callable.
    """
    if not callable(loaded):
        raise BakeoffError(f"{plugin} is a {type(loaded).__name__}: expected a function that returns a Dataset")

    def make() -> Dataset:
        return _named(plugin, _kept(plugin) or _made(plugin, loaded))

    make.__doc__ = loaded.__doc__
    return make


ADDED: Registry[Make] = Registry({}, "bakeoff.datasets", as_maker, is_reserved=DATASETS.__contains__)
"""The data sets that packages add, by name."""


def is_added(name: str) -> bool:
    """Return whether a package adds the data set `name`, or added it in another version."""
    return is_full_name(name) or name in ADDED


def find_added(name: str) -> Dataset:
    """Return the data set of a package.

    Raises:
        BakeoffError: the package is broken, or not installed in this version.
    """
    if name not in ADDED and not is_full_name(name):
        raise BakeoffError(unknown("data set", name, ADDED))
    return ADDED[name]()


def _made(plugin: Plugin, function: Make) -> Dataset:
    with plugin.described("fails"):
        made = function()
    if not isinstance(made, Dataset):
        raise BakeoffError(f"{plugin} must return a bakeoff.Dataset, but returns {type(made).__name__}")
    write_whole(_note(plugin), made.info.name)
    return made


def _kept(plugin: Plugin) -> Dataset | None:
    """Return the data set if it was made before; None if it was not, or its arrays are gone."""
    try:
        return open_arrays(_note(plugin).read_text(encoding="utf-8"))
    except (OSError, BakeoffError):
        return None


def _note(plugin: Plugin) -> Path:
    """Return the file with the name of the arrays that the function made."""
    return cache_folder() / "packages" / f"{plugin.full_name}.txt"


def _named(plugin: Plugin, dataset: Dataset) -> Dataset:
    return replace(
        dataset,
        info=msgspec.structs.replace(dataset.info, name=plugin.full_name),
        source=f"the package {plugin.provider}" if dataset.source == "arrays" else dataset.source,
    )
