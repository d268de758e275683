import time

import pytest
import torch

import tiny
from bakeoff.machine import calibration
from bakeoff.machine.calibration import calibrate
from bakeoff.machine.hardware import Machine
from bakeoff.spec.records import is_cost
from bakeoff.training import meters
from bakeoff.training.loop import fit

RATES = {"matmul_flops_per_second", "convolution_flops_per_second", "copy_bytes_per_second"}
MEASURES = {f"calibration_{when}_{name}" for when in ("before", "after") for name in RATES}


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(calibration, "_latest", {})


class TestCalibration:
    def test_measures_rates_that_a_processor_can_have(self):
        rates = calibrate(Machine())
        assert rates.keys() == RATES
        assert all(1e7 < rate < 1e14 for rate in rates.values())

    def test_takes_a_fraction_of_a_second(self):
        calibrate(Machine())
        start = time.process_time()
        calibrate(Machine())
        assert time.process_time() - start < 0.5

    def test_leaves_the_random_numbers_alone(self):
        before = torch.random.get_rng_state()
        calibrate(Machine())
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_holds_for_the_next_run_of_the_process(self, monkeypatch):
        first = calibrate(Machine())
        assert calibrate(Machine(), or_recent=True) is first
        assert calibrate(Machine()) is not first
        assert calibrate(Machine(threads=2), or_recent=True) is not first
        monkeypatch.setattr(calibration, "RECENT", 0.0)
        assert calibrate(Machine(), or_recent=True) is not first


class TestARun:
    def test_says_how_fast_its_machine_was_before_and_after(self):
        *_, outcome = fit(tiny.run(), tiny.dataset(), Machine())
        assert outcome.measures.keys() >= MEASURES
        assert all(is_cost(name) for name in MEASURES)
        assert outcome.measures["train_seconds"] < outcome.measures["wall_seconds"] - 0.04

    def test_does_without_where_the_device_lacks_an_operation(self, monkeypatch):
        def fail(*_, **__):
            raise NotImplementedError

        monkeypatch.setattr(meters, "calibrate", fail)
        *_, outcome = fit(tiny.run(), tiny.dataset(), Machine())
        assert not MEASURES & outcome.measures.keys()
        assert not outcome.blanks
