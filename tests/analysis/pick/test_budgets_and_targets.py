from types import SimpleNamespace

import pytest

from bakeoff.analysis.pick.advice import give_advice, larger_budget
from bakeoff.analysis.pick.contest import Candidate, StepResult, TrainingStep
from bakeoff.analysis.pick.driver import FINISH_SECONDS, GRACE_SECONDS, Contest
from bakeoff.execution.worker import Placement

CHEAP, DEAR = Candidate("cheap", 8, 1.0, start_seconds=3.0), Candidate("dear", 8, 60.0, start_seconds=3.0)


def contest(budget: float, *candidates: Candidate) -> Contest:
    """A contest at its very beginning, in which no time passes."""
    entries = tuple(SimpleNamespace(candidate=one, run=SimpleNamespace(data_hash="")) for one in candidates)
    plan = SimpleNamespace(info=lambda _: SimpleNamespace(test_images=100))
    lineup = SimpleNamespace(entries=entries, plan=plan, steps={}, guessing=0.9)
    placement = Placement(workers=1, threads=1)
    return Contest(lineup, SimpleNamespace(results=lambda _: []), placement, budget, clock=lambda: 100.0)  # type: ignore[arg-type]


def test_the_first_training_may_overrun_a_short_budget_and_no_other():
    short = contest(5.0, CHEAP, DEAR)
    assert short.seconds_left == 5.0 - FINISH_SECONDS + GRACE_SECONDS
    assert short.missing_seconds == 0.0
    short.state = short.state.learned(StepResult(TrainingStep(0, 1, 0), 0.3, 100))
    assert short.seconds_left == 5.0 - FINISH_SECONDS


def test_a_network_that_has_reached_the_target_wins():
    """Others may be expected to end better, but only this one has it already."""
    now = contest(500.0, DEAR, CHEAP)
    now.target = 0.9
    now.state = now.state.learned(StepResult(TrainingStep(0, 1, 0), 0.12, 100))
    assert now.leader() == 0
    now.state = now.state.learned(StepResult(TrainingStep(1, 8, 0), 0.1, 100))
    assert now.finalists()[0] == now.leader() == 1


def test_says_how_much_more_the_cheapest_needs():
    short = contest(5.0, DEAR)
    assert short.missing_seconds == pytest.approx(63.0 - 5.0 + FINISH_SECONDS - GRACE_SECONDS)
    (advice,) = give_advice(short, ())
    assert f"--budget {larger_budget(5.0 + short.missing_seconds)}" in advice


@pytest.mark.parametrize(("seconds", "text"), [(30, "1m"), (60, "1m"), (61, "2m"), (5400, "90m")])
def test_a_larger_budget_is_never_less_than_asked_for(seconds, text):
    assert larger_budget(seconds) == text
