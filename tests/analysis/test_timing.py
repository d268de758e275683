import pytest
from ranked import result

from bakeoff.analysis.cells import group_cells
from bakeoff.analysis.ranking import rank
from bakeoff.analysis.timing import Timing, calibrated_seconds, convolution_rate, judge_times
from bakeoff.reporting.tables import describe_times
from bakeoff.spec.records import Result

HERE = {"processor": "one", "device": "cpu", "threads": 1, "precision": "fp32"}
THERE = HERE | {"processor": "two"}


def timed(net: str, seconds: float = 10.0, gflops: float | None = 100.0, end: float | None = None, seed: int = 0,
          environment: dict = HERE, **measures: float) -> Result:  # fmt: skip
    """A run of so many seconds on a machine that computed convolutions at this rate, and at its end at another."""
    rates = {"before": gflops, "after": gflops if end is None else end}
    speeds = {f"calibration_{when}_convolution_flops_per_second": rate * 1e9 for when, rate in rates.items() if rate}
    found = result(net, seed=seed, accuracy=0.9, train_seconds=seconds, **speeds, **measures)
    return Result(**{name: getattr(found, name) for name in found.__dataclass_fields__} | {"environment": environment})


def judge(*results: Result) -> Timing:
    return judge_times(group_cells(results))


class TestSeconds:
    def test_are_fair_on_one_machine_of_one_speed(self):
        assert judge(timed("conv"), timed("nin", gflops=120.0)) == Timing()

    def test_are_not_fair_on_two_machines(self):
        timing = judge(timed("conv"), timed("nin", environment=THERE))
        assert "different machines" in timing.caution
        assert timing.is_calibrated

    def test_are_not_fair_on_a_machine_of_two_speeds(self):
        timing = judge(timed("conv"), timed("nin", gflops=130.0))
        assert "100 to 130 GFLOP/s" in timing.caution
        assert timing.is_calibrated

    def test_of_old_stores_are_judged_by_their_machines_alone(self):
        assert judge(timed("conv", gflops=None), timed("nin", gflops=None)) == Timing()
        timing = judge(timed("conv", gflops=None), timed("nin", environment=THERE))
        assert timing.caution and not timing.is_calibrated

    @pytest.mark.parametrize(
        "change",
        [
            {"environment": THERE | {"precision": "bf16"}},
            {"environment": THERE | {"device": "cuda"}},
            {"environment": THERE, "end": 30.0},
            {"environment": THERE, "waiting_seconds": 5.0, "other_processor_seconds": 5.0},
        ],
        ids=["precision", "device", "unsteady", "waited"],
    )
    def test_cannot_be_calibrated_where_more_than_the_machine_differs(self, change):
        timing = judge(timed("conv"), timed("nin", **change))
        assert timing.caution and not timing.is_calibrated


class TestCalibratedSeconds:
    def test_are_the_same_on_machines_of_different_speed(self):
        slow, fast = group_cells([timed("conv", 20.0, 50.0), timed("nin", 5.0, 200.0)])
        assert calibrated_seconds(slow) == calibrated_seconds(fast) == 10.0

    def test_need_all_seeds(self):
        (cell,) = group_cells([timed("conv"), timed("conv", gflops=None, seed=1)])
        assert calibrated_seconds(cell) is None
        assert convolution_rate(cell.finished[0]) == 100e9

    def test_are_in_the_ranking_only_where_seconds_are_not_fair(self):
        fair = rank([timed("conv"), timed("nin", 20.0)])
        assert [(row.time_caution, row.calibrated_seconds) for row in fair] == [(None, None)] * 2
        assert describe_times(fair) == ""
        unfair = rank([timed("conv", 10.0), timed("nin", 10.0, 300.0, environment=THERE)])
        assert {row.net: row.calibrated_seconds for row in unfair} == {"conv": 10.0, "nin": 30.0}
        assert "conv 10" in describe_times(unfair) and "nin 30" in describe_times(unfair)


class TestExclusiveSpeed:
    def test_is_in_the_ranking_if_all_networks_have_it(self):
        alone, shared = (
            timed("conv", images_per_second=5.0, exclusive_images_per_second=9.0),
            timed("nin", images_per_second=7.0),
        )
        assert {row.net: row.images_per_second for row in rank([alone, shared])} == {"conv": 5.0, "nin": 7.0}
        too = timed("nin", images_per_second=7.0, exclusive_images_per_second=8.0)
        assert {row.net: row.images_per_second for row in rank([alone, too])} == {"conv": 9.0, "nin": 8.0}
