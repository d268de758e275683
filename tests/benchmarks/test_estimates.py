"""Estimates of time hold on a quiet machine (make accuracy)."""

import importlib.util
import sys
from pathlib import Path

import pytest

from bakeoff.execution.options import StudyOptions

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "estimates.py"


@pytest.mark.accuracy
def test_estimates_are_within_a_quarter_after_the_first_epochs(tmp_path):
    spec = importlib.util.spec_from_file_location("estimates", PROGRAM)
    estimates = importlib.util.module_from_spec(spec)
    sys.modules["estimates"] = estimates
    spec.loader.exec_module(estimates)
    changes = {"epochs": 8, "image.scale": 4}
    wanted = StudyOptions(nets=("lenet-afif", "conv", "resnet20"), data=("digits",), seeds=3, changes=changes)
    found = estimates.measure_errors(wanted, tmp_path)
    assert found.live and max(map(abs, found.live)) < 0.25
    assert abs(found.dry_run) < 0.25
