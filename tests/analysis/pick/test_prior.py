import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.analysis.pick import prior
from bakeoff.analysis.pick.contest import Candidate, ContestState, StepResult, TrainingStep, estimate_beliefs, next_step
from bakeoff.analysis.pick.prior import EarlierResults, built_in_results, expect, order_of, read_results, similarity
from bakeoff.analysis.pick.replay import replay
from bakeoff.data.properties import Properties
from bakeoff.store.store import Store
from simulated import simulated_contest

DIGITS = {"side": 8.0, "channels": 1.0, "classes": 10.0, "train_images": 1400.0, "neighbour_error": 0.04}
PHOTOS = {"side": 224.0, "channels": 3.0, "classes": 6.0, "train_images": 2000.0, "neighbour_error": 0.5}


class TestSimilarity:
    def test_is_one_for_equal_data_sets_and_falls_with_the_distance(self):
        near = DIGITS | {"side": 28.0, "train_images": 60_000.0}
        assert similarity(DIGITS, DIGITS) == 1.0
        assert 1.0 > similarity(DIGITS, near) > similarity(DIGITS, PHOTOS) > 0.0

    def test_leaves_out_what_is_unknown(self):
        assert similarity(DIGITS | {"intrinsic_dimension": None}, DIGITS | {"intrinsic_dimension": 5.0}) == 1.0
        assert similarity({}, DIGITS) == 0.0

    @given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=2))
    def test_is_symmetric(self, sides):
        one, other = ({"side": side, "channels": 1.0} for side in sides)
        assert similarity(one, other) == similarity(other, one)


class TestExpecting:
    def test_sets_errors_on_different_data_sets_side_by_side(self):
        """b was only compared with a, on harder images: its larger error does not make it worse than c."""
        easy = EarlierResults("easy", "", DIGITS, {"a quick": 0.02, "c quick": 0.04})
        hard = EarlierResults("hard", "", DIGITS, {"a quick": 0.20, "b quick": 0.30})
        expected = expect([easy, hard], DIGITS)
        assert expected["a quick"] < expected["b quick"] < expected["c quick"]

    def test_believes_similar_data_sets_more(self):
        one = EarlierResults("digits", "", DIGITS, {"a quick": 0.02, "b quick": 0.04})
        other = EarlierResults("photos", "", PHOTOS, {"a quick": 0.4, "b quick": 0.2})
        for own, better in ((DIGITS, "a quick"), (PHOTOS, "b quick")):
            expected = expect([one, other], own)
            assert min(expected, key=lambda name: expected[name]) == better

    def test_expects_nothing_without_results(self):
        assert expect([], DIGITS) == {}

    def test_takes_perfect_results(self):
        assert math.isfinite(expect([EarlierResults("a", "", DIGITS, {"a quick": 0.0, "b quick": 0.5})], {})["a quick"])


def test_built_in_results_say_where_they_are_from():
    results = built_in_results()
    assert len(results) >= 5
    for each in results:
        assert ".md" in each.source and len(each.errors) > 1
        assert each.properties.keys() <= set(Properties.__struct_fields__)
        assert all(0 < error < 1 for error in each.errors.values())


def test_a_store_is_read_by_validation_images_without_the_own_runs(store):
    with Store(store) as opened:
        results = [result for result in opened.results() if result.state == "done"]
        found = read_results(opened)
        assert read_results(opened, without={result.id for result in opened.results()}) == []
    errors = {name: error for each in found for name, error in each.errors.items()}
    for result in results:
        last = [
            1 - other.epochs[-1].validation_accuracy
            for other in results
            if (other.run.net, other.run.data_hash) == (result.run.net, result.run.data_hash)
        ]
        assert min(last) <= errors[f"{result.run.net} quick"] <= max(last)


class TestOrder:
    def test_tries_first_what_was_better_before(self):
        candidates = tuple(Candidate(name, 16, 1.0) for name in "abc")
        expecting = tuple(replace(one, expected=value) for one, value in zip(candidates, (0.5, -0.5, 0.0), strict=True))
        assert next_step(ContestState(candidates), math.inf).candidate == 0
        assert next_step(ContestState(expecting), math.inf).candidate == 1
        tried = (StepResult(TrainingStep(1, 2, 0), 0.2, 1000),)
        assert next_step(ContestState(expecting, tried, running=(TrainingStep(1, 4, 0),)), math.inf).candidate == 2

    def test_says_nothing_of_who_is_the_best(self):
        tried = (StepResult(TrainingStep(0, 16, 0), 0.2, 1000), StepResult(TrainingStep(1, 16, 0), 0.21, 1000))
        candidates = tuple(Candidate(name, 16, 1.0) for name in "abc")
        hoping = tuple(replace(one, expected=value) for one, value in zip(candidates, (3.0, -3.0, -3.0), strict=True))
        without, with_prior = (estimate_beliefs(ContestState(each, tried)) for each in (candidates, hoping))
        assert without.best.tolist() == with_prior.best.tolist()
        assert without.leader == with_prior.leader

    @pytest.mark.parametrize("seed", range(4))
    def test_a_wrong_one_changes_no_winner_given_the_time(self, seed):
        candidates, full, result_of = simulated_contest(np.random.default_rng(seed), 6)
        wrong = tuple(
            replace(one, expected=-3.0 * math.log(error)) for one, error in zip(candidates, full, strict=True)
        )
        ended = [replay(ContestState(each), result_of, math.inf) for each in (candidates, wrong)]
        assert all(len(each.state.tried) == 6 for each in ended)
        assert len({estimate_beliefs(each.state).leader for each in ended}) == 1


def test_names_each_data_set_once_with_its_greatest_similarity(monkeypatch):
    monkeypatch.setattr(prior, "properties", lambda _: DIGITS)
    monkeypatch.setattr(prior, "to_dict", lambda given, full: given)
    runs = [SimpleNamespace(net=net, data_hash="", recipe=SimpleNamespace(name="quick")) for net in ("conv", "linear")]
    entries = [SimpleNamespace(run=run) for run in runs]
    lineup: Any = SimpleNamespace(entries=entries, plan=SimpleNamespace(data={"": None}))
    errors = {"conv quick": 0.1, "linear quick": 0.2}
    both = [EarlierResults("photos", "a.db", of, errors) for of in (PHOTOS, DIGITS)]
    reason = order_of(lineup, [[*both, EarlierResults("others", "a.db", PHOTOS, errors)]]).reason
    assert reason.count("photos (") == 1 and "photos (1.00) and others (" in reason
