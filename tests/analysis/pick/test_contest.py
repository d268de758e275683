import math
from dataclasses import replace

import numpy as np
import pytest

from bakeoff.analysis.pick.contest import (
    Candidate,
    ContestState,
    StepResult,
    TrainingStep,
    drop_hopeless,
    estimate_beliefs,
    next_step,
)
from bakeoff.analysis.pick.replay import replay
from simulated import simulated_contest

SLOW = Candidate("slow", 16, 4.0, cooldown=0.25)
FAST = Candidate("fast", 16, 1.0, cooldown=0.25)
ONCE = Candidate("once", 1, 5.0)


def trained(candidate: int, epochs: int, error: float, seed: int = 0, images: int = 1000) -> StepResult:
    return StepResult(TrainingStep(candidate, epochs, seed), error, images)


def state(*trainings: StepResult, candidates=(SLOW, FAST, ONCE), **more) -> ContestState:
    return ContestState(candidates, trainings, **more)


class TestCandidates:
    def test_are_trained_for_longer_and_longer(self):
        assert SLOW.rungs == (2, 4, 8, 16)
        assert ONCE.rungs == (1,)
        assert Candidate("five", 5, 1.0).rungs == (1, 2, 3, 5)

    def test_pay_no_epoch_twice_but_those_of_the_cooldown(self):
        known = state(trained(0, 4, 0.3), trained(0, 8, 0.2))
        assert known.seconds(TrainingStep(0, 16, 0)) == 1.0 + (16 - 6) * 4.0
        assert known.seconds(TrainingStep(0, 16, 1)) == 1.0 + 16 * 4.0

    def test_share_what_seeds_have_in_common(self):
        probe = Candidate("probe", 1, 50.0, again=0.1)
        assert state(candidates=(probe,)).seconds(TrainingStep(0, 1, 0)) == 51.0
        known = state(trained(0, 1, 0.2), candidates=(probe,))
        assert known.seconds(TrainingStep(0, 1, 1)) == pytest.approx(6.0)

    def test_estimates_are_corrected_by_what_was_measured(self):
        known = state(measured_seconds={1: 2.0})
        assert [known.epoch_seconds(number) for number in range(3)] == [8.0, 2.0, 10.0]


class TestNextStep:
    def test_tries_the_cheapest_first(self):
        assert next_step(state(), 100.0) == TrainingStep(1, 2, 0)

    def test_tries_all_before_it_goes_deep(self):
        known = state(trained(1, 2, 0.3), trained(2, 1, 0.25))
        assert next_step(known, 1000.0) == TrainingStep(0, 2, 0)

    def test_does_not_start_what_cannot_end_in_time(self):
        assert next_step(state(), 2.9) is None
        assert next_step(state(trained(1, 2, 0.3), trained(2, 1, 0.9)), 8.0) == TrainingStep(1, 4, 0)

    def test_trains_one_length_of_a_candidate_at_a_time(self):
        assert next_step(state(running=(TrainingStep(1, 2, 0),)), 100.0) == TrainingStep(2, 1, 0)

    def test_gives_more_seeds_to_those_that_may_win(self):
        known = state(*(trained(n, e, 0.2) for n in (0, 1) for e in (2, 4, 8, 16)), dropped={2: "why"})
        assert next_step(known, 1000.0) in {TrainingStep(0, 16, 1), TrainingStep(1, 16, 1)}

    def test_trains_the_only_one_left_to_the_end(self):
        known = state(trained(1, 2, 0.3), dropped={0: "why", 2: "why"})
        assert next_step(known, 1000.0) == TrainingStep(1, 4, 0)

    def test_keeps_the_time_that_the_leader_needs(self):
        slow = replace(SLOW, epoch_seconds=3.0)
        known = state(trained(1, 8, 0.05), trained(0, 2, 0.12), trained(2, 1, 0.5), candidates=(slow, FAST, ONCE))
        for_leader = known.seconds(TrainingStep(1, 16, 0))
        assert known.seconds(TrainingStep(0, 4, 0)) <= for_leader + 1.0
        assert next_step(known, for_leader + 0.5) == TrainingStep(1, 16, 0)

    def test_ends_when_all_is_known(self):
        everything = [trained(n, c.full_epochs, 0.1, s) for n, c in enumerate((SLOW, FAST, ONCE)) for s in range(3)]
        assert next_step(state(*everything), math.inf) is None


class TestJudging:
    def test_says_nothing_before_anything_was_trained(self):
        beliefs = estimate_beliefs(state())
        assert beliefs.leader is None and not beliefs.best.any()

    def test_probabilities_are_of_those_that_were_tried(self):
        beliefs = estimate_beliefs(state(trained(0, 16, 0.10), trained(1, 16, 0.11)))
        assert beliefs.best.sum() == pytest.approx(1.0) and beliefs.best[2] == 0
        assert beliefs.leader == 0 and beliefs.best[0] > 0.5

    def test_drops_what_cannot_win_any_more(self):
        known = state(trained(0, 8, 0.02), trained(1, 8, 0.4), trained(2, 1, 0.021))
        left = drop_hopeless(known)
        assert set(left.dropped) == {1} and "%" in left.dropped[1]
        assert left.in_contest == [0, 2]

    def test_keeps_what_is_within_the_margin(self):
        known = state(trained(0, 16, 0.10, images=10**6), trained(1, 16, 0.13, images=10**6), trained(2, 1, 0.9))
        assert not {0, 1} & set(drop_hopeless(replace(known, margin=0.05)).dropped)


def contests(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hold made-up contests of ten networks for a quarter of what training all with three seeds costs.

    Returns by how much the picks are worse than the best, what was stated, and whether they are the best.
    """
    random, behind, stated, right = np.random.default_rng(1), [], [], []
    for _ in range(count):
        candidates, full, result_of = simulated_contest(random)
        budget = 0.25 * sum(3 * (1 + 16 * one.epoch_seconds) for one in candidates) / 2
        ended = replay(ContestState(candidates), result_of, budget, workers=2)
        beliefs = estimate_beliefs(ended.state)
        assert ended.seconds <= budget and ended.worker_seconds <= 2 * budget
        behind.append(full[beliefs.leader] - full.min())
        stated.append(beliefs.best[beliefs.leader])
        right.append(beliefs.leader == int(full.argmin()))
    return np.array(behind), np.array(stated), np.array(right)


def test_picks_a_network_as_good_as_the_best_for_a_fraction_of_the_cost():
    behind, stated, right = contests(60)
    assert np.mean(behind <= 0.01) >= 0.9
    assert right.mean() >= stated.mean() - 0.15


@pytest.mark.accuracy
def test_stated_probabilities_are_right_as_often_as_they_say(capsys):
    behind, stated, right = contests(1000)
    close = np.mean(behind <= 0.005)
    with capsys.disabled():
        print(f"\n  within half a point of the best: {close:.1%}, behind {100 * behind.mean():.2f} points")
        for low in (0.5, 0.6, 0.7, 0.8, 0.9):
            among = (stated >= low) & (stated < low + 0.1 + (low == 0.9))
            print(f"  stated {stated[among].mean():.1%}, right {right[among].mean():.1%} of {among.sum()}")
    assert close >= 0.9
    for low, high in ((0.6, 0.8), (0.8, 0.9), (0.9, 1.01)):
        among = (stated >= low) & (stated < high)
        error = np.sqrt(right[among].mean() * (1 - right[among].mean()) / among.sum())
        assert abs(right[among].mean() - stated[among].mean()) < 0.05 + 2 * error
