"""What helps to read the page: a sentence for each chart, a guide, plain headings, and standing beside ranks."""

import re
from pathlib import Path

import pytest

import bakeoff
from bakeoff.reporting.critical_difference import build_diagrams
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.page import build_page

PACKAGE = Path(bakeoff.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
DEFINITIONS = re.findall(
    r"^figures\.(\w+) = \{\n(.*?)^  draw\(",
    "\n".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "reporting/js").glob("*.js")),
    flags=re.M | re.S,
)
OBSCURE = (
    "as cheap is as good",
    "not tell it apart",
    "What is taken for what",
    "Hard for all",
    "images by likeness",
    "it says to be",
    "| off by |",
    "Shapes depart",
)
"""Wordings that readers did not understand."""


@pytest.mark.parametrize(("name", "definition"), DEFINITIONS, ids=[name for name, _ in DEFINITIONS])
def test_each_chart_says_in_one_sentence_how_to_read_it(name: str, definition: str) -> None:
    [sentence] = re.findall(r'^  how: "(.+)",$', definition, flags=re.M)
    assert sentence.endswith(".") and ". " not in sentence


def test_each_chart_has_a_place_on_the_page() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "reporting/templates").iterdir())
    assert set(re.findall(r'data-figure="(\w+)"', templates)) == {name for name, _ in DEFINITIONS}


def test_the_guide_is_read_in_two_minutes(make) -> None:
    page = build_page(make(data=("digits",)), pictures=False)
    guide = re.search(r'<details id="guide".*?</details>', page, flags=re.S)[0]
    assert 100 < len(re.sub(r"<[^>]+>", " ", guide).split()) < 400


def test_obscure_wordings_are_gone() -> None:
    sources = [path for ending in ("py", "js", "html") for path in PACKAGE.rglob(f"*.{ending}")]
    texts = [path for path in (*sources, *DOCS.rglob("*.md")) if not {"vendor", "reference"} & {*path.parts}]
    found = {wording: path.name for path in texts for wording in OBSCURE if wording in path.read_text(encoding="utf-8")}
    assert found == {}


def test_win_rates_and_ratings_stand_beside_ranks(make) -> None:
    tables = load_page_model(make(data=("a", "b", "c", "d", "e", "f"), noise=0.0005, images=2000)).tables
    (diagram,) = build_diagrams(tables)
    assert set(diagram.standing) == set(diagram.ranks)
    best = next(iter(diagram.ranks))
    for label, own in diagram.standing.items():
        # Without ties the mean rank is 1 plus the number of networks that are better.
        others = len(diagram.ranks) - 1
        assert own.win_rate == pytest.approx(1 - (diagram.ranks[label] - 1) / others)
        assert own.low <= own.rating <= own.high
        assert own.rating <= diagram.standing[best].rating
