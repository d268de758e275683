"""Experiments on the page and as figures."""

from dataclasses import replace

import pytest
from synthetic import make_store

import dialled
from bakeoff.data import load
from bakeoff.data.properties import properties
from bakeoff.reporting import build
from bakeoff.reporting.figures.charts import draw_figures
from bakeoff.spec.values import to_dict
from bakeoff.store.store import Store


def test_a_page_without_experiments_has_no_section_for_them(make):
    assert 'id="dials"' not in build(make(), pictures=False)


def test_experiments_are_shown_with_their_numbers(tmp_path):
    page = build(dialled.crossing_store(tmp_path / "a.db"), pictures=False)
    assert 'data-figure="dial"' in page and "digits: contrast turned" in page
    assert "conv falls apart between contrast 0.25 and 0.125." in page
    assert '"experiments":[{"title":"digits: contrast turned"' in page


def test_figures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    drawn = draw_figures(dialled.crossing_store(tmp_path / "a.db"), tmp_path / "figures", kinds=("svg",))
    [path] = [path for path in drawn if "turned" in path.name]
    text = path.read_text()
    assert path.name == "digits-contrast-turned.svg"
    assert "lenet-afif" in text and "share of the contrast that stays" in text and "chance" in text


def test_properties_stand_beside_the_family_that_leads(tmp_path):
    path = make_store(tmp_path / "a.db", data=("digits", "mnist"))
    assert 'id="properties"' not in build(path, pictures=False)
    known = to_dict(properties(load("digits")), full=True)
    with Store(path) as store:
        for record in store.datasets().values():
            store.add([], [replace(record, facts=record.facts | {"properties": known})])
    page = build(path, pictures=False)
    assert 'id="properties"' in page and "intrinsic dimension" in page
    assert "family leads on all 2 data sets" in page
