"""The reference is what the program says."""

import inspect
import re

import pytest

import bakeoff
from bakeoff.analysis.audit import FINDINGS
from bakeoff.cli import COMMANDS
from bakeoff.nets import BUILTIN
from bakeoff.spec.recipe import Recipe
from bakeoff.studies.study import Study
from generate.fields import fields_of, in_words
from generate.interface import formatted
from generate.lists import network_row
from generate.markdown import prose, table
from generate.reference import PAGES, REFERENCE, outdated


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in PAGES if name != "networks.md"])
def test_it_is_current(name):
    assert outdated([name]) == [], "make reference writes it anew"


def test_the_networks_are_current():
    """All of their names and sources; sizes of a few, since counting all takes long (`make docs` does)."""
    lines = re.findall(r"^\| `([^`:]+)` \|.*\|(?: \d+ )\| (.*) \|$", text_of("networks.md"), re.MULTILINE)
    assert lines == [(name, prose(net.source)) for name, net in BUILTIN.items()], "make reference writes it anew"
    for name in ("lenet5", "alexnet", "resnet20", "squeezenet"):
        row = table(("",) * 5, [network_row(name, BUILTIN[name])]).splitlines()[-1]
        assert row in text_of("networks.md")


@pytest.mark.parametrize(
    ("name", "things"),
    [
        ("commands.md", [f"\n## {command}\n" for command in COMMANDS]),
        ("networks.md", [f"| `{net}` |" for net in BUILTIN]),
        ("recipes.md", [f"| `{field}` |" for field in Recipe.__struct_fields__]),
        ("study-files.md", [f"| `{field}` |" for field in Study.__struct_fields__]),
        ("findings.md", list(FINDINGS)),
        ("python.md", [f"[{name}](#" for name in bakeoff.__all__]),
    ],
)
def test_nothing_is_missing(name, things):
    assert [thing for thing in things if thing not in text_of(name)] == []


def test_all_fields_of_a_class_are_read_from_its_source():
    assert [field.name for field in fields_of(Recipe)] == list(Recipe.__struct_fields__)
    assert {field.name: field.default for field in fields_of(Study)}["seeds"] == "3"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Fraction", "0 to 1"),
        ("Count | None", "whole number from 1 or none"),
        ("tuple[Positive, Positive]", "two of number above 0"),
        ("tuple[str, ...]", "list of text"),
        ("Annotated[int, Meta(ge=1, le=14)]", "whole number from 1 to 14"),
        ("Literal['a', 'b']", "a or b"),
    ],
)
def test_types_in_words(kind, words):
    assert in_words(kind) == words


def test_a_docstring_becomes_markdown():
    text = inspect.cleandoc(
        """Do it.

        Args:
            a: one,
                and more.
            b: two.

        Returns:
            What was done.

        Example:
            >>> 1 + 1
            2
        """
    )
    markdown = formatted(text)
    assert "| `a` | one, and more. |" in markdown and "**Returns**: What was done." in markdown
    assert markdown.endswith("```pycon\n>>> 1 + 1\n2\n```")
