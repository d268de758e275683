"""Pieces of source text: the global names that they use, and the order in which they can run."""

import ast
import symtable
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Piece:
    """Lines that define a name."""

    text: str
    at_once: frozenset[str] = frozenset()
    """Global names that must be defined before it runs."""
    later: frozenset[str] = frozenset()
    """Global names that its functions use when they are called."""


def read_piece(text: str) -> Piece:
    """Return a piece with the global names in it."""
    at_once: set[str] = set()
    later: set[str] = set()

    def visit(table: symtable.SymbolTable, is_running: bool) -> None:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                (at_once if is_running else later).add(symbol.get_name())
        for child in table.get_children():
            visit(child, is_running and child.get_type() == "class")

    visit(symtable.symtable(text, "network", "exec"), True)
    return Piece(text, frozenset(at_once), frozenset(later))


def submodules(name: str, module: ModuleType, texts: list[str]) -> Iterator[str]:
    """Yield imports of the submodules of a module that texts use as its attributes."""
    for node in (node for text in texts for node in ast.walk(ast.parse(text))):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        found: Any = module
        for part in reversed(parts if isinstance(inner, ast.Name) and inner.id == name else []):
            found = getattr(found, part, None)
            if not isinstance(found, ModuleType) or sys.modules.get(found.__name__) is not found:
                break
            yield f"import {found.__name__}"


def sort_pieces(pieces: Mapping[str, Piece], first: str) -> list[str]:
    """Return the texts of pieces, each after those it needs when it runs, and those they use; otherwise by name."""
    ordered: dict[str, None] = {}
    placed: set[str] = set()
    followed: set[str] = set()

    def place(name: str) -> None:
        if name not in placed and name in pieces:
            placed.add(name)
            for needed in sorted(pieces[name].at_once):
                place(needed)
                follow(needed)
            ordered[pieces[name].text] = None

    def follow(name: str) -> None:
        if name not in followed and name in pieces:
            followed.add(name)
            place(name)
            for used in sorted(pieces[name].at_once | pieces[name].later):
                follow(used)

    follow(first)
    return list(ordered)
