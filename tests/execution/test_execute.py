import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from planned import ONE, WILD, kinds, predictions, study

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.execute import can_be_extended, execute
from bakeoff.execution.executors.local import Pool
from bakeoff.execution.plan import Plan, plan
from bakeoff.execution.worker import Message, Placement
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.records import Epoch, Failure
from bakeoff.store.claims import working
from bakeoff.store.store import Store


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

    def test_has_every_result_in_the_store_before_it_is_told(self, store):
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

    def test_goes_on_where_it_was_closed(self, store, tmp_path):
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
        """It was not heard of for long; the other has finished the run meanwhile, or is at it."""
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

    def test_go_on_from_shorter_ones_to_the_same_bits(self, store, tmp_path):
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

    def test_begin_anew_where_the_schedule_knew_the_end(self, store):
        for epochs in (2, 3):
            events = list(execute(plan(study(seeds=1, set=tiny.DIGITS | {"epochs": epochs})), store, ONE))
            assert "extended" not in kinds(events)


class TestFailures:
    STUDY = study(nets=("nin", "lenet-afif"), cells=(WILD,), seeds=1)

    def test_end_no_study(self, store):
        events = list(execute(plan(self.STUDY), store, ONE))
        assert kinds(events) == {"started": 2, "failed": 1, "epoch": 2, "done": 1}
        failed, done = store.results()
        assert (failed.state, failed.failure.kind, done.state) == ("failed", "diverged", "done")

    def test_are_tried_again_only_on_request(self, store):
        planned = plan(self.STUDY)
        list(execute(planned, store, ONE))
        assert kinds(list(execute(planned, store, ONE))) == {"failed-before": 1, "kept": 1}
        again = list(execute(planned, store, ONE, retry_failed=True))
        assert kinds(again) == {"kept": 1, "started": 1, "failed": 1}

    def test_end_the_study_if_asked(self, store):
        events = list(execute(plan(self.STUDY), store, ONE, fail_fast=True))
        assert kinds(events) == {"started": 1, "failed": 1}
        assert [r.state for r in store.results()] == ["failed", "waiting"]

    def test_of_the_disk_end_the_study_and_mark_nothing_as_failed(self, store, monkeypatch):
        planned = plan(study(seeds=1))
        full = Message(planned.runs[0].id, Failure("disk-full", "no space left for checkpoints"), {})
        monkeypatch.setattr(Pool, "messages", lambda self, timeout: iter([full]))
        with pytest.raises(BakeoffError, match=r"no space left for checkpoints: make room at .* and go on"):
            list(execute(planned, store, ONE))
        assert [r.state for r in store.results()] == ["waiting"]

    def test_of_a_killed_worker_are_failures_of_its_run(self, store, monkeypatch):
        pools: list[Pool] = []
        submit = Pool.submit
        monkeypatch.setattr(Pool, "submit", lambda self, run: (pools.append(self), submit(self, run)))
        planned = plan(study(set=tiny.DIGITS | {"epochs": 30}))
        killed = []
        events = []
        for event in execute(planned, store, ONE):
            events.append(event)
            if event.kind == "epoch" and not killed:
                killed = [worker.process.pid for worker in pools[0]._workers.values()]
                os.kill(killed[0], signal.SIGKILL)
        counted = kinds(events)
        assert (counted["started"], counted["failed"], counted["done"]) == (2, 1, 1)
        assert [r.failure and r.failure.kind for r in store.results()] == ["killed", None]
        list(execute(planned, store, ONE, retry_failed=True))
        assert [r.state for r in store.results()] == ["done", "done"]


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


class TestLostRuns:
    """Another command took a run over, which it may where this one has not been heard of for long."""

    def steal(self, store: Store, run_id: str) -> None:
        with Store(store.path) as other:
            other._db.execute("UPDATE runs SET owner = NULL WHERE id = ?", (run_id,))
            assert other.claim(run_id, "elsewhere.example:1:1700000000")

    def test_are_told_and_the_rest_is_done(self, store):
        planned = plan(study(set=tiny.DIGITS | {"epochs": 4}))
        events = []
        for event in execute(planned, store, ONE):
            events.append(event)
            if event.kind == "started" and event.run.seed == 0:
                self.steal(store, event.run.id)
        assert kinds(events) == {"started": 2, "lost": 1, "epoch": 4, "done": 1}
        assert next(event.run.seed for event in events if event.kind == "lost") == 0
        assert [result.state for result in store.results()] == ["running", "done"]
        assert store.results()[0].epochs == ()

    def test_are_noticed_at_the_next_heartbeat(self, store, monkeypatch):
        monkeypatch.setattr("bakeoff.execution.execute.BEAT_SECONDS", 0.0)
        monkeypatch.setattr(Store, "record_epoch", lambda *_: None)
        planned = plan(study(seeds=1, set=tiny.DIGITS | {"epochs": 100_000}))
        events = []
        for event in execute(planned, store, ONE):
            events.append(event)
            if event.kind == "started":
                self.steal(store, event.run.id)
        assert kinds(events)["lost"] == 1

    def test_that_another_command_finished_meanwhile_are_kept(self, store, monkeypatch):
        planned = plan(study(seeds=1))
        claim = Store.claim

        def late(self, run_id, owner, **how):
            monkeypatch.setattr(Store, "claim", claim)
            with Store(self.path) as other:
                list(execute(planned, other, ONE))
            return claim(self, run_id, owner, **how)

        monkeypatch.setattr(Store, "claim", late)
        assert kinds(list(execute(planned, store, ONE))) == {"kept": 1}


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


def test_epochs_are_told_with_what_they_are(store):
    events = [event for event in execute(plan(study(seeds=1)), store, ONE) if event.kind == "epoch"]
    assert all(isinstance(event.content, Epoch) for event in events)
