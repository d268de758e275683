import numpy as np
import pytest
from scipy import stats

from bakeoff.stats.rank_tests import friedman, mean_ranks, wilcoxon
from bakeoff.stats.ranks import STUDENTIZED_RANGE


@pytest.mark.parametrize("steps", [3, 20, 10**6])
def test_ranks_and_friedman_are_those_of_scipy(steps):
    random = np.random.default_rng(steps)
    for data_sets, nets in ((2, 3), (7, 4), (40, 10)):
        table = random.integers(0, steps, (data_sets, nets)) / steps
        table[0] = np.arange(nets)
        assert (mean_ranks(table)[0] == stats.rankdata(table, axis=1)).all()
        assert friedman(table) == stats.friedmanchisquare(*table.T).pvalue


@pytest.mark.parametrize("data_sets", [2, 5, 8, 14, 50, 51, 200])
@pytest.mark.parametrize("steps", [4, 100, 10**9])
def test_wilcoxon_is_that_of_scipy(data_sets, steps):
    random = np.random.default_rng(data_sets)
    differences = random.integers(-steps, steps + 2, (4, data_sets)) / steps
    expected = [float(stats.wilcoxon(own).pvalue) if own.any() else 1.0 for own in differences]
    assert wilcoxon(differences) == expected


def test_of_networks_that_are_equal_everywhere_is_one():
    assert wilcoxon(np.zeros((2, 6))) == [1.0, 1.0]


@pytest.mark.parametrize("nets", [2, 10, 60])
def test_the_quantiles_of_nemenyi_are_those_of_scipy(nets):
    assert STUDENTIZED_RANGE[nets - 2] == pytest.approx(stats.studentized_range.ppf(0.95, nets, np.inf), rel=1e-9)
    assert len(STUDENTIZED_RANGE) == 59
