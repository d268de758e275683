"""Cells: runs that differ in nothing but the seed."""

import pytest
from ranked import result

from bakeoff.analysis.cells import group_cells


def test_cells_differ_in_more_than_the_seed():
    runs = [result(seed=0, accuracy=0.5), result("drop"), result(seed=1, accuracy=0.6)]
    first, second = group_cells(runs)
    assert (first.net, len(first.results), len(first.finished)) == ("conv", 2, 2)
    assert first.interval("test_accuracy").mean == pytest.approx(0.55)
    assert second.interval("test_accuracy") is None
    assert second.median("train_seconds") is None
    assert first.median("unheard_of") is None
