"""Reads the text of a user's file and of the modules beside it that it imports, and runs them.

They run under names of their own: two files may each import a `blocks.py` beside them, and neither hides another
module of that name in the process.
"""

import ast
import builtins
import codecs
import hashlib
import importlib.util
import io
import linecache
import sys
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from bakeoff.errors import BakeoffError

ELSEWHERE = {*sys.stdlib_module_names, "__main__", "bakeoff", "torch"}
"""Modules that never come from beside a file, whatever is there."""


@dataclass(frozen=True)
class Source:
    """One module: its text and where it was read."""

    text: str
    file: str
    """Its absolute path; for a folder without `__init__.py`, the folder's."""

    @property
    def is_package(self) -> bool:
        """Whether it may contain modules."""
        return Path(self.file).stem == "__init__" or not self.file.endswith(".py")


Sources: TypeAlias = Mapping[str, Source]
"""Modules by name, as the file imports them; "" is the file itself."""

RUNNING: dict[str, Sources] = {}
"""What was run in this process, by the name of its first module."""


def gather_file(path: Path, folder: Path | None = None) -> Sources:
    """Read a file, and the modules beside it (or in `folder`) that it imports, and those that they import there.

    An installed module takes precedence over a folder without `__init__.py` of the same name.

    Raises:
        BakeoffError: one of them cannot be read.
    """
    found = {"": Source(read_source(path), str(path))}
    folders = [folder or path.parent]
    while (folders[-1] / "__init__.py").exists():
        folders.append(folders[-1].parent)
    places = (folders[0], folders[-1])  # of a file in a package, also where the package lies
    todo = [""]
    while todo:
        name = todo.pop()
        for imported in _imported(name, found[name]):
            for part in accumulate(imported.split("."), "{}.{}".format):
                if part not in found:
                    file = next((file for place in places if (file := _beside(part, place))), None)
                    if file is None:
                        break
                    found[part] = Source("" if file.is_dir() else read_source(file), str(file))
                    todo.append(part)
    return dict(sorted(found.items()))


def read_source(path: Path) -> str:
    """Return the text of a Python file in the encoding that it declares: UTF-8, UTF-16 with its mark, or a named one.

    Raises:
        BakeoffError: there is no such file, or it is not text.
    """
    try:
        if path.exists() and not path.is_file():
            raise BakeoffError(f"cannot read the network {path}: it is not a file")
        data = path.read_bytes()
        encoding = "utf-16"
        if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return io.TextIOWrapper(io.BytesIO(data), encoding).read().lstrip("\ufeff")  # it may be there twice
    except OSError as error:
        raise BakeoffError(f"cannot read the network {path}: {error.strerror}") from error
    except (SyntaxError, UnicodeError) as error:
        raise BakeoffError(f"cannot read the network {path}: {error}; save it as UTF-8") from error


def digest_sources(sources: Sources) -> str:
    """Return a digest that identifies these texts; for a file that imports nothing beside it, that of its text."""
    whole = hashlib.sha256(sources[""].text.encode())
    for name, source in sorted(sources.items()):
        if name:
            whole.update(f"\0{name}\0{source.text}".encode())
    return whole.hexdigest()[:8]


def run_source(sources: Sources) -> ModuleType:
    """Return the module of a file, run once in this process."""
    first = f"bakeoff_own_{digest_sources(sources)}"
    RUNNING.setdefault(first, sources)
    if FINDER not in sys.meta_path:
        sys.meta_path.append(FINDER)
    return importlib.import_module(first)


class Finder(MetaPathFinder, Loader):
    """Gives `import` the modules of `RUNNING`."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        """Return where a module comes from; None if it is not one of these."""
        first, _, name = fullname.partition(".")
        source = RUNNING.get(first, {}).get(name)
        return source and ModuleSpec(fullname, FINDER, origin=source.file, is_package=source.is_package or not name)

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module: its frames have the name and lines of the user's file, even if that has changed since."""
        first, _, name = module.__name__.partition(".")
        source = RUNNING[first][name]
        lines = source.text.splitlines(keepends=True)
        linecache.cache[source.file] = (len(source.text), None, lines, source.file)
        module.__file__ = source.file
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": partial(_import, first)}
        exec(compile(source.text, source.file, "exec", dont_inherit=True), module.__dict__)


FINDER = Finder()


def _import(
    first: str,
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """Replace `__import__` for the modules of a file: finds those beside it, under the names they use."""
    top = name.partition(".")[0]
    if level or top in ELSEWHERE or top not in RUNNING[first]:
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    module = builtins.__import__(f"{first}.{name}", globals, locals, fromlist or (), 0)
    return module if fromlist else sys.modules[f"{first}.{top}"]


def _imported(name: str, source: Source) -> Iterator[str]:
    """Yield the names of everything that a module imports, as the file itself would write them."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # running it will report the error
    parts = name.split(".") if name else []
    package = parts if source.is_package or not name else parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            given = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level <= len(package) + 1:
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            given = [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
        else:
            continue
        relative = isinstance(node, ast.ImportFrom) and node.level
        yield from (one for one in given if one and (relative or one.partition(".")[0] not in ELSEWHERE))


def _beside(name: str, folder: Path) -> Path | None:
    """Return the file of a module beside a user's file, None if it is elsewhere."""
    place = folder.joinpath(*name.split("."))
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return file
    return place if place.is_dir() and any(place.glob("*.py")) and not _is_installed(name) else None


def _is_installed(name: str) -> bool:
    try:
        spec = None if "." in name else importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None
