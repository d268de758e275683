"""Where a network looked in the images that it got wrong, on the page."""

import pytest

from bakeoff.errors import BakeoffError
from bakeoff.reporting import explained
from bakeoff.reporting.explained import explain_failures
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.page import build_page
from bakeoff.store.store import Store

pytest.importorskip("captum", reason="captum is not installed: pip install 'bakeoff[explain]'")


def test_errors_of_the_best_network_are_explained_on_request(store, tmp_path):
    model = load_page_model(store, "test")
    with Store(store) as opened:
        ((found,), best) = explain_failures(model.tables, opened.files), model.tables[0].measured[0]
    assert found.net == best.label and found.images and not found.note
    assert all(one.truth != one.predicted and one.uri.startswith("data:image/webp;base64,") for one in found.images)
    assert len({one.file for one in found.images}) == len(found.images) <= explained.MOST
    page = build_page(store, explain=True)
    assert page.count('alt="') > build_page(store).count('alt="')
    assert all(one.uri in page and one.file in page for one in found.images)
    assert 'id="explained"' in page and 'id="explained"' not in build_page(store)


def test_what_is_missing_is_reported(store, tmp_path, monkeypatch):
    tables = load_page_model(store, "test").tables
    (found,) = explain_failures(tables, tmp_path)
    assert not found.images and "no trained model" in found.note
    monkeypatch.setattr(explained, "find_images", lambda *_: "The images are not here.")
    with Store(store) as opened:
        (found,) = explain_failures(tables, opened.files)
    assert found.note == "The images are not here."


def test_without_captum_it_says_what_to_install(store, tmp_path, monkeypatch):
    from bakeoff.inference import attribution

    def missing() -> None:
        raise BakeoffError("pip install 'bakeoff[explain]'")

    monkeypatch.setattr(attribution, "check_captum", missing)
    with pytest.raises(BakeoffError, match="explain"):
        build_page(store, explain=True)
