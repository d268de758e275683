"""Name to value, with "did you mean" when there is no such name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from bakeoff.errors import BakeoffError

Value = TypeVar("Value")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that says `name` is no known `kind`, with the nearest names or all of them."""
    return f"unknown {kind} {name!r}: {hint(name, known)}"


def hint(name: str, known: Iterable[str]) -> str:
    """Return the question after the names nearest to `name`, or all names if none is near."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names)}"


def find(table: Mapping[str, Value], name: str, kind: str) -> Value:
    """Return `table[name]`.

    Raises:
        BakeoffError: there is no such name; the message suggests the nearest ones.
    """
    if name not in table:
        raise BakeoffError(unknown(kind, name, table))
    return table[name]
