import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bakeoff.reporting.figures.ticks import MOST, choose_ticks, label_log_axis


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(90e3, 300e3, [1e5, 2e5, 3e5]), (3, 100, [5, 10, 20, 50, 100]), (1, 1e8, [1, 100, 1e4, 1e6, 1e8])],
)
def test_ticks_are_round(low, high, expected):
    assert choose_ticks(low, high) == pytest.approx(expected)


@given(some.floats(1e-3, 1e12), some.floats(1.05, 1e9))
def test_there_are_two_to_five_within_the_limits(low, ratio):
    pytest.importorskip("matplotlib")
    found = choose_ticks(low, low * ratio)
    assert 2 <= len(found) <= MOST and all(low <= value <= low * ratio for value in found)
    assert found == sorted(found) and all(math.isfinite(value) for value in found)


@pytest.mark.parametrize("values", [(93_322, 150_742, 269_722), (60_000, 10_555_311), (1000, 1000), (4.3, 95.2)])
def test_labels_do_not_overlap(values):
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(values, range(len(values)), "o")
    label_log_axis(axes)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    assert len(boxes) >= 2
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
