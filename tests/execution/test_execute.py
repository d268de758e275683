import multiprocessing
import time
from pathlib import Path

from planned import ONE, kinds, predictions, study

import tiny
from bakeoff.execution.execute import execute, execute_queue
from bakeoff.execution.extend import can_be_extended
from bakeoff.execution.plan import Plan, plan
from bakeoff.execution.worker import Placement
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.records import Epoch
from bakeoff.store.claims import working
from bakeoff.store.store import Store


class TestTheTestImages:
    def test_are_not_evaluated_before_they_may_be(self, store):
        planned = plan(study(seeds=1))
        held = Placement(1, 1, hold_test=True)
        assert kinds(list(execute(planned, store, held))) == {"started": 1, "epoch": 2, "trained": 1}
        assert kinds(list(execute(planned, store, held))) == {"resumed": 1, "started": 1, "epoch": 2, "trained": 1}
        (result,) = store.results()
        assert (result.state, len(result.epochs), result.measures) == ("waiting", 2, {})
        events = list(execute(planned, store, ONE))
        assert kinds(events) == {"resumed": 1, "started": 1, "epoch": 2, "done": 1}
        assert store.results()[0].epochs == result.epochs  # not trained again
        with Store(store.path.with_name("b.db"), create=True) as other:
            list(execute(planned, other, ONE))
            assert predictions(other) == predictions(store)


class TestQueue:
    def test_chooses_the_next_run_by_what_has_happened(self, store):
        planned = plan(study(nets=("lenet-afif", "nin"), seeds=2))
        events = []

        def queue():
            for number, run in enumerate(planned.runs):
                assert kinds(events)["done"] == number
                yield run
                while kinds(events)["done"] <= number:
                    yield None

        for event in execute_queue(queue(), planned, store, Placement(2, 1)):
            events.append(event)
        assert kinds(events) == {"started": 4, "epoch": 8, "done": 4}
        assert [result.state for result in store.results()] == ["done"] * 4

    def test_lengthens_runs_that_it_has_trained(self, store):
        short, long = (plan(study(seeds=1, set=tiny.DIGITS | {"schedule": "cooldown", "epochs": n})) for n in (3, 5))
        held = Placement(1, 1, hold_test=True)
        events = list(execute_queue([short.runs[0], long.runs[0]], short, store, held))
        assert kinds(events) == {"started": 2, "epoch": 8, "trained": 2, "extended": 1}


