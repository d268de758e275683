"""Every link between the pages leads somewhere."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from documents import ROOT, anchors, links, name_of, pages


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text, broken = page.read_text(encoding="utf-8"), []
    for link in links(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_headings_get_the_anchors_of_github() -> None:
    text = "# Is it `better`?\n\n## A & B\n\n## A & B\n\n```\n# no heading\n```\n"
    assert anchors(text) == {"is-it-better", "a--b", "a--b-1"}


def test_links_in_code_are_not_links() -> None:
    assert list(links("[a](b.md#c) `[d](e)`\n```\n[f](g)\n```\n![h](i.png 'j')")) == ["b.md#c", "i.png"]
