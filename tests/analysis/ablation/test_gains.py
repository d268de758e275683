import pytest

import tiny
from bakeoff.analysis.ablation import compute_gains, plan_ablation
from bakeoff.execution.plan import plan
from bakeoff.spec.records import Result


@pytest.fixture(scope="module")
def dropout():
    """From conv to drop: one change."""
    return plan_ablation("drop", "conv", ["digits"], recipe="quick", changes={"image.scale": 4, **tiny.DIGITS}, seeds=5)


class TestGains:
    @pytest.fixture(autouse=True)
    def _of(self, dropout):
        self.ablation = dropout

    def results(self, with_it: dict[int, float], without_it: dict[int, float]) -> list[Result]:
        runs = {(run.net, run.seed): run for run in plan(self.ablation.study).runs}
        made = [("drop", seed, value) for seed, value in with_it.items()]
        made += [("conv", seed, value) for seed, value in without_it.items()]
        return [
            Result(runs[net, seed].id, runs[net, seed], "done", (), {"test_accuracy": value})
            for net, seed, value in made
        ]

    def test_are_paired_by_seed(self):
        """Each seed gains 1 point, though the seeds lie far apart."""
        found = compute_gains(self.ablation, self.results({0: 0.51, 1: 0.71, 2: 0.915}, {0: 0.5, 1: 0.7, 2: 0.9}))
        total = found[-1]
        assert (total.change, total.how, total.seeds) == ("all changes", "together", 3)
        assert total.gain == pytest.approx(0.035 / 3)
        assert total.low is not None and total.low > 0
        assert total.verdict == "gains"
        assert total.with_it == pytest.approx(2.135 / 3)
        assert total.without_it == pytest.approx(0.7)

    def test_use_the_seeds_that_both_have(self):
        total = compute_gains(self.ablation, self.results({0: 0.5, 3: 0.9}, {0: 0.6, 1: 0.1}))[-1]
        assert (total.seeds, total.gain, total.verdict) == (1, pytest.approx(-0.1), "one seed: cannot tell")
        assert total.low is None

    @pytest.mark.parametrize(
        ("with_it", "verdict"), [([0.6, 0.61], "gains"), ([0.4, 0.39], "loses"), ([0.4, 0.6], "cannot tell")]
    )
    def test_are_judged_by_their_interval(self, with_it, verdict):
        results = self.results(dict(enumerate(with_it)), {0: 0.5, 1: 0.5})
        if verdict != "cannot tell":
            results = self.results(dict(enumerate(with_it * 2)), dict.fromkeys(range(4), 0.5))
        assert compute_gains(self.ablation, results)[-1].verdict == verdict

    def test_end_where_gains_can_be(self):
        total = compute_gains(self.ablation, self.results({0: 0.9, 1: 0.2}, {0: 0.1, 1: 0.8}))[-1]
        assert (total.low, total.high) == (-1.0, 1.0)

    def test_without_runs_are_not_run(self):
        assert [gain.verdict for gain in compute_gains(self.ablation, [])] == ["not run"] * 3

    def test_of_a_single_change_are_the_same_every_way(self):
        found = compute_gains(self.ablation, self.results({0: 0.6, 1: 0.61}, {0: 0.5, 1: 0.5}))
        assert [gain.how for gain in found] == ["added alone", "taken out alone", "together"]
        assert len({gain.gain for gain in found}) == 1