class TestExecution:
    def test_does_everything_once_and_then_nothing(self, store):
        planned = plan(study())
        events = list(execute(planned, store, ONE))
        assert kinds(events) == {"started": 2, "epoch": 4, "done": 2}
        assert [r.state for r in store.results()] == ["done", "done"]
        assert [[e.epoch for e in r.epochs] for r in store.results()] == [[1, 2], [1, 2]]
        assert all(r.measures["test_accuracy"] > 0.15 and r.environment["torch"] for r in store.results())
        before = predictions(store)
        assert kinds(list(execute(planned, store, ONE))) == {"kept": 2}
        assert predictions(store) == before

    def test_has_every_result_in_the_store_before_it_is_reported(self, store):
        with Store(store.path) as reader:
            for event in execute(plan(study(seeds=1)), store, ONE):
                (known,) = reader.results([event.run.id])
                if event.kind == "epoch":
                    assert known.epochs[-1] == event.content
                if event.kind == "done":
                    assert known.measures == event.content.measures

    def test_does_only_what_is_missing(self, store):
        list(execute(plan(study(seeds=1)), store, ONE))
        events = list(execute(plan(study(nets=("lenet-afif", "nin"), seeds=2)), store, Placement(2, 1)))
        assert kinds(events) == {"kept": 1, "started": 3, "epoch": 6, "done": 3}

    def test_continues_where_it_was_closed(self, store, tmp_path):
        planned = plan(study(seeds=1, set=tiny.DIGITS | {"epochs": 4}))
        with Store(tmp_path / "whole.db", create=True) as whole:
            list(execute(planned, whole, ONE))
            events = execute(planned, store, ONE)
            for event in events:
                if event.kind == "epoch" and event.content.epoch == 2:
                    break
            events.close()
            assert store.states([planned.runs[0].id]) == {planned.runs[0].id: "waiting"}
            rest = [event for event in execute(planned, store, ONE) if event.kind == "epoch"]
            assert [event.content.epoch for event in rest] == [1, 2, 3, 4]
            assert rest[0].content.train_seconds == store.results()[0].epochs[0].train_seconds
            assert predictions(store) == predictions(whole)

    def test_leaves_no_checkpoint_that_nobody_needs(self, store):
        fixed, open_ended = plan(study(seeds=1)), plan(study(seeds=1, set=tiny.DIGITS | {"schedule": "constant"}))
        for planned in (fixed, open_ended):
            list(execute(planned, store, ONE))
        (one,), (other,) = fixed.runs, open_ended.runs
        assert not checkpoint_path(store.files, one.id).exists()
        assert checkpoint_path(store.files, other.id).exists()
        assert weights_path(store.files, one.id).exists()
        assert can_be_extended(other.recipe)
        assert not can_be_extended(one.recipe)

    def test_a_late_command_leaves_the_files_of_the_new_owner_alone(self, store):
        """It had no heartbeat for long; the other has finished the run in the meantime, or is training it."""
        planned = plan(study(seeds=1, set=tiny.DIGITS | {"epochs": 4}))
        (run,) = planned.runs
        paths = checkpoint_path(store.files, run.id), weights_path(store.files, run.id)
        events = execute(planned, store, ONE)
        for event in events:
            if event.kind == "epoch":
                break
        time.sleep(2)  # the worker goes on, to its end
        with store.transaction():
            store._db.execute("UPDATE runs SET owner = 'another' WHERE id = ?", (run.id,))
        for path in paths:
            path.write_bytes(b"of the new owner")
        assert kinds(list(events)) == {"lost": 1}
        assert [path.read_bytes() for path in paths] == [b"of the new owner"] * 2
        assert set(store.files.iterdir()) == set(paths), "no drafts are left"

    def test_files_count_once_their_run_is_found_to_be_its_owners(self, store):
        planned = plan(study(seeds=1))
        (run,) = planned.runs
        seen = []
        for event in execute(planned, store, ONE):
            names = {path.name for path in store.files.glob("*")}
            seen.append((event.kind, f"{run.id}.pt" in names, f"{run.id}.safetensors" in names))
        assert ("epoch", True, False) in seen and seen[-1] == ("done", False, True)
        assert not any(weights for kind, _, weights in seen if kind != "done")
        assert len(list(store.files.iterdir())) == 1

    def test_restarts_on_request(self, store):
        planned = plan(study(seeds=1))
        list(execute(planned, store, ONE))
        before = predictions(store)
        first = store.results()[0].finished
        weights_path(store.files, planned.runs[0].id).write_bytes(b"old")
        assert kinds(list(execute(planned, store, ONE, restart=True))) == {"started": 1, "epoch": 2, "done": 1}
        assert predictions(store) == before
        assert store.results()[0].finished >= first
        assert weights_path(store.files, planned.runs[0].id).stat().st_size > 1000

    def test_leaves_runs_of_others_alone(self, store):
        planned = plan(study())
        somebody = "elsewhere.example:1:1700000000"
        store.add(planned.runs, planned.records())
        store.claim(planned.runs[0].id, somebody)
        events = list(execute(planned, store, ONE, restart=True))
        assert kinds(events) == {"elsewhere": 1, "started": 1, "epoch": 2, "done": 1}
        assert store.states([planned.runs[0].id])[planned.runs[0].id] == "running"


