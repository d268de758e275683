from pathlib import Path

import numpy as np
import pytest

import tiny
from bakeoff.analysis.race import Race, make_race, plan_race, race_results, rounds
from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import Plan, make_record
from bakeoff.spec.records import Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional

STUDY = Study(name="tiny", nets=("a", "b", "c"), data=("tiny",), seeds=3)
DATA = tiny.dataset(test=200)


def plan_of(nets: tuple[str, ...], seeds: int) -> Plan:
    runs = tuple(tiny.run(net, seed) for seed in range(seeds) for net in nets)
    return Plan(STUDY, runs, {"tiny": DATA})


def carry_out(store: Path, runs: tuple[Run, ...], chances: dict[str, float], failing: tuple[Run, ...] = ()) -> None:
    """Make results as if networks had been trained that get this share of the images right."""
    labels = DATA.test.labels
    with tiny.ClaimingStore(store, create=True) as opened:
        opened.add(runs, [make_record(DATA)])
        for run in runs:
            if run in failing:
                opened.fail(run.id, Failure("error", "made up"), {})
            elif opened.states([run.id])[run.id] == "waiting":
                random = np.random.default_rng([run.seed, ord(run.net)])
                predicted = np.where(random.random(200) < chances[run.net], labels, (labels + 1) % 3).astype(np.uint16)
                probabilities = np.eye(3, dtype=np.float16)[predicted]
                accuracy = float((predicted == labels).mean())
                opened.finish(run.id, Outcome(3, predicted, probabilities, {"test_accuracy": accuracy}), {})


def play(store: Path, chances: dict[str, float], race: Race, plan: Plan, workers: int = 2, **how) -> list[list[Run]]:
    """Carry out all rounds and return the runs of each."""
    played = []
    for part in rounds(race, plan, store, workers, **how):
        carry_out(store, part.plan.runs, chances)
        played.append(list(part.plan.runs))
    return played


CLEAR, CLOSE = {"a": 0.95, "b": 0.6, "c": 0.6}, {"a": 0.8, "b": 0.8, "c": 0.6}


@pytest.fixture
def race() -> Race:
    return make_race(STUDY, ("a", "b"), 12)


@pytest.fixture
def plan(race) -> Plan:
    own = plan_of(STUDY.nets, 3).runs
    extra = tuple(run for run in plan_of(("a", "b"), 12).runs if run.seed > 2)
    return Plan(STUDY, own + extra, {"tiny": DATA})


def test_a_clear_case_ends_soon(tmp_path, race, plan):
    played = play(tmp_path / "a.db", CLEAR, race, plan)
    assert {run.net for run in played[0]} == {"a", "b", "c"} and len(played[0]) == 9
    assert all({(run.net, run.seed) for run in batch} == {("a", n), ("b", n)} for n, batch in enumerate(played[1:], 3))
    (settled,) = race_results(race, plan, tmp_path / "a.db")
    assert settled.verdict == "first" and settled.seeds == 2 + len(played) < 8
    assert settled.sentence.startswith(f"tiny: settled after {settled.seeds} seeds: a is better than b by ")
    assert settled.low is not None and 0 < settled.low < settled.difference < settled.high


def test_the_second_may_be_the_better_one(tmp_path, plan):
    race = make_race(STUDY, ("b", "a"), 12)
    play(tmp_path / "a.db", CLEAR, race, plan)
    (settled,) = race_results(race, plan, tmp_path / "a.db")
    assert settled.verdict == "second" and settled.difference < 0
    assert "a is better than b by" in settled.sentence


def test_equal_networks_continue_to_the_limit_or_are_alike(tmp_path, race, plan):
    played = play(tmp_path / "a.db", CLOSE, race, plan)
    (settled,) = race_results(race, plan, tmp_path / "a.db")
    assert settled.verdict == "alike" or (settled.verdict == "open" and len(played) == 10)


