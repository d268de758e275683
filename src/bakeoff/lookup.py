"""Name to value, with "did you mean" when there is no such name."""

import re
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
    near = nearest(name, names)
    return question(near) if near else f"there are: {', '.join(names)}"


def question(names: Iterable[str]) -> str:
    """Return "did you mean a or b?" for the names that were probably meant."""
    return f"did you mean {' or '.join(names)}?"


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three names like `name`, the nearest first; capitals do not matter."""
    by_letters = {each.casefold(): each for each in sorted(known, reverse=True)}
    return [by_letters[found] for found in get_close_matches(name.casefold(), sorted(by_letters), n=3, cutoff=0.5)]


def spelled(name: str, known: Iterable[str]) -> str:
    """Return the one known name that differs in capitals, hyphens and underscores alone, else `name` as it is."""
    same = [each for each in known if _letters(each) == _letters(name)]
    return same[0] if len(same) == 1 and name not in same else name


def _letters(name: str) -> str:
    return re.sub(r"[-_\s]", "", name).casefold()


def find(table: Mapping[str, Value], name: str, kind: str) -> Value:
    """Return `table[name]`.

    Raises:
        BakeoffError: there is no such name; the message suggests the nearest ones.
    """
    if name not in table:
        raise BakeoffError(unknown(kind, name, table))
    return table[name]
