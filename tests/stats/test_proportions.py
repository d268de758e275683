import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from bakeoff.stats.proportions import newcombe, wilson

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_wilson_is_that_of_scipy(pair):
    right, n = pair
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-5)


@given(counts, counts)
def test_the_interval_of_a_difference_holds_it_and_turns_with_it(first, second):
    low, high = newcombe(*first, *second)
    assert -1 - 1e-9 <= low <= first[0] / first[1] - second[0] / second[1] <= high <= 1 + 1e-9
    assert newcombe(*second, *first) == pytest.approx((-high, -low))


def test_newcombes_own_example():
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_nothing_has_no_interval():
    with pytest.raises(ValueError):
        wilson(0, 0)
