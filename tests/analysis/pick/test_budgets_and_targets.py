from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.analysis.pick.advice import give_advice, larger_budget
from bakeoff.analysis.pick.contest import Candidate, StepResult, TrainingStep
from bakeoff.analysis.pick.driver import FINISH_SECONDS, GRACE_SECONDS, Contest
from bakeoff.analysis.pick.words import describe_pick
from bakeoff.execution.worker import Placement
from contests import CONV, make_contest

CHEAP, DEAR = Candidate("cheap", 8, 1.0, start_seconds=3.0), Candidate("dear", 8, 60.0, start_seconds=3.0)


def contest(budget: float, *candidates: Candidate) -> Contest:
    """A contest at its very beginning, in which no time passes."""
    return Contest(lineup_of(*candidates), *others(), budget, clock=lambda: 100.0)


def lineup_of(*candidates: Candidate) -> Any:
    """A lineup without images."""
    entries = tuple(SimpleNamespace(candidate=one, run=SimpleNamespace(data_hash="")) for one in candidates)
    plan = SimpleNamespace(info=lambda _: SimpleNamespace(test_images=100))
    return SimpleNamespace(entries=entries, plan=plan, steps={}, guessing=0.9)


def others() -> tuple[Any, Placement]:
    """An empty store, and one worker."""
    return SimpleNamespace(results=lambda _: []), Placement(workers=1, threads=1)


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


def test_a_contest_that_was_stopped_needs_no_larger_budget():
    stopped = contest(40.0, CHEAP, DEAR)
    stopped.is_interrupted = True
    (advice,) = give_advice(stopped, ())
    assert "stopped" in advice and "repeat the command" in advice and "--budget" not in advice


def test_a_budget_is_not_blamed_for_failures():
    broken = contest(40.0, CHEAP)
    broken.state = broken.state.without(0, "failed: out of memory")
    (advice,) = give_advice(broken, ())
    assert "failed" in advice and "budget" not in advice


@pytest.mark.parametrize(
    ("budget", "how"), [(60.0, "repeat the command to continue"), (5.0, "give --budget 1m to continue")]
)
def test_repeating_the_command_is_advised_only_if_it_goes_on(budget, how):
    now = contest(budget, CHEAP)
    now.state = now.state.learned(StepResult(TrainingStep(0, 1, 0), 0.3, 100))
    winner = replace(CONV, name="cheap", epochs=1)
    assert give_advice(now, (winner,)) == [f"cheap was trained for 1 of 8 epochs: {how}."]
    untried = replace(CONV, name="dear", state="untried", epochs=0)
    assert how.replace("continue", "try it") in give_advice(now, (winner, untried))[1]


def test_what_was_done_before_the_contest_takes_its_time_again():
    late = Contest(lineup_of(CHEAP), *others(), 60.0, 10.0, clock=lambda: 100.0, started=80.0)
    assert late.seconds_when_repeated == 60.0 - 20.0 - FINISH_SECONDS
    assert late.whole_budget == 70.0


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ((), "was the only one tried"),
        (("untried", "untried"), "was the only one tried (2 were not tried)"),
        (("untried", "failed"), "was the only one tried (1 was not tried, 1 failed)"),
    ],
)
def test_counts_those_without_a_result(states, text):
    rest = tuple(replace(CONV, state=state, epochs=0) for state in states)
    pick = make_contest(Path("a.db"), ()).pick
    assert describe_pick(replace(pick, standings=(CONV, *rest)))[0] == f"conv {text}"


@pytest.mark.parametrize(("seconds", "text"), [(30, "1m"), (60, "1m"), (61, "2m"), (5400, "90m")])
def test_a_larger_budget_is_never_less_than_asked_for(seconds, text):
    assert larger_budget(seconds) == text
