import numpy as np
import pytest

from bakeoff.stats.mcnemar import exact_p_values, mcnemar


def test_mcnemar_by_hand():
    """8 of the 9 images that one of them alone got right: 2 · (1 + 9) / 2⁹."""
    a, b = np.zeros(20, bool), np.zeros(20, bool)
    a[:8], b[8:9] = True, True
    a[15:], b[15:] = True, True
    test = mcnemar(a, b)
    assert (test.only_a, test.only_b) == (8, 1)
    assert test.p_value == pytest.approx(20 / 512)
    assert mcnemar(a, a).p_value == 1


@pytest.mark.parametrize(("only_a", "only_b", "p_value"), [(31, 17, 0.05946337525377034), (3, 0, 0.25)])
def test_mcnemar_is_that_of_statsmodels(only_a, only_b, p_value):
    """mcnemar(..., exact=True) of 0.15.0."""
    a, b = np.zeros((2, 800), bool)
    a[:only_a], b[only_a : only_a + only_b] = True, True
    assert mcnemar(a, b).p_value == pytest.approx(p_value, rel=1e-12)


def test_exact_p_values_are_those_of_scipy():
    from scipy.stats import binomtest

    found = exact_p_values(np.array([0, 3, 17, 0]), np.array([1, 10, 40, 0]))
    assert found == pytest.approx([binomtest(0, 1).pvalue, binomtest(3, 10).pvalue, binomtest(17, 40).pvalue, 1.0])
