"""Experiments on the page and as figures."""

import pytest

import dialled
from bakeoff.reporting import build
from bakeoff.reporting.static import draw_figures


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
    from bakeoff.data import load
    from bakeoff.store import Store
    from bakeoff.study import record_of

    path = dialled.crossing_store(tmp_path / "a.db")
    assert 'id="properties"' not in build(path, pictures=False)
    with Store(path) as store:
        store.add([], [record_of(load("digits"), search=True)])
    page = build(path, pictures=False)
    assert 'id="properties"' in page and "intrinsic dimension" in page
    assert "One data set: nothing to compare its properties with." in page
