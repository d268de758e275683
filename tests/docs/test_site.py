"""The site has every page."""

import re

from documents import ROOT

GENERATED = {"tutorials/notebook.md"}
"""Pages that the build makes."""


def test_every_page_is_in_the_navigation_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    named = re.findall(r": ([\w/-]+\.md)$", text, re.MULTILINE)
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(named) == sorted(pages | GENERATED), "add the page to nav in mkdocs.yml"


def test_the_readme_leads_to_every_kind_of_page_and_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    assert {f"docs/{kind}/" in text for kind in ("tutorials", "how-to", "explanation", "reference")} == {True}
    image = re.search(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert image is not None and (ROOT / image[1]).stat().st_size < 200_000
