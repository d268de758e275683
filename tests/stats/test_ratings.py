import numpy as np
import pytest

from bakeoff.stats.ratings import CENTRE, rate


def test_the_better_has_the_higher_rating_and_wins_more() -> None:
    random = np.random.default_rng(0)
    found = rate({net: (0.9 - place / 50 + random.normal(0, 0.01, 12)).tolist() for place, net in enumerate("abcd")})
    assert list(found) == ["a", "b", "c", "d"]
    rates = [one.win_rate for one in found.values()]
    assert rates == sorted(rates, reverse=True) and sum(rates) == pytest.approx(2)
    assert all(one.low <= one.rating <= one.high for one in found.values())
    assert np.mean([one.rating for one in found.values()]) == pytest.approx(CENTRE)


def test_equal_networks_have_equal_standing() -> None:
    found = rate({"a": [0.5, 0.6], "b": [0.5, 0.6]})
    assert [(one.win_rate, one.rating) for one in found.values()] == [(0.5, CENTRE)] * 2


def test_ratings_predict_the_share_of_wins() -> None:
    """Only against each other: 400 points are ten to one, except for the half game that each is given."""
    found = rate({"a": [1.0] * 90 + [0.0] * 10, "b": [0.5] * 100}, draws=10)
    share = 1 / (1 + 10 ** ((found["b"].rating - found["a"].rating) / 400))
    assert share == pytest.approx(0.9, abs=0.01) and found["a"].win_rate == 0.9


def test_more_data_sets_make_ratings_surer() -> None:
    few, many = ({"a": [1, 0, 1] * n, "b": [0, 1, 0] * n, "c": [0.5, 0.5, 0.5] * n} for n in (2, 20))
    width = {n: (one := rate(scores)["a"]).high - one.low for n, scores in ((2, few), (20, many))}
    assert width[20] < width[2] / 2


def test_unequal_scores_are_refused() -> None:
    with pytest.raises(ValueError):
        rate({"a": [1.0]})
