import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.stats.intervals import mean_interval, prediction_interval
from generated import close

VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=30)


def test_one_value_has_no_interval_and_says_so():
    interval = mean_interval([0.9])
    assert (interval.mean, interval.n, interval.sd, interval.low, interval.high) == (0.9, 1, None, None, None)
    assert interval.method == "one seed: no interval"


def test_no_values_have_no_mean():
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


def test_by_hand():
    """Three values 1, 2, 3: mean 2, sd 1, t(0.975; 2) = 4.302653."""
    interval = mean_interval([1.0, 2.0, 3.0])
    half = 4.302652729696142 / np.sqrt(3)
    assert (interval.mean, interval.sd, interval.n) == (2.0, 1.0, 3)
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half), rel=1e-9)
    assert interval.method == "95 % t interval over seeds"


@settings(deadline=None)  # the first call imports scipy.stats
@given(values=VALUES, confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_is_scipys(values, confidence):
    from scipy import stats

    interval = mean_interval(values, confidence)
    assert close(interval.mean, float(np.mean(values)))
    assert interval.sd == pytest.approx(float(np.std(values, ddof=1)), rel=1e-9, abs=1e-12)
    if interval.sd:
        low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
        assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-7, abs=1e-9)


def test_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(0)
    samples = random.normal(0.5, 0.1, size=(2000, 4))
    covered = [interval.low <= 0.5 <= interval.high for interval in map(mean_interval, samples.tolist())]
    assert 0.935 < np.mean(covered) < 0.965


def test_equal_values_have_no_interval_unless_it_is_known_how_they_differ():
    interval = mean_interval([0.25] * 5)
    assert (interval.low, interval.mean, interval.high, interval.sd) == (None, 0.25, None, 0.0)
    assert "5 seeds alike" in interval.method and prediction_interval([0.1] * 3) is None
    known = mean_interval([0.25] * 2, step=1 / 400)
    assert known.high - known.mean == pytest.approx(12.7062 / 400 / 2**0.5, rel=1e-5) and known.sd == 0
    assert prediction_interval([0.25] * 2, step=1 / 400)[1] > known.high


def test_a_deviation_below_one_step_is_taken_as_one_step_and_the_method_says_so():
    right = mean_interval([1.0, 1.0, 11 / 12], step=1 / 12)
    assert right.sd == pytest.approx(3**-0.5 / 12) and right.high - right.mean == pytest.approx(4.302653 / 12 / 3**0.5)
    assert "which differ little: their deviation is taken as one test image" in right.method
    wide = mean_interval([0.5, 0.6, 0.7], step=1 / 12)
    assert wide.high - wide.mean == pytest.approx(4.302653 * 0.1 / 3**0.5) and "taken" not in wide.method


def test_an_interval_ends_where_the_mean_can_be():
    interval = mean_interval([0.02, 0.98], within=(0.0, 1.0))
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert prediction_interval([0.02, 0.98], within=(0.0, 1.0)) == (0.0, 1.0)


@settings(deadline=None)
@given(values=VALUES)
def test_one_more_draw_falls_further_from_the_mean_than_the_mean_from_the_truth(values):
    interval, prediction = mean_interval(values), prediction_interval(values)
    if interval.high is None:
        assert prediction is None and max(values) - min(values) <= 1e-11 * max(map(abs, values), default=0) + 1e-150
        return
    assert prediction is not None
    wider = (len(values) + 1) ** 0.5
    assert prediction[1] - interval.mean == pytest.approx((interval.high - interval.mean) * wider, rel=1e-6, abs=1e-12)


def test_one_value_predicts_nothing():
    assert prediction_interval([0.9]) is None
    with pytest.raises(ValueError, match="no values"):
        prediction_interval([])


def test_predictions_hold_as_often_as_they_say():
    draws = np.random.default_rng(1).normal(0.5, 0.1, size=(3000, 4)).tolist()
    held = [low <= one <= high for one, *rest in draws for low, high in [prediction_interval(rest)]]
    assert 0.94 < np.mean(held) < 0.96
