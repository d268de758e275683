import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_paired import made_up

from bakeoff.stats.draws import draw_accuracies
from bakeoff.stats.paired import paired_difference
from bakeoff.stats.pareto import front, is_on_front

POINTS = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 6)), min_size=1, max_size=8)


def by_definition(accuracies: list[float], costs: list[float]) -> list[bool]:
    """No other is at least as accurate at a lower cost, or more accurate at the same cost."""
    pairs = list(zip(accuracies, costs, strict=True))
    return [not any((c < cost and a >= own) or (c == cost and a > own) for a, c in pairs) for own, cost in pairs]


@given(POINTS)
def test_the_front_is_that_of_its_definition(points):
    costs, accuracies = zip(*sorted(points), strict=True)
    found = is_on_front(np.array([accuracies], float), np.array(costs, float))[0]
    assert found.tolist() == by_definition(list(accuracies), list(costs))


def test_names_and_costs_are_in_the_order_of_the_costs():
    drawn = np.array([[0.9, 0.7, 0.8], [0.9, 0.7, 0.6]])
    found = front(["big", "small", "middle"], [0.9, 0.7, 0.7], drawn, "flops", {"big": 9, "small": 1, "middle": 5})
    assert list(found.costs.items()) == [("small", 1), ("middle", 5), ("big", 9)]
    assert found.probability == {"small": 1, "middle": 0.5, "big": 1}
    assert found.on_front == ("small", "big")


def test_a_costlier_network_with_the_same_predictions_is_never_worth_its_cost():
    right = np.random.default_rng(0).random((1, 3, 200)) < 0.8
    drawn = draw_accuracies(np.concatenate([right, right]))
    found = front(["cheap", "dear"], [0.8, 0.8], drawn, "flops", {"cheap": 1, "dear": 2})
    assert found.probability == {"cheap": 1, "dear": 0}
    alike = front(["one", "other"], [0.8, 0.8], drawn, "flops", {"one": 1, "other": 1})
    assert alike.probability == {"one": 1, "other": 1}


@pytest.mark.parametrize("seeds", [1, 3, 6])
def test_of_two_networks_the_dearer_is_on_it_where_it_is_better(seeds):
    """The draws of all networks together are those of each pair."""
    random = np.random.default_rng(seeds)
    a, b = made_up(random, seeds, 600, 0.01, 0.01)
    c, _ = made_up(random, seeds, 600, 0.0, 0.03)
    drawn = draw_accuracies(np.stack([a, b, c]))
    alone = paired_difference(a, b)
    found = front(["a", "b"], [a.mean(), b.mean()], drawn[:, :2], "flops", {"a": 2, "b": 1})
    assert found.probability["b"] == 1
    assert found.probability["a"] == pytest.approx(alone.probability, abs=0.015)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
    assert (low, high) == pytest.approx((alone.low, alone.high), abs=0.002)
    assert drawn.mean(axis=0) == pytest.approx([a.mean(), b.mean(), c.mean()], abs=0.002)


def test_drawing_takes_a_seed_and_two_images():
    for shape in ((2, 0, 10), (2, 3, 1)):
        with pytest.raises(ValueError, match="it takes a seed and two images"):
            draw_accuracies(np.ones(shape, bool))


@pytest.mark.accuracy
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("gain", [-0.02, 0.0, 0.02])
def test_probabilities_are_calibrated(seeds, gain):
    """A costlier network with this gain: it is wrongly excluded or included with 97.5 % in one of forty cases."""
    random, shares = np.random.default_rng(0), []
    for _ in range(1500):
        a, b = made_up(random, seeds, 400, gain, 0.01)
        drawn = draw_accuracies(np.stack([a, b]), draws=2000)
        found = front(["dear", "cheap"], [a.mean(), b.mean()], drawn, "flops", {"dear": 2, "cheap": 1})
        shares.append(found.probability["dear"])
    surely_on, surely_off = np.mean(np.array(shares) > 0.975), np.mean(np.array(shares) < 0.025)
    print(f"\n{seeds} seeds, gain {gain}: surely on {surely_on:.3f}, surely off {surely_off:.3f}")
    error = 2 * (0.025 * 0.975 / 1500) ** 0.5
    assert gain > 0 or surely_on < 0.025 + error
    assert gain < 0 or surely_off < 0.025 + error
