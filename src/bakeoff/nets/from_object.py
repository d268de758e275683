"""The source text of a network given as a class or a function, with everything it refers to.

What it refers to in its file or in the cells of its notebook is written out before it: functions and classes as they
are defined there, imports, and constants with their values. The rest of the file is left out.
"""

import __future__

import ast
import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.pieces import Piece, read_piece, sort_pieces, submodules

FUTURE = __future__.annotations.compiler_flag
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Gathered:
    """A network and the text that defines it."""

    name: str
    text: str
    folder: Path
    """The folder of the modules beside it that it may import."""


def gather_object(given: Any) -> Gathered:
    """Return the source of a class or function that is called with (shape of an image, number of classes).

    Raises:
        BakeoffError: it is neither, it takes other arguments, or its source or that of something it uses is not known.
    """
    if isinstance(given, nn.Module):
        kind = type(given).__name__
        raise BakeoffError(
            f"expected a network's class or a function that builds one, found a finished {kind}: every seed needs new "
            "weights, so write def my_net(images, classes): return …"
        )
    given = inspect.unwrap(given) if isinstance(given, FunctionType) else given
    if not isinstance(given, FunctionType | type) or given.__name__ == "<lambda>":
        raise BakeoffError(f"a network is a name, a file, a class or a function made with def; got {given!r}")
    _check_call(given)
    module = sys.modules.get(given.__module__)
    namespace = given.__globals__ if isinstance(given, FunctionType) else vars(module) if module else {}
    origin = Origin(given.__module__, namespace)
    pieces = origin.collect(given)
    texts = sort_pieces(pieces, given.__name__)
    imports = [text for text in texts if text.startswith(("import ", "from "))]
    header = ["from __future__ import annotations"] if any(code.co_flags & FUTURE for code in _codes(given)) else []
    blocks = ["\n".join([*header, *imports]), *(text for text in texts if text not in imports)]
    return Gathered(given.__name__, "\n\n\n".join(filter(None, blocks)) + "\n", origin.folder)


