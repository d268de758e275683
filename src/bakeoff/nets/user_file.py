"""Networks from a user's own files: `my_net.py`, or `my_net.py:TinyNet` where a file has several.

The network's name includes a hash of its source, `TinyNet@1a2b3c4d`: if the file changes, or anything that it imports
from its own folder, it is a different network. The sources are copied next to the store, where workers read them, so
that a study ends with the network it began with.
"""

import inspect
import json
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

import torch
from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.guard import SETTINGS, STREAMS, seed_others, undone
from bakeoff.nets.net import Net
from bakeoff.nets.sources import RUNNING, Source, Sources, digest_sources, run_source
from bakeoff.spec.data import ImageShape
from bakeoff.spec.paths import write_whole

OWN: dict[str, "OwnNet"] = {}
"""Networks from files, by name."""
CHANGED: dict[str, list[str]] = {}
"""Which process-wide settings each network changed when it was built here."""
FOLDERS: list[Path] = []
"""Where source texts were saved: workers look there for those they do not have."""


@dataclass(frozen=True)
class OwnNet(Net):
    """A network from a file."""

    sources: Sources = field(default_factory=dict)
    """The whole file, and what it imports from its folder."""


@dataclass(frozen=True)
class Contents:
    """The content of a file, found by running it."""

    names: tuple[str, ...]
    """Of its networks."""
    changed: tuple[str, ...]
    """The process-wide settings that it changes."""
    outside: tuple[str, ...]
    """Modules that it imports from elsewhere: neither beside it nor installed."""


def split(given: str) -> tuple[Path, str | None]:
    """Return the file of "my_net.py:TinyNet" and the name in it, None where there is none."""
    stem, _, name = given.rpartition(".py")
    return Path(f"{stem}.py").expanduser().absolute(), name.removeprefix(":") or None


def read_contents(sources: Sources) -> Contents:
    """Run a file and return what it defines.

    Raises:
        BakeoffError: it fails.
    """
    before = set(sys.modules)
    with explain_errors(f"cannot read the network {sources[''].file}"):
        module, changed = _run(sources)
    names = tuple(name for name, value in vars(module).items() if _builds(value, module))
    return Contents(names, tuple(changed), _outside(set(sys.modules) - before))


def register_net(sources: Sources, names: Sequence[str], wanted: str | None = None) -> str:
    """Register one of the networks in a file, given all their names, and return its full name.

    It is a class or function that is called with the shape of one image (`images.channels`, `images.height`,
    `images.width`) and the number of classes, and gives a module from (N, C, H, W) float images to (N, classes) logits.

    Raises:
        BakeoffError: the file has no such network, or several.
    """
    path = sources[""].file
    if not names:
        raise BakeoffError(f"{path} has no network: no function or class of (shape of an image, number of classes)")
    if wanted is None and len(names) > 1:
        raise BakeoffError(f"{path} has several networks: write {' or '.join(f'{path}:{name}' for name in names)}")
    name = wanted or names[0]
    if name not in names:
        raise BakeoffError(f"{path} has no network {name!r}; choose from {', '.join(names)}")
    called = f"{name}@{digest_sources(sources)}"
    OWN[called] = OwnNet(partial(_build, sources, called), "own", 0, path, 1, sources=sources)
    return called


def find_registered_net(called: str) -> "OwnNet":
    """Return the network with this full name.

    Raises:
        BakeoffError: no file with this name and content was given.
    """
    name, _, digest = called.partition("@")
    for folder in [] if called in OWN else FOLDERS:
        with suppress(FileNotFoundError):
            sources = _saved_sources(folder, called)
            if digest_sources(sources) != digest:
                raise BakeoffError(f"{source_path(folder, called)} has changed: run the command again")
            register_net(sources, [name])
    if called not in OWN:
        raise BakeoffError(f"{called} comes from a file: give that, such as my_net.py:{name}")
    return OWN[called]


def save_sources(called: str, folder: Path) -> None:
    """Write the texts of a network where workers look for them; nothing if it is not one from a file."""
    if called not in OWN:
        return
    sources = OWN[called].sources
    files = {name: source.file for name, source in sources.items()}
    texts = {source_path(folder, called, name, source): source.text for name, source in sources.items()}
    for path, text in {source_path(folder, called).with_suffix(".json"): json.dumps(files), **texts}.items():
        write_whole(path, text)  # another command's workers may be reading it


