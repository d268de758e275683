"""Networks, data sets and recipes that installed packages add through entry points.

A package lists what it adds in its `pyproject.toml`:

    [project.entry-points."bakeoff.nets"]
    tinynet = "acme.networks:tiny_net"

Users write `tinynet`. Runs record `tinynet@acme-1.2.0-1a2b3c4d`: the package, its version and a hash of its source, so
that another version, or an edited one, is another network. The names come from the metadata of the packages; a package
is imported when something of it is used. No torch.
"""

import hashlib
import importlib.util
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bakeoff.errors import BakeoffError, BakeoffWarning

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

Value = TypeVar("Value")

NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
FULL_NAME = re.compile(
    rf"(?P<name>{NAME.pattern})@(?P<package>[a-z0-9-]+)-(?P<version>[^-@]+)-(?P<digest>[0-9a-f]{{8}})"
)


@dataclass(frozen=True)
class Plugin:
    """One entry point of a package."""

    group: str
    """`bakeoff.nets`, `bakeoff.datasets` or `bakeoff.recipes`."""
    name: str
    reference: str
    """Where it is defined: "acme.networks:tiny_net"."""
    package: str
    """The name of the distribution, normalised: lower case, with hyphens."""
    version: str

    @property
    def provider(self) -> str:
        """The package and its version: "acme 1.2.0"."""
        return f"{self.package} {self.version}"

    def __str__(self) -> str:
        return f"{self.name} of the package {self.provider}"

    @cached_property
    def full_name(self) -> str:
        """The name that runs record.

        Raises:
            BakeoffError: its module does not exist.
        """
        version = re.sub(r"[^\w.]", ".", self.version)
        return f"{self.name}@{self.package}-{version}-{self._source_digest()}"

    def load(self) -> Any:
        """Import the package and return the object.

        Raises:
            BakeoffError: importing it fails, or it does not have the object.
        """
        module, _, attribute = self.reference.partition(":")
        with self.described("cannot be loaded"):
            found: Any = importlib.import_module(module)
            for part in filter(None, attribute.split(".")):
                found = getattr(found, part)
            return found

    @contextmanager
    def described(self, problem: str) -> Iterator[None]:
        """Turn every exception into a `BakeoffError` that names the package, and print to stderr instead of stdout."""
        try:
            with redirect_stdout(sys.stderr):
                yield
        except BakeoffError:
            raise
        except (Exception, SystemExit) as error:
            raise BakeoffError(f"{self} {problem}: {type(error).__name__}: {error}") from error

    def _source_digest(self) -> str:
        """Return eight digits of the SHA-256 of the Python files of its package, which is not imported."""
        place = _place(self.reference.partition(":")[0])
        if place is None:
            raise BakeoffError(f"{self} cannot be loaded: there is no module {self.reference.partition(':')[0]}")
        found = hashlib.sha256()
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(f"{path.relative_to(place.parent).as_posix()}\0".encode() + path.read_bytes() + b"\0")
        return found.hexdigest()[:8]


