import pytest

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution import posthoc
from bakeoff.execution.execute import execute
from bakeoff.execution.plan import plan
from bakeoff.execution.posthoc import TIMED, evaluate_robustness, measure_robustness, measure_timing
from bakeoff.execution.worker import Placement
from bakeoff.spec.paths import weights_path
from bakeoff.spec.records import Failure, Measured
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.training.loop import fit

ONE = Placement(1, 1)
DATA = tiny.dataset()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A plan of two runs and a store in which they have finished."""
    made = plan(Study(name="tiny", nets=("lenet-afif",), data=("digits",), seeds=2, set=tiny.DIGITS))
    with Store(tmp_path_factory.mktemp("store") / "a.db", create=True) as store:
        list(execute(made, store, ONE))
        yield made, store


def test_finished_runs_are_measured_once_and_stay_what_they_are(finished):
    made, store = finished
    before = store.results()
    events = list(measure_robustness(made, store, ONE))
    assert [(event.kind, event.run) for event in events] == [("measured", run) for run in made.runs]
    for old, new, event in zip(before, store.results(), events, strict=True):
        assert isinstance(event.content, Measured)
        assert (new.id, new.epochs, new.finished, new.environment) == (
            old.id,
            old.epochs,
            old.finished,
            old.environment,
        )
        assert new.measures == old.measures | event.content.measures
        assert 0.05 < new.measures["accuracy_under_corruption"] <= 1
    assert not list(measure_robustness(made, store, ONE))
    assert [event.kind for event in execute(made, store, ONE)] == ["kept", "kept"]


def test_finished_runs_are_timed_one_at_a_time_and_once(finished):
    made, store = finished
    before = store.results()
    events = list(measure_timing(made, store, Placement(2, 1)))
    assert [(event.kind, event.run) for event in events] == [("measured", run) for run in made.runs]
    for old, new in zip(before, store.results(), strict=True):
        assert new.measures[TIMED] > 0
        assert new.measures["calibration_exclusive_convolution_flops_per_second"] > 0
        assert new.measures["latency_ms_median"] != old.measures["latency_ms_median"]
        assert tiny.without_times(new.measures) == tiny.without_times(old.measures)
        assert new.measures["train_seconds"] == old.measures["train_seconds"]
    assert not list(measure_timing(made, store, ONE))


def test_weights_that_are_gone_fail_nothing_else(finished, monkeypatch):
    made, store = finished
    monkeypatch.setattr(posthoc, "MARKER", "another measure")
    path = weights_path(store.files, made.runs[0].id)
    away = path.rename(path.with_suffix(".away"))
    events = {event.run.seed: event for event in measure_robustness(made, store, ONE)}
    away.rename(path)
    assert isinstance(events[0].content, Failure)
    assert events[0].content.message.endswith("--restart")
    assert events[1].kind == "measured"
    assert {result.state for result in store.results()} == {"done"}


class TestEvaluate:
    def test_meets_the_clean_accuracy_of_the_result(self, tmp_path):
        for run in (tiny.run("resnet20", normalize="pixel"), tiny.run(select="best-validation-accuracy")):
            *_, outcome = fit(run, DATA, tiny.MACHINE, tmp_path)
            measures = evaluate_robustness(run, DATA, tiny.MACHINE, tmp_path)
            clean = measures["accuracy_under_corruption"] / measures["robustness"]
            assert clean == pytest.approx(outcome.measures["test_accuracy"])
            assert measures == evaluate_robustness(run, DATA, tiny.MACHINE, tmp_path)

    @pytest.mark.parametrize("content", [b"", b"hello", bytes(100)])
    def test_of_damaged_weights_says_so(self, content, tmp_path):
        run = tiny.run()
        weights_path(tmp_path, run.id).write_bytes(content)
        with pytest.raises(BakeoffError, match="does not hold the weights of run"):
            evaluate_robustness(run, DATA, tiny.MACHINE, tmp_path)

    def test_of_another_networks_weights_says_so(self, tmp_path):
        list(fit(tiny.run("nin"), DATA, tiny.MACHINE, tmp_path))
        weights_path(tmp_path, tiny.run("nin").id).rename(weights_path(tmp_path, tiny.run().id))
        with pytest.raises(BakeoffError, match="does not hold the weights of run"):
            evaluate_robustness(tiny.run(), DATA, tiny.MACHINE, tmp_path)