def test_identical_networks_are_alike(tmp_path, race, plan):
    same = Plan(STUDY, plan.runs, plan.data)
    for part in rounds(race, same, tmp_path / "a.db", 2):
        carry_out(tmp_path / "a.db", part.plan.runs, dict.fromkeys("abc", 1.0))
    (settled,) = race_results(race, plan, tmp_path / "a.db")
    assert (settled.verdict, settled.seeds) == ("alike", 5), "among three networks; two alone would take four seeds"
    assert "200 test images cannot show less than" in settled.sentence


def test_batches_are_as_large_as_there_are_workers(tmp_path, race, plan):
    batch = play(tmp_path / "a.db", CLOSE, race, plan, workers=7)[1]
    assert sorted({run.seed for run in batch}) == [3, 4, 5, 6] and len(batch) == 8


def test_it_continues_from_the_store(tmp_path, race, plan):
    store = tmp_path / "a.db"
    wait = rounds(race, plan, store, 2)
    for _ in range(2):
        carry_out(store, next(wait).plan.runs, CLEAR)
    again = play(store, CLEAR, race, plan)
    whole = play(tmp_path / "b.db", CLEAR, race, plan)
    assert again[1:] == whole[2:]
    assert race_results(race, plan, store) == race_results(race, plan, tmp_path / "b.db")
    assert len(play(store, CLEAR, race, plan)) == 1


def test_all_seeds_of_the_store_count(tmp_path, race, plan):
    store = tmp_path / "a.db"
    carry_out(store, plan.runs, CLEAR)
    assert len(play(store, CLEAR, race, plan)) == 1
    assert race_results(race, plan, store)[0].seeds == 12
    assert len(play(store, CLEAR, race, plan, restart=True)) == 3


def test_seeds_that_failed_are_passed_over_until_a_retry(tmp_path, race, plan):
    store = tmp_path / "a.db"
    lost = next(run for run in plan.runs if (run.net, run.seed) == ("a", 4))
    carry_out(store, (lost,), CLOSE, (lost,))
    assert 4 not in {run.seed for batch in play(store, CLOSE, race, plan) for run in batch}
    assert race_results(race, plan, store)[0].seeds == 11 or race_results(race, plan, store)[0].verdict == "alike"
    assert [run.seed for run in play(store, CLOSE, race, plan, retry_failed=True)[-1]] == [4, 4]


def test_nothing_finished_is_open_and_ends(tmp_path, race, plan):
    store, lost = tmp_path / "a.db", tuple(run for run in plan.runs if run.net == "b")
    for part in rounds(race, plan, store, 2):
        carry_out(store, part.plan.runs, CLOSE, lost)
    (settled,) = race_results(race, plan, store)
    assert (settled.verdict, settled.difference, settled.seeds) == ("open", None, 0)
    assert settled.sentence == "tiny: open: no seed of both networks has finished"


def test_the_plan_has_extra_seeds_for_the_two_alone():
    study = Study(name="t", nets=("lenet-afif", "nin", "lenet5"), data=("digits",), seeds=2, set={"image.scale": 4})
    runs = plan_race(make_race(study, ("lenet-afif", "nin"), 4)).runs
    assert [run.net for run in runs if run.seed >= 2] == ["lenet-afif", "nin"] * 2
    assert len(runs) == 3 * 2 + 2 * 2


def test_two_that_never_meet_cannot_be_settled():
    longer = Exceptional(nets=("nin",), set={"epochs": 3})
    study = Study(name="t", nets=("lenet-afif", "nin"), data=("digits",), set={"image.scale": 4}, cells=(longer,))
    with pytest.raises(BakeoffError, match="nothing to settle"):
        plan_race(make_race(study, ("lenet-afif", "nin")))


@pytest.mark.parametrize("nets", [(), ("a",), ("a", "a"), ("a", "b", "c")])
def test_it_takes_two(nets):
    with pytest.raises(BakeoffError, match="two networks"):
        make_race(STUDY, nets)
