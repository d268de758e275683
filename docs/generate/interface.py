"""The reference of the Python interface, from the docstrings of what `bakeoff` exports."""

import inspect
import re
from typing import Any

import bakeoff
from bakeoff.spec.values import Value
from generate.markdown import code, prose, table
from generate.markdown import page as make_page

SECTIONS = ("Args", "Returns", "Raises", "Yields", "Example", "Examples")
ELSEWHERE = {
    "Recipe": "All fields are listed in [recipes](recipes.md#fields).",
    "Study": "All fields are listed in [study files](study-files.md).",
}
"""Classes whose fields have a page of their own."""


def page() -> str:
    """Return the page."""
    functions = [name for name in bakeoff.__all__ if inspect.isfunction(getattr(bakeoff, name))]
    classes = [name for name in bakeoff.__all__ if name not in functions]
    overview = [(f"[{name}](#{name})", first_line(getattr(bakeoff, name))) for name in functions]
    overview += [(f"[{name}](#class-{name.lower()})", first_line(getattr(bakeoff, name))) for name in classes]
    parts = [prose(inspect.cleandoc(bakeoff.__doc__ or "")), table(("name", "what it does"), overview)]
    parts += [describe(name, getattr(bakeoff, name), "## ") for name in functions]
    parts += [describe_class(name, getattr(bakeoff, name)) for name in classes]
    return make_page("Python interface", *parts)


def describe_class(name: str, kind: type) -> str:
    """Return the section of a class: what it is, its methods and properties."""
    parts = [f"## class {name}", formatted(inspect.getdoc(kind) or ""), ELSEWHERE.get(name, "")]
    for member, value in vars(kind).items():
        if member.startswith("_") or not inspect.getdoc(value):
            continue
        if isinstance(value, staticmethod | classmethod) or inspect.isfunction(value):
            parts.append(describe(f"{name}.{member}", getattr(kind, member), "### "))
        elif isinstance(value, property) or hasattr(value, "func"):
            parts.append(f"### {name}.{member}\n\n{formatted(inspect.getdoc(value) or '')}")
    if name not in ELSEWHERE and not issubclass(kind, Exception | Value):
        fields = [field for field in getattr(kind, "__dataclass_fields__", {}) if not field.startswith("_")]
        parts.insert(2, f"Fields: {', '.join(map(code, fields))}." if fields else "")
    return "\n\n".join(part for part in parts if part)


def describe(name: str, function: Any, level: str) -> str:
    """Return the section of a function: its signature and its docstring."""
    return (
        f"{level}{name}\n\n```python\n{signature(name, function)}\n```\n\n{formatted(inspect.getdoc(function) or '')}"
    )


def signature(name: str, function: Any) -> str:
    """Return a call with all arguments and defaults, one a line if it is long; types are in the docstring."""
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name not in ("self", "cls")]
    shown, starred = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not starred:
            shown, starred = [*shown, "*"], True
        mark = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = "" if each.default is each.empty else f"={each.default!r}"
        shown.append(f"{mark}{each.name}{default}")
    call = f"{name}({', '.join(shown)})"
    returned = inspect.signature(function).return_annotation
    kind = "" if returned is inspect.Signature.empty else getattr(returned, "__name__", str(returned)).strip("'\"")
    end = f" -> {kind}" if kind else ""
    if len(call + end) <= 100:
        return call + end
    return f"{name}(\n" + "".join(f"    {each},\n" for each in shown) + f"){end}"


def first_line(thing: Any) -> str:
    """Return the first line of a docstring."""
    return prose((inspect.getdoc(thing) or "").partition("\n")[0])


def formatted(text: str) -> str:
    """Return a docstring in Google style as Markdown: arguments as a table, examples as code."""
    pieces = re.split(rf"^({'|'.join(SECTIONS)}):[ ]*\n", text, flags=re.MULTILINE)
    parts = [prose(pieces[0].strip())]
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        body = inspect.cleandoc("\n" + body)
        if title.startswith("Example"):
            parts.append(f"```pycon\n{body}\n```")
        elif title == "Returns" or not re.match(r"[*\w.]+:", body):
            parts.append(f"**{title}**: {prose(body)}")
        else:
            rows = [(code(name), prose(about)) for name, about in entries(body)]
            parts.append(table(("argument" if title == "Args" else title.lower(), "meaning"), rows))
    return "\n\n".join(part for part in parts if part)


def entries(body: str) -> list[tuple[str, str]]:
    """Return the entries of a section, "name: text", with the lines that go on indented."""
    found: list[tuple[str, str]] = []
    for line in body.splitlines():
        if match := re.match(r"([*\w.]+): ?(.*)", line):
            found.append((match[1], match[2]))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found