@dataclass(frozen=True)
class Origin:
    """Where a network was defined: a module with a file, or a notebook."""

    module: str
    namespace: Mapping[str, Any]
    trees: dict[str, list[ast.stmt]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of the modules beside it that it may import."""
        file = self.namespace.get("__file__")
        return Path(file).absolute().parent if file else Path.cwd()

    @property
    def files(self) -> list[str]:
        """The files in which to look for definitions, the first preferred; for a notebook, its cells, latest first."""
        file = self.namespace.get("__file__")
        if file:
            return [file]
        return [name for name in reversed(linecache.cache) if "ipython-input" in name or "ipykernel" in name]

    def statements(self, file: str) -> list[ast.stmt]:
        """Return the top-level statements of a file; none if it cannot be read."""
        if file not in self.trees:
            try:
                self.trees[file] = ast.parse(_text_of(file)).body
            except (SyntaxError, ValueError):
                self.trees[file] = []
        return self.trees[file]

    def collect(self, given: Any) -> dict[str, Piece]:
        """Return the pieces that a class or function is made of, by the names that they define."""
        pieces = {given.__name__: read_piece(self.definition(given))}
        todo = [given.__name__]
        while todo:
            piece = pieces[todo.pop()]
            for name in sorted(piece.at_once | piece.later):
                if name in self.namespace and name not in pieces and not name.startswith("__"):
                    pieces[name] = self.piece_of(name, given)
                    todo.append(name)
        texts = [piece.text for piece in pieces.values()]
        return {name: self.with_submodules(name, piece, texts) for name, piece in pieces.items()}

    def with_submodules(self, name: str, piece: Piece, texts: list[str]) -> Piece:
        """Return the import of a module and of its submodules that texts use: scipy.stats beside scipy."""
        value = self.namespace.get(name)
        if not isinstance(value, ModuleType):
            return piece
        return Piece("\n".join(dict.fromkeys([piece.text, *submodules(name, value, texts)])))

    def piece_of(self, name: str, given: Any) -> Piece:
        """Return what gives a global name its value.

        Raises:
            BakeoffError: it cannot be written as text.
        """
        value = self.namespace[name]
        statement = next((found for file in self.files if (found := self.binding(name, file))), None)
        if statement and statement.startswith(("import ", "from ")):
            return Piece(statement)
        if isinstance(value, ModuleType):
            return Piece(f"import {value.__name__} as {name}")
        if isinstance(inspect.unwrap(value) if callable(value) else value, FunctionType | type):
            return self.import_or_define(name, value)
        if _is_literal(value):
            return Piece(f"{name} = {value!r}")
        if statement:
            return read_piece(statement)
        raise BakeoffError(
            f"{given.__name__} uses {name}, which is a {type(value).__name__} and cannot be written as text: make it "
            f"inside {given.__name__}, or put the network into a file and give that, such as my_net.py"
        )

    def import_or_define(self, name: str, value: Any) -> Piece:
        """Return the definition of a function or class, or an import of it."""
        own = inspect.unwrap(value)
        if own.__module__ == self.module:
            definition = read_piece(self.definition(own))
            if own.__name__ == name:
                return definition
            return Piece(f"{definition.text}\n\n\n{name} = {own.__name__}", definition.at_once, definition.later)
        as_name = "" if own.__name__ == name else f" as {name}"
        return Piece(f"from {own.__module__} import {own.__name__}{as_name}")

    def definition(self, given: Any) -> str:
        """Return the text that defines a function or class.

        Raises:
            BakeoffError: it is not known, or uses variables of a function around it.
        """
        codes = list(_codes(given))
        if inside := sorted({name for code in codes for name in code.co_freevars} - {"__class__"}):
            raise BakeoffError(
                f"{given.__name__} uses {', '.join(inside)} of the function around it: define it outside of all "
                "functions, or put it into a file and give that, such as my_net.py"
            )
        for file, line in [*((code.co_filename, code.co_firstlineno) for code in codes), *((f, 0) for f in self.files)]:
            if lines := self.lines_of(given.__name__, file, line):
                return dedent("\n".join(_text_of(file).splitlines()[lines]))
        raise BakeoffError(
            f"the source of {given.__name__} is not known here: put it into a file and give that, such as my_net.py"
        )

    def lines_of(self, name: str, file: str, line: int) -> slice | None:
        """Return where a file defines a function or class: the definition around a line or, for 0, the last one."""
        found = None
        for node in ast.walk(ast.Module(self.statements(file), [])):
            if isinstance(node, Definition) and node.name == name and node.end_lineno is not None:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                if not line or first <= line <= node.end_lineno:
                    found = slice(first - 1, node.end_lineno)
        return found

    def binding(self, name: str, file: str) -> str | None:
        """Return the last import of a name at the top of a file, or the last assignment to it alone."""
        for node in reversed(self.statements(file)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    if name == (alias.asname or alias.name.partition(".")[0]):
                        kind = ast.Import if isinstance(node, ast.Import) else ast.ImportFrom
                        rest = (node.module, [alias], node.level) if isinstance(node, ast.ImportFrom) else ([alias],)
                        return ast.unparse(kind(*rest))
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            is_alone = len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name
            if isinstance(node, ast.Assign | ast.AnnAssign) and is_alone:
                return ast.unparse(node)
        return None


def _check_call(given: Callable[..., Any]) -> None:
    """Refuse what cannot be called with (images, classes).

    Raises:
        BakeoffError: it cannot.
    """
    if isinstance(given, type) and not issubclass(given, nn.Module):
        raise BakeoffError(f"{given.__name__} is not a network: expected a subclass of torch.nn.Module or a function")
    try:
        signature = inspect.signature(given)
        signature.bind(None, None)
    except (TypeError, ValueError) as error:
        called = f"{given.__name__}{signature}" if "signature" in locals() else given.__name__
        raise BakeoffError(
            f"a network is called with (images, classes), which {called} does not take; images.channels, images.height "
            "and images.width are the shape of one image: wrap it in def my_net(images, classes): return …"
        ) from error


def _codes(given: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of the methods that a class defines."""
    if isinstance(given, FunctionType):
        yield given.__code__
        return
    for value in vars(given).values():
        method = getattr(value, "__func__", getattr(value, "fget", value))
        method = inspect.unwrap(method) if callable(method) else method
        if isinstance(method, FunctionType) and method.__qualname__.startswith(f"{given.__qualname__}."):
            yield method.__code__


def _text_of(file: str) -> str:
    return "".join(linecache.getlines(file))


def _is_literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
