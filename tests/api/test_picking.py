import pytest
import torch

import bakeoff
from bakeoff.errors import BakeoffError

SMALL = {"epochs": 4, "images_per_class": 20, "validation": 50, "image.scale": 4}


def test_returns_the_trained_winner(tmp_path):
    found = bakeoff.pick(
        "digits", 60, nets="linear,lenet-afif", changes=SMALL, store=tmp_path / "a.db", workers=1, quiet=True
    )
    assert found.winner.net in found.probabilities
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.model(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert bakeoff.load_model("best", tmp_path / "a.db").paths == (found.answer.weights,)
    assert found.to_frame()["name"][0] == found.winner.name
    assert found.winner.name in str(found) and found.winner.name in found._repr_html_()


def test_a_budget_that_is_too_short_is_exceeded_for_one_training(tmp_path):
    found = bakeoff.pick("digits", 0.01, nets="linear", changes=SMALL, store=tmp_path / "a.db", workers=1, quiet=True)
    assert found.winner.epochs == 1 and found.winner.seeds == 1


def test_without_time_there_is_no_winner(tmp_path, monkeypatch):
    monkeypatch.setattr("bakeoff.analysis.pick.driver.GRACE_SECONDS", 0.0)
    found = bakeoff.pick("digits", 0.01, nets="linear", changes=SMALL, store=tmp_path / "a.db", workers=1, quiet=True)
    assert found.winner is None and "budget" in str(found)
    with pytest.raises(BakeoffError, match="budget"):
        _ = found.model


def test_refuses_what_makes_no_sense(tmp_path):
    with pytest.raises(BakeoffError, match="target"):
        bakeoff.pick("digits", 60, nets="linear", target=95, store=tmp_path / "a.db", quiet=True)
    with pytest.raises(BakeoffError, match="name some with nets"):
        bakeoff.pick("digits", 60, nets=[], store=tmp_path / "a.db", quiet=True)


def test_chooses_on_one_split_of_one_data_set(tmp_path):
    with pytest.raises(BakeoffError, match=r'`bakeoff.run\(nets="WINNER", folds=3\)`'):
        bakeoff.pick("digits~folds=3", 60, nets="linear", store=tmp_path / "a.db", quiet=True)
    with pytest.raises(BakeoffError, match=r"no argument 'folds': did you mean bakeoff.run"):
        bakeoff.pick("digits", 60, nets="linear", folds=3, store=tmp_path / "a.db", quiet=True)
    with pytest.raises(BakeoffError, match="one data set"):
        bakeoff.pick(["digits", "mnist"], 60, nets="linear", store=tmp_path / "a.db", quiet=True)
