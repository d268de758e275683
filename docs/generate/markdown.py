"""Pieces of Markdown."""

import re
from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `make reference` from the program: change it there. -->\n"


def page(title: str, *parts: str) -> str:
    """Return a page of parts, with a title and a line that says where it comes from."""
    return "\n\n".join([f"{GENERATED}\n# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> str:
    """Return a table; `align` has a letter for each column, l or r, left by default."""
    rules = [("--:" if letter == "r" else ":--") for letter in align.ljust(len(header), "l")]
    lines = [header, rules, *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """Return a value in one line, without what would end a cell."""
    text = "" if value is None else str(value)
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as code, or nothing for an empty one."""
    return f"`{value}`" if str(value) else ""


def prose(text: str) -> str:
    """Return a docstring's text with signs that Markdown or HTML would take for markup escaped outside of code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*_<|])", r"\\\1", part) for part in parts)


def capital(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]
