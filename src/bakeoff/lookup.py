"""Looks up names, with "did you mean" suggestions for unknown ones."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from bakeoff.errors import BakeoffError

Value = TypeVar("Value")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for an unknown `name` of a `kind`, with the nearest names or all of them."""
    return f"unknown {kind} {name!r}: {hint(name, known)}"


def hint(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …?" with the names nearest to `name`, or a list of all names if none is near."""
    names = sorted(known)
    near = nearest(name, names)
    return question(near) if near else f"choose from {', '.join(names)}"


def question(names: Iterable[str]) -> str:
    """Return "did you mean a or b?" for the names that were probably meant."""
    return f"did you mean {' or '.join(names)}?"


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three names similar to `name`, the nearest first, ignoring case."""
    by_letters = {each.casefold(): each for each in sorted(known, reverse=True)}
    return [by_letters[found] for found in get_close_matches(name.casefold(), sorted(by_letters), n=3, cutoff=0.6)]


def spelled(name: str, known: Iterable[str]) -> str:
    """Return the only known name that equals `name` except for case, hyphens and underscores, else `name` itself."""
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
