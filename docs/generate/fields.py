"""Fields of a class with their types, defaults and docstrings, read from its source."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from bakeoff.spec import augmentation, optimizers, recipe, schedules
from bakeoff.studies import study, tables
from generate.markdown import code, prose, table


class Field(NamedTuple):
    """One field, as the source says it."""

    name: str
    kind: str
    default: str
    """Empty where a value must be given."""
    about: str


def fields_of(kind: type) -> Iterator[Field]:
    """Yield the fields of a class in the order of its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = ast.unparse(node.value) if node.value else ""
            yield Field(node.target.id, ast.unparse(node.annotation), default, docstring(after))


def about(kind: type) -> str:
    """Return the docstring of a class as Markdown, without its example, which is Python."""
    return prose(inspect.cleandoc(kind.__doc__ or "").partition("\n\nExample:")[0])


def docstring(node: ast.stmt | None) -> str:
    """Return the text of a string that stands alone in the source, or nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return inspect.cleandoc(node.value.value)
    return ""


KINDS = {
    "Fraction": "0 to 1",
    "Share": "0 to 1, without 1",
    "Area": "above 0, at most 1",
    "Positive": "number above 0",
    "NotNegative": "number from 0",
    "Concentration": "number from 0",
    "Count": "whole number from 1",
    "bool": "true or false",
    "str": "text",
    "float": "number",
    "int": "whole number",
    "Optimizer": "[an optimizer](#optimizers)",
    "Schedule": "[a schedule](#schedules)",
    "Stop": "[a table](#early-stopping)",
    "L2": "[a table](#penalty)",
    "Probe": "[a table](#fitting-a-probe)",
    "Image": "[a table](#images)",
    "Augment": "[a table](#augmentation)",
    "Exceptional": "[tables](#cells-and-variants)",
    "Turn": "[tables](#dials)",
    "Published": "[tables](#published)",
}
"""Types of settings → in words."""


@cache
def aliases() -> dict[str, str]:
    """Return the names for types that the settings use, such as Monitor, with what they stand for."""
    found = {}
    for module in (augmentation, optimizers, schedules, recipe, study, tables):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias" and node.value:
                found[ast.unparse(node.target)] = ast.unparse(node.value)
    return {name: value for name, value in found.items() if "Literal" in value}


def in_words(kind: str) -> str:
    """Return the type of a setting as a person would say it."""
    kind = re.sub(r"\b\w+\b", lambda match: aliases().get(match[0], match[0]), kind)
    kind = (
        kind.replace("10 ** 6", "1,000,000").replace("10000", "10,000").replace("-2 ** 62", "").replace("2 ** 62", "")
    )
    kind = re.sub(r"Annotated\[(int|float), Meta\(([^()]*)\)\]", _limits, kind)
    kind = re.sub(r"Literal\[(.*?)\]", lambda match: match[1].replace("'", "").replace(", ", " or "), kind)
    kind = re.sub(r"Annotated\[tuple\[(\w+), \.\.\.\], Meta\(min_length=1\)\]", r"list of \1", kind)
    kind = re.sub(r"tuple\[(\w+), \.\.\.\]", r"list of \1", kind)
    kind = re.sub(r"tuple\[(\w+), (\w+)\]", r"two of \1", kind)
    kind = re.sub(r"dict\[str, (\w+)\]", "table", kind)
    kind = re.sub(r"list of (Exceptional|Turn|Published)", r"\1", kind)
    kind = kind.replace(" | None", " or none").replace(" | ", " or ")
    kind = re.sub(r"\b(list|two) of (\w+)", lambda match: f"{match[1]} of {KINDS.get(match[2], match[2])}", kind)
    return re.sub(r"\b\w+\b", lambda match: KINDS.get(match[0], match[0]), kind) if kind in KINDS else _each(kind)


def _each(kind: str) -> str:
    return " or ".join(KINDS.get(part, part) for part in kind.split(" or "))


def _limits(match: re.Match[str]) -> str:
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    parts = [part.split("=") for part in re.split(r", (?=[gl][et]=)", match[2])]
    return " ".join([KINDS[match[1]], *(f"{words[name]} {value}" for name, value in parts if value)])


def field_table(kind: type, prefix: str = "") -> str:
    """Return a table of the fields of a class of settings."""
    rows = [
        (code(prefix + field.name), in_words(field.kind), shown_default(field.default), prose(field.about))
        for field in fields_of(kind)
    ]
    return table(("field", "value", "default", "meaning"), rows)


def shown_default(default: str) -> str:
    """Return a default as people write it."""
    if default in ("()", "{}", "''"):
        return "empty"
    if default in ("None", "False", "True"):
        return {"None": "none", "False": "false", "True": "true"}[default]
    if default.endswith("()"):
        return "constant" if default == "Constant()" else "its defaults"
    return code(default.strip("'")) if default else "required"
