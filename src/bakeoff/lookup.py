"""Name to value, with "did you mean" when there is no such name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from bakeoff.errors import BakeoffError

Value = TypeVar("Value")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that says `name` is no known `kind`, with the nearest names or all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names)}"
    return f"unknown {kind} {name!r}: {hint}"


def find(table: Mapping[str, Value], name: str, kind: str) -> Value:
    """Return `table[name]`.

    Raises:
        BakeoffError: there is no such name; the message suggests the nearest ones.
    """
    if name not in table:
        raise BakeoffError(unknown(kind, name, table))
    return table[name]
