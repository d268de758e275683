import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from bakeoff.data import augment, batches
from bakeoff.data.split import cut_validation
from bakeoff.execution.estimate import Remaining, makespan, measure_step, speed_here, steps_of
from bakeoff.execution.worker import Step
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Probe
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import steps_in_epoch
from bakeoff.studies.general_recipes import modern
from bakeoff.training.average import Average
from bakeoff.training.loop import fit
from bakeoff.training.partition import partition_data


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
        trained = len(partition_data(run, data, "cpu").train_indices)
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

    def test_count_augmentation_and_every_part_of_a_step(self, monkeypatch):
        """A step of a recipe with mixed images and an average of the weights, all of it on the clock."""
        times = iter(range(100))
        done = []
        for name, place in (("mix_batch", batches), ("apply_operations", augment)):
            plain = getattr(place, name)
            monkeypatch.setattr(place, name, lambda *given, name=name, plain=plain: done.append(name) or plain(*given))
        monkeypatch.setattr(Average, "update", lambda self, step: done.append(step))
        data = DataInfo("a", ImageShape(3, 8, 8), ("a", "b", "c"), "x", 1000, 0, 10, True)
        recipe = msgspec.structs.replace(modern("lenet-afif", data), freeze="all-but-classifier", thaw_after=1)
        assert measure_step("lenet-afif", data.shape, 3, recipe, tiny.MACHINE, lambda: next(times)) == 1
        assert done == [each for step in (1, 2, 3, 4) for each in ("apply_operations", "mix_batch", step)]

    def test_of_this_machine_are_measured_once(self, tmp_path, monkeypatch):
        """So that two commands give the same estimate."""
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
        remaining.add_epoch(self.RUNS[0], epoch(1, 2.0))
        assert remaining.seconds() == pytest.approx(2 * 2 + 3 * 2 + 3 * 2)  # nin not yet seen
        remaining.add_epoch(self.RUNS[2], epoch(1, 10.0))
        assert remaining.seconds() == pytest.approx(2 * 2 + 3 * 2 + 2 * 10)
        assert remaining.fraction == pytest.approx(2 / 9)

    def test_time_is_shared_by_workers_but_no_run_is(self):
        remaining = self.remaining(workers=2)
        remaining.add_epoch(self.RUNS[0], epoch(1, 2.0))
        remaining.add_epoch(self.RUNS[2], epoch(1, 10.0))
        assert remaining.seconds() == pytest.approx(20.0)  # the longest run
        assert Remaining(remaining.runs, 1, remaining.epoch_seconds, {}).seconds() == pytest.approx(3 * (2 + 2 + 10))

    def test_time_ends_with_the_runs(self):
        remaining = self.remaining()
        remaining.add_epoch(self.RUNS[0], epoch(1, 2.0))
        for run in self.RUNS:
            remaining.end_run(run)
        assert remaining.seconds() == 0.0
        assert remaining.fraction == 1.0

    def test_steps_of_the_first_epoch_tell_the_time_before_it_ends(self):
        remaining = self.remaining()
        remaining.add_step(self.RUNS[0], Step(1, 0, 10), now=100.0)
        assert remaining.seconds() is None
        remaining.add_step(self.RUNS[0], Step(1, 5, 10), now=101.0)
        assert remaining.seconds() == pytest.approx(2 * (2.5 + 3 + 3))
        assert remaining.fraction == pytest.approx(0.5 / 9)
        remaining.add_epoch(self.RUNS[0], epoch(1, 4.0), now=102.0)
        assert remaining.seconds() == pytest.approx(4 * (2 + 3 + 3))

    def test_seeds_of_a_probe_take_what_the_quickest_took(self):
        """Its training time counts the features, which the first one computed for all."""
        runs = [tiny.run(seed=seed, epochs=1, probe=Probe()) for seed in range(4)]
        remaining = Remaining({run.id: run for run in runs}, 1)
        for run, begin, end in ((runs[0], 0.0, 60.0), (runs[1], 60.0, 62.0)):
            remaining.add_step(run, Step(1, 0, 10), now=begin)
            remaining.add_epoch(run, epoch(1, 60.0), now=end)
        assert remaining.seconds() == pytest.approx(2 * 2.0)

    @pytest.mark.parametrize(("weights", "seconds"), [("", 5 + 10 + 10), ("0" * 64, 5)])
    def test_seeds_that_wait_for_the_features_of_another_take_little(self, weights, seconds):
        runs = [msgspec.structs.replace(tiny.run(epochs=1, probe=Probe()), seed=s, weights=weights) for s in range(3)]
        remaining = Remaining({run.id: run for run in runs}, 1)
        remaining.add_step(runs[0], Step(1, 0, 10), now=0.0)
        remaining.add_step(runs[0], Step(1, 5, 10), now=5.0)
        assert remaining.seconds() == pytest.approx(seconds)

    def test_nothing_takes_no_time(self):
        assert Remaining({}, 1).fraction == 0.0


def test_a_study_takes_as_long_as_its_longest_run_and_its_share_of_all():
    assert makespan([170.0, 6.0], 2) == 170.0
    assert makespan([3.0, 3.0, 3.0], 2) == 4.5
    assert makespan([], 2) == 0.0
