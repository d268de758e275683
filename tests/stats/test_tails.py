import numpy as np
import pytest

from bakeoff.stats.tails import half_width, upper_tail


def tail(x: float, seed_error: float, image_error: float, freedom: int) -> float:
    return float(upper_tail(np.array([x]), np.array([seed_error]), np.array([image_error]), freedom)[0])


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 19, 99])
@pytest.mark.parametrize("x", [0.0, 0.5, 3.0, 12.0])
def test_either_part_alone_and_both(freedom, x):
    from scipy.integrate import quad
    from scipy.stats import norm
    from scipy.stats import t as student

    assert tail(x, 1, 1e-9, freedom) == pytest.approx(student.sf(x, freedom), rel=1e-6)
    assert tail(x, 0, 2, freedom) == pytest.approx(norm.sf(x / 2), rel=1e-9)

    def at(z: float) -> float:
        return float(student.sf(x - 0.7 * z, freedom) * norm.pdf(z))

    assert tail(x, 1, 0.7, freedom) == pytest.approx(quad(at, -12, 12, epsabs=0, limit=500)[0], rel=1e-6)


@pytest.mark.parametrize("freedom", [0, 1, 4, 30])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_the_half_width_has_the_tail_beyond_it(freedom, confidence):
    half = half_width(0.3, 0.2, freedom, confidence)
    assert 2 * tail(half, 0.3, 0.2, freedom) == pytest.approx(1 - confidence, rel=1e-6)


def test_small_tails_are_no_guess():
    """At the level for all pairs of twenty networks, 0.05 / 190 / 2, and far below."""
    from scipy.stats import t as student

    assert tail(12.15, 1, 1e-12, 4) == pytest.approx(student.sf(12.15, 4), rel=1e-9)
    assert tail(800, 1, 1e-12, 4) == pytest.approx(student.sf(800, 4), rel=1e-6)
