"""Writes YAML: enough for the front matter of a Markdown file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bakeoff.text.safe import json_text

PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[a-z]+(?:[_-][a-z]+)*")
"""Keys that need no quotes."""


def to_yaml(tree: Mapping[str, Any]) -> str:
    """Return mappings and lists in block style, and everything else as JSON, which is also YAML."""
    return "".join(f"{line}\n" for line in _lines(tree))


def _lines(tree: Any) -> Iterator[str]:
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from _entry(f"{key if PLAIN.fullmatch(key) else _scalar(key)}:", value)
    elif isinstance(tree, Sequence) and not isinstance(tree, str) and tree:
        for value in tree:
            first, *rest = _lines(value)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(tree)


def _entry(key: str, value: Any) -> Iterator[str]:
    lines = list(_lines(value))
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str) and value:
        yield key
        yield from (f"  {line}" for line in lines)
    else:
        yield f"{key} {lines[0]}"


def _scalar(value: Any) -> str:
    if isinstance(value, float):  # YAML 1.1 reads 1e-08 as text, and 1.0e-08 as a number
        text = json_text(value)
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return json_text(value)
