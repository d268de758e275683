import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.stats.ranks import caution, critical_difference, rank_over_data, signed_rank_belief, wilcoxon_holm

TREES = {
    "plain": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957],
    "m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
    "cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.975, 0.946],
    "both": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
}
"""Four ways to grow trees on 14 data sets, after the example of Demšar 2006."""


def test_ranks_and_friedman():
    """scipy's friedmanchisquare and rankdata give the numbers; the order and the names are ours."""
    ranking = rank_over_data(TREES)
    assert list(ranking.ranks) == ["both", "m", "cf", "plain"]
    assert ranking.ranks["plain"] == pytest.approx(44 / 14)
    assert sum(ranking.ranks.values()) == pytest.approx(10)
    assert ranking.p_value == pytest.approx(0.011986, abs=1e-6)
    assert ranking.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranking.groups == (("both", "m", "cf", "plain"),)
    assert (ranking.data_sets, ranking.caution) == (14, "")


def test_the_critical_values_are_the_printed_ones():
    """Demšar 2006, table 5a, for 2 to 10 classifiers."""
    printed = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    for nets, value in zip(range(2, 11), printed, strict=True):
        assert critical_difference(nets, 20) == pytest.approx(value * (nets * (nets + 1) / 120) ** 0.5, abs=5e-4)


@pytest.mark.parametrize(
    ("pair", "p_value"),
    [
        (("plain", "m"), 0.08867271),
        (("plain", "cf"), 0.97168647),
        (("plain", "both"), 0.06168326),
        (("m", "cf"), 0.22669689),
        (("m", "both"), 0.99888234),
        (("cf", "both"), 0.17005164),
    ],
)
def test_nemenyi_is_that_of_scikit_posthocs(pair, p_value):
    """posthoc_nemenyi_friedman of 0.17.1: at its p value, the distance between the two is the critical one."""
    ranks = rank_over_data(TREES).ranks
    assert critical_difference(4, 14, p_value) == pytest.approx(abs(ranks[pair[0]] - ranks[pair[1]]), abs=1e-4)


def test_groups_are_the_bars_of_the_diagram():
    steps = {name: [0.5 + 0.1 * place + 0.001 * data for data in range(40)] for place, name in enumerate("dcba")}
    assert rank_over_data(steps).groups == ()
    blurred = steps | {"b": [*steps["a"][:20], *steps["b"][20:]], "a": [*steps["b"][:20], *steps["a"][20:]]}
    assert rank_over_data(blurred).groups == (("a", "b"),) or rank_over_data(blurred).groups == (("b", "a"),)


def test_wilcoxon_with_holm_is_that_of_scikit_posthocs():
    """posthoc_wilcoxon of 0.17.1 with p_adjust="holm"."""
    assert wilcoxon_holm(TREES) == pytest.approx(
        {
            ("plain", "m"): 0.06454280,
            ("plain", "cf"): 0.86126233,
            ("plain", "both"): 0.07937180,
            ("m", "cf"): 0.16298614,
            ("m", "both"): 0.65565135,
            ("cf", "both"): 0.10125408,
        },
        abs=1e-7,
    )
    assert wilcoxon_holm({"a": [0.5, 0.6], "b": [0.5, 0.6]}) == {("a", "b"): 1.0}


@pytest.mark.parametrize(
    ("first", "second", "rope", "expected"),
    [
        ("m", "plain", 0.01, (0.67220, 0.32780, 0.0)),
        ("both", "plain", 0.01, (0.96736, 0.03223, 0.00042)),
        ("m", "cf", 0.005, (0.79296, 0.19480, 0.01225)),
        ("both", "cf", 0.02, (0.23777, 0.76224, 0.0)),
    ],
)
def test_the_signed_rank_belief_is_that_of_baycomp(first, second, rope, expected):
    """SignedRankTest of baycomp 1.0.3, 200,000 draws: both are simulations."""
    belief = signed_rank_belief(TREES[first], TREES[second], rope=rope)
    assert (belief.first, belief.equivalent, belief.second) == pytest.approx(expected, abs=0.008)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=10))
def test_beliefs_add_up_and_mirror(pairs):
    first, second = zip(*pairs, strict=True)
    one = signed_rank_belief(first, second, draws=500)
    other = signed_rank_belief(second, first, draws=500)
    assert one.first + one.equivalent + one.second == pytest.approx(1)
    assert one.first == pytest.approx(other.second)


def test_few_data_sets_are_said_to_be_few():
    assert "describe these data sets only" in rank_over_data({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.7, 0.6]}).caution
    assert "p = 0.0625" in caution(5) and "only" not in caution(5)
    assert caution(6) == ""


def test_what_cannot_be_ranked():
    for scores in ({"a": [0.1, 0.2]}, {"a": [0.1], "b": [0.2]}, {"a": [0.1, 0.2], "b": [0.2]}):
        with pytest.raises(ValueError, match="the same two data sets"):
            rank_over_data(scores)


def test_equal_networks_share_their_rank():
    ranking = rank_over_data({"a": [0.5, 0.6], "b": [0.5, 0.6], "c": [0.5, 0.6]})
    assert set(ranking.ranks.values()) == {2} and ranking.p_value == 1
    assert rank_over_data({"a": [0.5, 0.6], "b": [0.4, 0.5]}).p_value is None


@pytest.mark.accuracy
def test_false_positives_are_as_rare_as_they_say():
    """Ten data sets, four equal networks: at least one pair differs significantly in at most 5 % of all cases."""
    random = np.random.default_rng(0)
    friedman, nemenyi, wilcoxon = 0, 0, 0
    for _ in range(1000):
        hardness = random.uniform(0.5, 0.9, 10)
        scores = {name: (hardness + random.normal(0, 0.02, 10)).tolist() for name in "abcd"}
        ranking = rank_over_data(scores)
        friedman += ranking.p_value < 0.05
        nemenyi += ranking.groups != (tuple(ranking.ranks),)
        wilcoxon += min(wilcoxon_holm(scores).values()) < 0.05
    print(f"\nof 1000: Friedman {friedman}, Nemenyi {nemenyi}, Wilcoxon with Holm {wilcoxon}")
    assert friedman < 65 and nemenyi < 65 and wilcoxon < 65
