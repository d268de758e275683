"""Trainings of contests and tuning, which have validation accuracies only, do not hide the results of a store."""

import pytest

import tiny
from bakeoff.analysis.ranking import rank
from bakeoff.analysis.untested import count_untested, leave_out_untested
from bakeoff.spec.records import Epoch, Result
from bakeoff.spec.run import Run


def trained(run: Run, epochs: int) -> tuple[Epoch, ...]:
    return tuple(Epoch(k, 1.0, 0.5, 1.0, 0.5, 0.1, 2.0, 0.5, 22.0, 10**8) for k in range(1, epochs + 1))


def result(net: str, seed: int, state: str = "waiting", share: float = 1.0) -> Result:
    run = tiny.run(net=net, seed=seed)
    measures = {"test_accuracy": 0.9, "test_images": 50} if state == "done" else {}
    return Result(f"{net}{seed}", run, state, trained(run, int(share * run.recipe.epochs)), measures)


def test_they_have_no_rows_and_are_not_planned():
    results = [result("conv", 0, "done"), result("conv", 1), result("linear", 0), result("linear", 1)]
    rows, left_out = leave_out_untested(rank(results), results)
    assert [(row.net, row.seeds, row.planned) for row in rows] == [("conv", 1, 1)]
    assert left_out == count_untested(results) == 3


@pytest.mark.parametrize("state", ["waiting", "running", "failed"])
def test_runs_that_wait_or_failed_keep_their_rows(state):
    results = [result("conv", 0, state, share=0.0 if state == "waiting" else 1.0)]
    assert leave_out_untested(rank(results), results) == (rank(results), 0)