def source_path(folder: Path, called: str, name: str = "", source: Source | None = None) -> Path:
    """Return the file beside a store that has the text of a network, or of a module that it imports."""
    if not name:
        return folder / f"{called}.py"
    place = (folder / called).joinpath(*name.split("."))
    return place / "__init__.py" if source and source.is_package else place.with_name(f"{place.name}.py")


def _saved_sources(folder: Path, called: str) -> Sources:
    path = source_path(folder, called)
    sources = {"": Source(path.read_text(encoding="utf-8"), str(path))}
    with suppress(FileNotFoundError):  # older versions wrote none
        for name, file in json.loads(path.with_suffix(".json").read_text(encoding="utf-8")).items():
            text = source_path(folder, called, name, Source("", file)).read_text(encoding="utf-8")
            sources[name] = Source(text, file)
    return sources


def _run(sources: Sources) -> tuple[ModuleType, list[str]]:
    """Run a file, undo what it changes for the whole process, and return what that was."""
    elsewhere = (
        torch.get_default_device().type != "cpu"
    )  # the file's own tensors must be on the CPU, whatever the current device
    with torch.device("cpu") if elsewhere else nullcontext(), undone(SETTINGS) as changed, undone(STREAMS) as moved:
        seed = torch.initial_seed()
        module = run_source(sources)
        has_drawn_only = torch.initial_seed() == seed
    return module, changed + [source for source in moved if not (has_drawn_only and source == "the seed of torch")]


def _build(sources: Sources, called: str, shape: ImageShape, classes: int) -> nn.Module:
    """Build a network with random numbers from the current seed, also those of numpy and Python."""
    module, _ = _run(sources)
    seed_others(torch.initial_seed())
    with undone(SETTINGS) as CHANGED[called]:
        net = getattr(module, called.partition("@")[0])(shape, classes)
    if not isinstance(net, nn.Module):
        raise BakeoffError(f"{called} must return a torch module, but returns {type(net).__name__}")
    return net


def _outside(names: Iterable[str]) -> tuple[str, ...]:
    """Return which modules have files that are neither installed nor a user's that was read."""
    installed = [Path(place).resolve() for place in {*sysconfig.get_paths().values(), *site.getsitepackages()}]
    found = set()
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if file.endswith(".py") and name.partition(".")[0] not in RUNNING:
            where = Path(file).resolve()
            if not any(where.is_relative_to(place) for place in installed):
                found.add(name.partition(".")[0])
    return tuple(sorted(found - {"bakeoff"}))


def _builds(value: Any, module: ModuleType) -> bool:
    """Return whether something defined in the file can be called with two arguments and is not private."""
    name = getattr(value, "__name__", "_")  # instances have none
    if not callable(value) or getattr(value, "__module__", "") != module.__name__ or name.startswith("_"):
        return False
    if isinstance(value, type) and not issubclass(value, nn.Module):
        return False
    try:
        inspect.signature(value).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def place_of(error: BaseException) -> tuple[str, int] | None:
    """Return the innermost file and line of a user's own that an error came from; None if there is none."""
    if isinstance(error, SyntaxError) and (place := innermost([(error.filename or "", error.lineno or 1)])):
        return place
    return innermost(reversed([(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]))


def innermost(places: Iterable[tuple[str, int]]) -> tuple[str, int] | None:
    """Return the first of some files and lines, innermost first, that is in a user's own file; None if none is."""
    files = {source.file for sources in RUNNING.values() for source in sources.values()}
    return next((place for place in places if place[0] in files), None)


def describe_error(error: BaseException) -> str:
    """Return what went wrong in a user's file, the first paragraph of its message, with the file and line."""
    why = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().partition("\n\n")[0]
    if isinstance(error, SystemExit):
        why = f"it ends the program ({why or 'sys.exit'})"
    for first in RUNNING:
        why = why.replace(f"{first}.", "")
    place = place_of(error)
    at = f" ({Path(place[0]).name}, line {place[1]})" if place else ""
    return f"{type(error).__name__}: {why}{at}"


@contextmanager
def explain_errors(what: str) -> Iterator[None]:
    """Turn whatever goes wrong in a user's file into one sentence with file and line.

    Raises:
        BakeoffError: something did.
    """
    try:
        yield
    except BakeoffError:
        raise
    except (Exception, SystemExit) as error:
        raise BakeoffError(f"{what}: {describe_error(error)}") from error
