"""The page about the installation names every extra of the package."""

import re
import tomllib

from documents import ROOT


def test_the_extras_are_those_of_the_package() -> None:
    page = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    section = page.partition("## Extras")[2].partition("\n## ")[0]
    rows = "".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    others = section.partition("\nThe extras ")[2]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = re.findall(r"`([\w-]+)`", rows + others)
    assert sorted(named) == sorted(project["project"]["optional-dependencies"])
