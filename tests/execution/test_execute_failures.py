"""Runs that fail, and runs that another command takes over."""

import os
import signal

import pytest
from planned import ONE, WILD, kinds, study

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.execute import execute
from bakeoff.execution.executors.local import Pool
from bakeoff.execution.plan import plan
from bakeoff.execution.worker import Message
from bakeoff.spec.records import Failure
from bakeoff.store.store import Store


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
        with pytest.raises(BakeoffError, match="no space left for checkpoints"):
            list(execute(planned, store, ONE))
        assert [r.state for r in store.results()] == ["waiting"]

    def test_of_a_killed_worker_are_failures_of_its_run(self, store, monkeypatch):
        pools: list[Pool] = []
        submit = Pool.submit
        monkeypatch.setattr(Pool, "submit", lambda self, run, **_: (pools.append(self), submit(self, run)))
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


class TestLostRuns:
    """Another command took over a run, as it may if this one has had no heartbeat for long."""

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
        monkeypatch.setattr("bakeoff.execution.execute.HEARTBEAT_SECONDS", 0.0)
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