class TestLongerRuns:
    """More epochs of a finished run, where its schedule does not look at how many there will be."""

    def test_continue_from_shorter_ones_to_the_same_bits(self, store, tmp_path):
        short, long = (
            plan(study(seeds=1, set=tiny.DIGITS | {"schedule": "constant", "epochs": epochs})) for epochs in (2, 5)
        )
        list(execute(short, store, ONE))
        events = list(execute(long, store, ONE))
        assert kinds(events) == {"extended": 1, "started": 1, "epoch": 5, "done": 1}
        trained = [event.content for event in events if event.kind == "epoch"]
        assert trained[:2] == list(store.results([short.runs[0].id])[0].epochs)
        with Store(tmp_path / "other.db", create=True) as other:
            assert "extended" not in kinds(list(execute(long, other, ONE)))
            run_id = long.runs[0].id
            assert predictions(store)[run_id] == predictions(other)[run_id]
        assert [r.state for r in store.results()] == ["done", "done"]

    def test_read_a_store_once_however_many_are_queued(self, store, monkeypatch):
        settings = tiny.DIGITS | {"schedule": "constant"}
        plans = [plan(study(seeds=1, set=settings | {"epochs": epochs})) for epochs in (1, 2, 3, 4)]
        whole, read = [], Store._read
        monkeypatch.setattr(Store, "_read", lambda self, ids=None: (whole.append(ids is None), read(self, ids))[1])
        events = list(execute_queue([made.runs[0] for made in plans], plans[0], store, ONE))
        assert kinds(events)["extended"] == 3
        assert sum(whole) == 1

    def test_start_over_where_the_schedule_knew_the_end(self, store):
        for epochs in (2, 3):
            events = list(execute(plan(study(seeds=1, set=tiny.DIGITS | {"epochs": epochs})), store, ONE))
            assert "extended" not in kinds(events)


def run_and_note(planned: Plan, path: Path, notes: Path) -> None:
    """Execute a plan in a process of its own and write down what happened."""
    with Store(path, create=True) as store, notes.open("w") as file:
        for event in execute(planned, store, ONE):
            print(event.kind, event.run.id, file=file)


def test_processes_on_one_store_do_everything_together_and_nothing_twice(tmp_path):
    path, planned = tmp_path / "a.db", plan(study(seeds=10))
    context = multiprocessing.get_context("forkserver")
    notes = [tmp_path / name for name in "abc"]
    processes = [context.Process(target=run_and_note, args=(planned, path, note)) for note in notes]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    heard = [line.split() for note in notes for line in note.read_text().splitlines()]
    started = [run_id for kind, run_id in heard if kind == "started"]
    assert len(started) == len(set(started)) == 10
    assert sum(kind == "done" for kind, _ in heard) == 10
    with Store(path) as store:
        assert [r.state for r in store.results()] == ["done"] * 10
        assert [[e.epoch for e in r.epochs] for r in store.results()] == [[1, 2]] * 10


def test_a_claim_that_this_process_left_can_be_taken_up_again(store):
    planned = plan(study(seeds=1))
    store.add(planned.runs, planned.records())
    with working() as owner:
        assert store.claim(planned.runs[0].id, owner)
        assert kinds(list(execute(planned, store, ONE))) == {"elsewhere": 1}
    assert kinds(list(execute(planned, store, ONE)))["done"] == 1


def test_images_that_are_there_twice_are_looked_for_once(store, monkeypatch):
    list(execute(plan(study(seeds=1)), store, ONE))
    [record] = store.datasets().values()
    assert record.facts["duplicates"] == {
        "within": {"train": 0, "test": 0}, "across": {"train-test": 0}, "conflicting": 0, "known": []
    }  # fmt: skip
    assert all(result.layers for result in store.results())
    monkeypatch.delattr("bakeoff.execution.plan.find_duplicates")
    assert kinds(list(execute(plan(study(seeds=1)), store, ONE)))["kept"] == 1


def test_files_lie_beside_the_store(store):
    list(execute(plan(study(seeds=1)), store, ONE))
    assert [path.suffix for path in store.files.iterdir()] == [".safetensors"]
    assert store.files == Path(f"{store.path}.files")


def test_epochs_are_reported_with_what_they_are(store):
    events = [event for event in execute(plan(study(seeds=1)), store, ONE) if event.kind == "epoch"]
    assert all(isinstance(event.content, Epoch) for event in events)
