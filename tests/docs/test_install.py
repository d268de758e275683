"""The page about the installation names every extra of the package, and pages install them in one way."""

import re
import tomllib
from pathlib import Path

import pytest
from documents import ROOT, name_of, pages


def test_the_extras_are_those_of_the_package() -> None:
    page = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    section = page.partition("## Extras")[2].partition("\n## ")[0]
    rows = "".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    others = section.partition("\nThe extras ")[2]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = re.findall(r"`([\w-]+)`", rows + others)
    assert sorted(named) == sorted(project["project"]["optional-dependencies"])


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_extras_are_installed_from_the_clone(page: Path) -> None:
    """Nothing is uploaded yet: `bakeoff[…]` works only once bakeoff is installed, as where its messages are read."""
    if page.name != "install.md" and page.parent.name != "reference":
        assert re.findall(r"pip install [^\n`]*\bbakeoff\[[\w,-]*", page.read_text(encoding="utf-8")) == []
