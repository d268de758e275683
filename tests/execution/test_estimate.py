import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from bakeoff.data.split import cut_validation
from bakeoff.execution.estimate import Remaining, measure_step, speed_here, steps_of
from bakeoff.spec.data import ImageShape
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import steps_in_epoch
from bakeoff.training.loop import fit
from bakeoff.training.partition import divide


def epoch(number: int, seconds: float) -> Epoch:
    return Epoch(number, 1.0, 0.5, None, None, 0.1, seconds - 0.5, 0.5, 700.0, 10**9)


class TestSteps:
    @pytest.mark.parametrize(
        "changes",
        [
            {"validation": 0.25},
            {"validation": 0.33},
            {"validation": 7},
            {"validation": "none"},
            {"validation": "test"},
            {"images_per_class": 8, "validation": 0.3},
            {"batch_size": 1},
            {"batch_size": 1000},
            {"batch_size": 11},
        ],
    )
    def test_are_those_that_training_takes(self, changes):
        run, data = tiny.run(**changes), tiny.dataset()
        trained = len(divide(run, data, "cpu").train_indices)
        steps: list[int] = []
        next(fit(run, data, tiny.MACHINE, on_step=lambda epoch, done, of: steps.append(of)))
        assert {steps_of(run.recipe, 60, 3)} == set(steps) == {steps_in_epoch(trained, run.recipe.batch_size)}

    @given(images=st.integers(2, 500), validation=st.floats(0.01, 0.99))
    def test_follow_the_cut_of_validation_images(self, images, validation):
        count = round(images * validation)
        if 0 < count < images:
            kept, _ = cut_validation(np.zeros(images, int), validation, 0)
            recipe = msgspec.structs.replace(tiny.RECIPE, validation=validation, batch_size=1)
            assert abs(steps_of(recipe, images, 1) - len(kept)) <= 1

    def test_take_a_measured_time(self):
        assert 0 < measure_step("lenet-afif", ImageShape(1, 8, 8), 3, tiny.RECIPE, tiny.MACHINE) < 5

    def test_of_this_machine_are_measured_once(self, tmp_path, monkeypatch):
        """So that two commands tell one estimate."""
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
        speed = speed_here("cpu")
        assert speed.seconds_per_flop > 0
        monkeypatch.setattr("bakeoff.execution.estimate.calibrate", None)
        assert speed_here("cpu") == speed
        (kept,) = tmp_path.glob("speed-*.json")
        kept.write_text("{")
        with pytest.raises(TypeError):
            speed_here("cpu")  # a damaged file is measured anew


class TestRemaining:
    RUNS = [tiny.run(seed=0), tiny.run(seed=1), tiny.run("nin", seed=0)]

    def remaining(self, workers: int = 1) -> Remaining:
        return Remaining({run.id: run for run in self.RUNS}, workers)

    def test_time_is_unknown_before_the_first_epoch(self):
        assert self.remaining().seconds() is None
        assert self.remaining().fraction == 0.0

    def test_time_follows_the_epochs_of_a_networks_own_kind(self):
        remaining = self.remaining()
        remaining.epoch(self.RUNS[0], epoch(1, 2.0))
        assert remaining.seconds() == pytest.approx(2 * 2 + 3 * 2 + 3 * 2)  # nin not yet seen
        remaining.epoch(self.RUNS[2], epoch(1, 10.0))
        assert remaining.seconds() == pytest.approx(2 * 2 + 3 * 2 + 2 * 10)
        assert remaining.fraction == pytest.approx(2 / 9)

    def test_time_is_shared_by_workers_but_no_run_is(self):
        remaining = self.remaining(workers=2)
        remaining.epoch(self.RUNS[0], epoch(1, 2.0))
        remaining.epoch(self.RUNS[2], epoch(1, 10.0))
        assert remaining.seconds() == pytest.approx(20.0)  # the longest run
        assert Remaining(remaining.runs, 1, remaining.epoch_seconds, {}).seconds() == pytest.approx(3 * (2 + 2 + 10))

    def test_time_ends_with_the_runs(self):
        remaining = self.remaining()
        remaining.epoch(self.RUNS[0], epoch(1, 2.0))
        for run in self.RUNS:
            remaining.ended(run)
        assert remaining.seconds() == 0.0
        assert remaining.fraction == 1.0

    def test_nothing_takes_no_time(self):
        assert Remaining({}, 1).fraction == 0.0
