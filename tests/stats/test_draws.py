import numpy as np
import pytest

from bakeoff.stats.draws import estimate_optimism
from simulated import table


def test_the_best_of_equals_is_lucky_and_a_clear_best_is_not():
    random = np.random.default_rng(0)
    equal = estimate_optimism(table(random, np.full(8, 0.005), 3))
    clear = estimate_optimism(table(random, np.full(8, 0.005), 3, leads=np.array([0.1, *[0.0] * 7])))
    assert 0.002 < equal < 0.02 and clear < equal / 2
    assert estimate_optimism(table(random, np.full(1, 0.005), 3)) == 0
    same = np.repeat(table(random, np.full(1, 0.005), 3), 3, axis=0)
    assert estimate_optimism(same) == pytest.approx(0, abs=1e-6)


@pytest.mark.accuracy
@pytest.mark.parametrize("nets", [2, 4, 10, 20])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [0.002, 0.01])
def test_the_optimism_is_about_right(nets, seeds, spread):
    """Of equal networks, and of evenly spaced ones, compared with what new seeds and images would give."""
    random = np.random.default_rng(nets)
    for apart in (0.0, 0.04):
        ahead = np.linspace(0, apart, nets)
        true = np.array([_truth(lead, spread) for lead in ahead])
        found, expected = [], []
        for _ in range(300):
            right = table(random, np.full(nets, spread), seeds, leads=ahead)
            means = right.mean(axis=(1, 2))
            best = means.argmax()
            expected.append((means[best] - means.mean()) - (true[best] - true.mean()))
            found.append(estimate_optimism(right, draws=1000))
        told, really = 100 * np.mean(found), 100 * np.mean(expected)
        about = f"{nets} networks {'even' if apart else 'equal'}, {seeds} seeds, spread {spread}"
        print(f"\n{about}: {told:.2f} points, really {really:.2f}")
        assert told == pytest.approx(really, abs=0.2)


def _truth(lead: float, spread: float) -> float:
    """What `table` makes of a lead, the clipping to chances from 0 to 1 included."""
    random, images = np.random.default_rng(5), 400_000
    moved = random.normal(0, 0.05, images) + random.normal(0, spread, images) + lead
    return float(np.clip(1 - random.beta(0.6, 5, images) + moved, 0, 1).mean())
