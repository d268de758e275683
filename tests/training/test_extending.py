"""Runs of more epochs go on from finished ones of fewer, to the same bits."""

import pytest
from safetensors.numpy import load_file

import tiny
from bakeoff.data import DATASETS
from bakeoff.execution.execute import execute
from bakeoff.execution.extend import can_be_extended
from bakeoff.execution.plan import plan
from bakeoff.execution.worker import Placement
from bakeoff.spec.paths import checkpoint_path, trunk_path
from bakeoff.spec.records import Result, is_cost
from bakeoff.store.store import Store
from bakeoff.studies.recipes import RECIPES
from bakeoff.studies.study import Study

ONE = Placement(1, 1)
CONSTANT = {"schedule": "constant", "image.scale": 4, **tiny.DIGITS}
SCHEDULES = {
    "constant": {},
    "steps": {"schedule": "steps", "schedule.epochs": [1, 3], "schedule.factor": 0.5},
    "plateau": {
        "schedule": "plateau",
        "schedule.monitor": "train_loss",
        "schedule.factor": 0.5,
        "schedule.patience": 1,
        "schedule.threshold": 10.0,
    },
    "cooldown": {"schedule": "cooldown", "schedule.share": 0.4, "schedule.warmup_epochs": 0.5},
    "best": {"select": "best-validation-loss"},
    "stopped": {"stop.monitor": "train_loss", "stop.patience": 1, "stop.threshold": 10.0},
}


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "a.db", create=True) as opened:
        yield opened


def train(store: Store, epochs: int, restart: bool = False, **changes) -> tuple[Result, list[str]]:
    """Train LeNet on a few digits and return the result and what happened."""
    wanted = Study(
        name="a", nets=("lenet-afif",), data=("digits",), seeds=1, set=CONSTANT | changes | {"epochs": epochs}
    )
    made = plan(wanted)
    events = [event.kind for event in execute(made, store, ONE, restart=restart) if event.kind != "step"]
    return store.results([made.runs[0].id])[0], events


def outcome(store: Store, result: Result) -> tuple:
    """Everything that must not differ."""
    history = [
        {name: getattr(epoch, name) for name in epoch.__struct_fields__ if not is_cost(name)} for epoch in result.epochs
    ]
    return history, store.predictions(result.id)[1].tobytes(), tiny.without_times(result.measures)


@pytest.mark.parametrize("name", SCHEDULES)
def test_end_with_the_same_bits_as_if_they_had_never_stopped(name, store, tmp_path):
    train(store, 2, **SCHEDULES[name])
    extended, events = train(store, 5, **SCHEDULES[name])
    assert events[0] == "extended"
    with Store(tmp_path / "b.db", create=True) as other:
        whole, events = train(other, 5, **SCHEDULES[name])
        assert "extended" not in events
        assert outcome(store, extended) == outcome(other, whole)
    first, second = (load_file(path) for path in sorted(tmp_path.glob(f"*/{whole.id}.safetensors")))
    assert first.keys() == second.keys()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_train_only_the_epochs_that_are_missing(store):
    first, _ = train(store, 2)
    longer, _ = train(store, 4)
    assert longer.epochs[:2] == first.epochs  # seconds included: they were not trained again


def test_leave_the_shorter_result_as_it_was(store):
    short, _ = train(store, 2)
    before = outcome(store, short)
    train(store, 4)
    kept = store.results([short.id])[0]
    assert kept.state == "done"
    assert outcome(store, kept) == before
    assert checkpoint_path(store.files, short.id).exists()


def test_continue_from_the_longest_there_is(store):
    train(store, 1)
    three, _ = train(store, 3)
    longest, _ = train(store, 4)
    assert longest.epochs[:3] == three.epochs


def test_may_follow_one_another(store):
    for epochs in (1, 2, 3):
        result, _ = train(store, epochs)
        assert len(result.epochs) == epochs


def test_resume_before_the_fall_of_the_rate(store):
    shorter, _ = train(store, 3, schedule="cooldown")
    longer, events = train(store, 5, schedule="cooldown")
    assert longer.epochs[:2] == shorter.epochs[:2]
    assert events.count("epoch") == 5 and shorter.epochs[2] != longer.epochs[2]


class TestRunsStartAnew:
    def test_where_the_checkpoint_from_before_the_fall_is_gone(self, store):
        short, _ = train(store, 3, schedule="cooldown")
        trunk_path(store.files, short.id).unlink()
        assert "extended" not in train(store, 5, schedule="cooldown")[1]

    def test_where_the_schedule_looks_at_the_number_of_epochs(self, store):
        train(store, 1, schedule="one-cycle")
        _, events = train(store, 2, schedule="one-cycle")
        assert "extended" not in events

    def test_from_longer_ones(self, store):
        train(store, 3)
        result, events = train(store, 2)
        assert "extended" not in events
        assert len(result.epochs) == 2

    def test_where_anything_else_differs(self, store):
        train(store, 1)
        for changes in ({"batch_size": 32}, {"optimizer.lr": 0.5}):
            assert "extended" not in train(store, 2, **changes)[1]

    def test_when_they_are_told_to(self, store):
        train(store, 1)
        assert "extended" not in train(store, 2, restart=True)[1]

    def test_where_the_checkpoint_is_gone_or_damaged(self, store):
        short, _ = train(store, 1)
        path = checkpoint_path(store.files, short.id)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        result, events = train(store, 2)
        assert events.count("epoch") == 2
        path.unlink()
        again, events = train(store, 3)  # the run of two epochs has one
        assert events[0] == "extended"
        assert again.epochs[:2] == result.epochs
        checkpoint_path(store.files, result.id).unlink()
        checkpoint_path(store.files, again.id).unlink()
        assert "extended" not in train(store, 4)[1]


def test_continue_from_their_own_checkpoint_rather_than_anothers(store):
    """An interrupted long run has more than the finished short one."""
    train(store, 1)
    long = plan(Study(name="a", nets=("lenet-afif",), data=("digits",), seeds=1, set=CONSTANT | {"epochs": 4}))
    events = execute(long, store, ONE)
    seen = []
    for event in events:
        seen.append(event.kind)
        if seen.count("epoch") == 3:
            break
    events.close()
    _, events = train(store, 4)
    assert "extended" in seen
    assert "extended" not in events


@pytest.mark.parametrize("name", ["afif2018", "clark2020", "srivastava2020", "skoularikis2021"])
def test_recipes_of_the_studies_can_be_extended(name):
    assert can_be_extended(RECIPES[name]("vgg16-improved", DATASETS["mnist"].info()))


def test_continue_from_before_the_fall_of_the_rate_though_the_short_run_was_resumed_after_it(store, tmp_path):
    wanted = Study(
        name="a",
        nets=("lenet-afif",),
        data=("digits",),
        seeds=1,
        set=CONSTANT | SCHEDULES["cooldown"] | {"epochs": 5},
    )
    events = execute(plan(wanted), store, ONE)
    for event in events:
        if event.kind == "epoch" and event.content.epoch == 4:  # the rate falls after three
            break
    events.close()
    assert "resumed" in train(store, 5, **SCHEDULES["cooldown"])[1]
    extended, events = train(store, 8, **SCHEDULES["cooldown"])
    assert events[0] == "extended"
    with Store(tmp_path / "b.db", create=True) as other:
        assert outcome(store, extended) == outcome(other, train(other, 8, **SCHEDULES["cooldown"])[0])
