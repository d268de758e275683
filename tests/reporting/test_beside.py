import re
from pathlib import Path

import msgspec
import pytest
from synthetic import RECIPE

from bakeoff import studies
from bakeoff.analysis.published import compare
from bakeoff.reporting import build
from bakeoff.reporting.beside import Beside, beside
from bakeoff.reporting.page import sortable
from bakeoff.store.store import Store

AFIF = msgspec.structs.replace(RECIPE, name="afif2018")
OWN = """
name = "own"
nets = ["conv"]
data = ["digits"]
recipe = "quick"
citation = "Me <and> mine"
[[published]]
net = "conv"
data = "digits"
test_accuracy = 0.5
"""


def read(path: Path) -> list[Beside]:
    with Store(path) as store:
        return beside(store, store.results())


@pytest.fixture(scope="module")
def of_a_study(make) -> Path:
    return make(nets=("lenet-afif", "conv"), data=("mnist", "fashion-mnist"), recipe=AFIF)


def test_runs_that_belong_to_no_study_have_nothing_beside_them(make) -> None:
    path = make(data=("digits",))
    assert read(path) == []
    page = build(path, pictures=False)
    assert 'id="published"' not in page and 'href="#published"' not in page and '"published":[]' in page


def test_a_built_in_study_is_found_by_its_runs(of_a_study) -> None:
    (one,) = read(of_a_study)
    with Store(of_a_study) as store:
        lines = compare(studies.load("afif2018"), store)
    assert one.study.name == "afif2018"
    assert list(one.lines) == [line for line in lines if line.measured is not None]
    assert one.tables[0].title == "test accuracy, %" and len(one.tables[0].rows) == 2
    assert one.said[-1] == f"{len(lines) - len(one.lines)} of {len(lines)} published numbers were not measured here."
    assert not any("--all" in sentence for sentence in one.said)
    drawn = one.payload["lines"]
    assert {line["measure"] for line in drawn} == set(one.payload["measures"]) >= {"test_accuracy"}
    assert drawn[0]["difference"] == drawn[0]["measured"] - drawn[0]["published"]


def test_it_is_on_the_page_as_a_table_with_verdicts(of_a_study) -> None:
    page = build(of_a_study, pictures=False)
    part = re.search(r'<section id="published".*?</section>', page, re.S)
    assert part
    assert part[0].count(">98.34</td>") == 1 and 'data-value="98.34"' in part[0]
    assert "Irfan Nur Afif" in part[0] and "A published number is one run." in part[0]
    assert '<a href="#published">' in page


def test_a_study_of_ones_own(make) -> None:
    path = make(nets=("conv",), data=("digits",))
    with Store(path) as store:
        store.record_study(OWN, "bakeoff run own.toml")
    (one,) = read(path)
    (line,) = one.lines
    assert (line.published, line.verdict) == (0.5, "differs")
    assert "Me &lt;and&gt; mine" in build(path, pictures=False)
    with Store(path) as store:
        store.record_study('name = "new"\nof_another_version = 1\n', "bakeoff run")
    assert read(path) == []


def test_what_is_no_number_is_sorted_last() -> None:
    assert [sortable(text) for text in ("1,234", "+0.50", "-1.5", "–", "")] == ["1234.0", "0.5", "-1.5", "", ""]
