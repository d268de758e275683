"""Experiments on the page and as figures."""

from dataclasses import replace

import pytest
from synthetic import make_store

import dialled
from bakeoff.data import load_dataset
from bakeoff.data.properties import properties
from bakeoff.reporting import build_page, write
from bakeoff.reporting.figures.charts import draw_figures
from bakeoff.spec.values import to_dict
from bakeoff.store.store import Store


def test_a_page_without_experiments_has_no_section_for_them(make):
    assert 'id="dial"' not in build_page(make(), pictures=False)


def test_experiments_are_shown_with_their_numbers(tmp_path):
    page = build_page(dialled.crossing_store(tmp_path / "a.db"), pictures=False)
    assert 'data-figure="dial"' in page and "digits: contrast" in page
    assert "conv degrades between contrast 0.25 and 0.125." in page
    assert '"experiments":[{"title":"digits: contrast"' in page


def test_figures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    drawn = draw_figures(dialled.crossing_store(tmp_path / "a.db"), tmp_path / "figures", kinds=("svg",))
    [path] = [path for path in drawn if "response" in path.name]
    text = path.read_text()
    assert path.name == "digits-contrast-response.svg"
    assert "lenet-afif" in text and "fraction of the contrast that is kept" in text and "chance" in text


def test_properties_stand_beside_the_family_that_leads(tmp_path):
    path = make_store(tmp_path / "a.db", data=("digits", "mnist"))
    assert 'id="properties"' not in build_page(path, pictures=False)
    known = to_dict(properties(load_dataset("digits")), full=True)
    with Store(path) as store:
        for record in store.datasets().values():
            store.add([], [replace(record, facts=record.facts | {"properties": known})])
    page = build_page(path, pictures=False)
    assert 'id="properties"' in page and "intrinsic dimension" in page
    assert "family leads on all 2 data sets" in page


def test_curves_are_named_at_their_ends(visit, tmp_path):
    page = visit(write(dialled.crossing_store(tmp_path / "a.db"), tmp_path / "a.html", pictures=False))
    texts = "[data-figure=dial] svg g[text-anchor=start] text"
    assert {"conv", "nin", "lenet-afif"} <= set(page.eval_on_selector_all(texts, "all => all.map(t => t.textContent)"))