class Registry(MutableMapping[str, Value], Generic[Value]):
    """The networks, data sets or recipes of bakeoff by name, followed by those that packages add.

    Iterating reads names only. Getting a value imports its package; `items` and `values` leave broken ones out, with a
    warning. Names that bakeoff already has, or that two packages add, are refused with a warning.
    """

    def __init__(
        self,
        builtin: Mapping[str, Value],
        group: str,
        convert: Callable[[Plugin, Any], Value],
        is_reserved: Callable[[str], bool] = lambda name: False,
    ) -> None:
        """Take the built-in values, the group of entry points, and a function that checks and wraps a loaded object.

        `is_reserved` tells which further names packages may not use.
        """
        self.builtin = dict(builtin)
        self.group, self.convert, self.is_reserved = group, convert, is_reserved
        self._loaded: dict[Plugin, Value] = {}

    def __getitem__(self, name: str) -> Value:
        """Return a value by its name or full name.

        Raises:
            KeyError: there is none.
            BakeoffError: its package is broken, or not installed in this version.
        """
        if name in self.builtin:
            return self.builtin[name]
        plugin = self.plugin(name)
        if plugin is None:
            if is_full_name(name):
                raise BakeoffError(self._missing(name))
            raise KeyError(name)
        if plugin not in self._loaded:
            self._loaded[plugin] = self.convert(plugin, plugin.load())
        return self._loaded[plugin]

    def __setitem__(self, name: str, value: Value) -> None:
        self.builtin[name] = value

    def __delitem__(self, name: str) -> None:
        del self.builtin[name]

    def __contains__(self, name: object) -> bool:
        return name in self.builtin or (isinstance(name, str) and self.plugin(name) is not None)

    def __iter__(self) -> Iterator[str]:
        yield from self.builtin
        yield from self.plugins()

    def __len__(self) -> int:
        return len(self.builtin) + len(self.plugins())

    def items(self) -> Any:
        """Return names and values, without broken plug-ins."""
        return self._intact().items()

    def values(self) -> Any:
        """Return the values, without broken plug-ins."""
        return self._intact().values()

    def plugins(self) -> dict[str, Plugin]:
        """Return what packages add, by name; warn once about what is refused."""
        added: dict[str, Plugin] = {}
        for name, several in offered(self.group).items():
            if refusal := self._refusal(name, several):
                warn_once(refusal)
            else:
                added[name] = several[0]
        return added

    def plugin(self, name: str) -> Plugin | None:
        """Return the plug-in of a name or full name, None if there is none of this version and source."""
        if not is_full_name(name):
            return None if name in self.builtin else self.plugins().get(name)
        same_name = offered(self.group).get(name.partition("@")[0], ())
        return next((plugin for plugin in same_name if plugin.full_name == name), None)

    def full_name(self, name: str) -> str:
        """Return the name that runs record: of a plug-in with package, version and hash, otherwise the name itself."""
        plugin = self.plugin(name)
        return plugin.full_name if plugin else name

    def _refusal(self, name: str, several: tuple[Plugin, ...]) -> str:
        what, packages = _kind(self.group), " and ".join(plugin.provider for plugin in several)
        if not NAME.fullmatch(name):
            return f"the {what} {name!r} of {packages} is left out: a name has letters, digits, dots and hyphens only"
        if name in self.builtin or self.is_reserved(name):
            return f"the {what} {name} of {packages} is left out: bakeoff has a {what} of that name"
        return f"the {what} {name} is left out: both {packages} add it" if len(several) > 1 else ""

    def _missing(self, name: str) -> str:
        parts = FULL_NAME.fullmatch(name)
        assert parts is not None
        here = offered(self.group).get(parts["name"], ())
        found = f"found {here[0].full_name}" if here else f"no installed package adds {parts['name']}"
        return (
            f"{name} is not installed here ({found}): install {parts['package']}=={parts['version']} as it was, "
            f"or write {parts['name']} for the installed one"
        )

    def _intact(self) -> dict[str, Value]:
        intact = dict(self.builtin)
        for name in self.plugins():
            try:
                intact[name] = self[name]
            except BakeoffError as error:
                warn_once(str(error))
        return intact


def is_full_name(name: str) -> bool:
    """Return whether a name is of the form that runs record: `tinynet@acme-1.2.0-1a2b3c4d`."""
    return FULL_NAME.fullmatch(name) is not None


@lru_cache
def warn_once(message: str) -> None:
    """Warn the user, once in a process."""
    warnings.warn(message, BakeoffWarning, stacklevel=2)


@lru_cache
def offered(group: str) -> dict[str, tuple[Plugin, ...]]:
    """Return the entry points of a group by name."""
    found: dict[str, tuple[Plugin, ...]] = {}
    for entry in sorted(_entry_points(group), key=lambda entry: entry.name):
        name, version = (_fact(entry.dist, key) if entry.dist else None for key in ("Name", "Version"))
        if name and version:
            plugin = Plugin(group, entry.name, entry.value, re.sub(r"[-_.]+", "-", name).lower(), version)
            found[entry.name] = (*found.get(entry.name, ()), plugin)
        else:
            warn_once(f"{entry.name} ({entry.value}) is left out: its package has no name or version: reinstall it")
    return found


def _entry_points(group: str) -> list["EntryPoint"]:
    """Return the entry points of a group, without those of packages whose metadata are damaged."""
    from importlib.metadata import distributions, entry_points

    try:
        return list(entry_points(group=group))
    except Exception:  # a single damaged file is enough to fail: find it
        found: dict[str, list[EntryPoint]] = {}
        for distribution in distributions():
            name = str(_fact(distribution, "Name"))
            try:
                found.setdefault(name, list(distribution.entry_points.select(group=group)))
            except Exception as error:
                warn_once(f"the entry points of the package {name} cannot be read ({error}): install it again")
        return [entry for entries in found.values() for entry in entries]


def _fact(distribution: "Distribution", key: str) -> str | None:
    """Return an entry of the metadata of a package; None if they lack it."""
    return next(iter(distribution.metadata.get_all(key) or ()), None)


def _place(module: str) -> Path | None:
    """Return the file of a top-level module, or the folder of a package, below those that only group packages."""
    parts = module.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return None
    for count in range(2, len(parts) + 1):
        if spec is None or spec.origin is not None:
            break
        spec = PathFinder.find_spec(".".join(parts[:count]), spec.submodule_search_locations)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def _kind(group: str) -> str:
    return {"bakeoff.nets": "network", "bakeoff.datasets": "data set", "bakeoff.recipes": "recipe"}[group]
