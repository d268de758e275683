import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.corrections import holm, shaffer


def test_holm_is_that_of_statsmodels():
    """multipletests(..., method="holm") of 0.15.0."""
    p_values = [0.40572019111539415, 0.0727848709235085, 0.0016788296637499191, 0.0002731627361638972, 0.66, 0.83, 0.37]
    expected = [1.0, 0.3639243546175425, 0.010072977982499515, 0.0019121391531472804, 1.0, 1.0, 1.0]
    assert holm(p_values) == pytest.approx(expected, rel=1e-12)


def test_holm_by_hand():
    """The example of Holm's rule: 0.01·4, 0.02·3, 0.03·2 raised to the one before, 0.4·1."""
    assert holm([0.03, 0.01, 0.4, 0.02]) == pytest.approx([0.06, 0.04, 0.4, 0.06])
    assert holm([]) == []
    assert holm([0.6, 0.7]) == [1, 1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values):
    adjusted = holm(p_values)
    for raw, new in zip(p_values, adjusted, strict=True):
        assert raw <= new <= min(1, max(raw * len(p_values), *adjusted))
    assert [adjusted[i] for i in np.argsort(p_values, kind="stable")] == sorted(adjusted)
    assert min(adjusted) == pytest.approx(min(1, min(p_values) * len(p_values)))


SIX = [0.001, 0.002, 0.003, 0.01, 0.04, 0.9]


def test_all_pairs_by_hand():
    """Of four groups: after one of the six pairs differs, three at most are equal; then 3, 3, 2, 1 (Shaffer 1986)."""
    expected = [0.006, 0.006, 0.009, 0.03, 0.08, 0.9]
    assert shaffer(SIX, 4) == pytest.approx(expected)
    assert shaffer([], 1) == [] and shaffer([0.03], 2) == [0.03]


@given(st.integers(2, 12), st.data())
def test_all_pairs_lie_between_none_and_holm(nets, data):
    """And pairs that cannot be compared only lower the number."""
    pairs = nets * (nets - 1) // 2
    p_values = data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=pairs))
    for raw, new, most in zip(p_values, shaffer(p_values, nets), holm(p_values), strict=True):
        assert raw <= new <= most + 1e-12


def test_many_networks_are_corrected_in_no_time():
    assert shaffer([0.5] * 4950, 100)[0] == 1 and len(shaffer([0.001] * 1770, 60)) == 1770
