import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.store.store import Store
from bakeoff.tracking import background
from bakeoff.tracking import mirror as mirrors
from bakeoff.tracking.background import follow, mirror_in_background
from bakeoff.tracking.mirror import mirror
from bakeoff.tracking.records import flatten, tracked_run
from bakeoff.tracking.target import Target, Unreachable, parse_target

IDS = [tiny.run("nin", 0).id, tiny.run("nin", 1).id, tiny.run("conv", 0).id]


class Memory:
    """A tracker in memory, which can be down."""

    def __init__(self):
        self.runs, self.pages, self.is_down, self.asked = {}, 0, False, 0

    def _ask(self):
        self.asked += 1
        if self.is_down:
            raise Unreachable("down")

    def marks(self):
        self._ask()
        return {run_id: run.mark for run_id, run in self.runs.items()}

    def send(self, run):
        self._ask()
        self.runs[run.id] = run

    def send_page(self, page):
        assert "<html" in page.read_text()
        self.pages += 1


@pytest.fixture
def memory(monkeypatch) -> Memory:
    tracker = Memory()
    monkeypatch.setattr(mirrors, "open_tracker", lambda *_: tracker)
    return tracker


class TestMirror:
    TARGET = Target("mlflow", "memory")

    def test_sends_what_is_missing_and_nothing_twice(self, filled, memory):
        done = mirror(filled, self.TARGET)
        assert (sorted(done.sent), done.kept, done.page) == (sorted(IDS), 0, True)
        assert memory.runs.keys() == set(IDS)
        again = mirror(filled, self.TARGET)
        assert (again.sent, again.kept, again.page, memory.pages) == ([], 3, False, 1)

    def test_sends_what_has_changed(self, filled, memory):
        mirror(filled, self.TARGET)
        with tiny.ClaimingStore(filled) as store:
            store.add_measures(IDS[0], {"robustness": 0.5})
        assert mirror(filled, self.TARGET, page=False).sent == [IDS[0]]
        assert memory.runs[IDS[0]].measures["robustness"] == 0.5

    def test_carries_every_number(self, filled, memory):
        mirror(filled, self.TARGET)
        with Store(filled) as store:
            for result in store.results():
                if result.state == "waiting":
                    continue
                run = memory.runs[result.id]
                assert run == tracked_run(result)
                assert run.measures == result.measures
                assert run.settings["recipe.optimizer.lr"] == 0.05
                assert [epoch for epoch, _ in run.curves()] == [epoch.epoch for epoch in result.epochs]
                assert all(curve["train_loss"] == 1 / epoch for epoch, curve in run.curves())
        assert memory.runs[IDS[2]].failure == "diverged: the loss became NaN"
        assert "validation_loss" not in memory.runs[IDS[2]].curves()[0][1]

    def test_continues_where_a_tracker_failed(self, filled, memory):
        memory.is_down = True
        with pytest.raises(Unreachable):
            mirror(filled, self.TARGET)
        memory.is_down = False
        mirror(filled, self.TARGET)
        del memory.runs[IDS[1]]
        assert mirror(filled, self.TARGET).sent == [IDS[1]]

    def test_is_done_by_one_process_at_a_time(self, filled, memory):
        with mirrors._alone(filled, self.TARGET), pytest.raises(BakeoffError, match="another process"):
            mirror(filled, self.TARGET)


class TestFollowing:
    def test_ends_with_the_process_and_tries_a_tracker_that_is_down_again(self, filled, memory, monkeypatch):
        monkeypatch.setattr(os, "nice", lambda _: None)
        memory.is_down = True
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        asked = []

        def look(*arguments, **options):
            asked.append(options["page"])
            if len(asked) == 3:
                memory.is_down = False
                sleeper.communicate(b"\n")
            return mirror(*arguments, **options)

        monkeypatch.setattr(background, "mirror", look)
        follow(filled, Target("mlflow", "memory"), sleeper.pid, interval=0.01)
        assert asked[:3] == [False] * 3
        assert asked[-1] is True  # the page is sent once, at the end
        assert memory.runs.keys() == set(IDS)

    def test_delays_nothing(self, tmp_path):
        """The tracker does not answer, and the command is over at once."""
        pytest.importorskip("mlflow")
        clock = time.monotonic()
        mirror_in_background(["mlflow:http://127.0.0.1:9"], tmp_path / "a.db")
        assert time.monotonic() - clock < 5


class TestTargets:
    def test_are_read(self):
        pytest.importorskip("mlflow")
        assert parse_target("mlflow:http://host:5000") == Target("mlflow", "http://host:5000")
        assert str(parse_target("mlflow")) == "mlflow"
        assert str(parse_target("mlflow:http://host:5000")) == "mlflow:http://host:5000"

    def test_of_unknown_kinds_are_refused(self):
        with pytest.raises(BakeoffError, match="did you mean mlflow"):
            parse_target("mlflwo:x")

    def test_need_their_package(self, monkeypatch):
        monkeypatch.setattr("bakeoff.tracking.target.find_spec", lambda _: None)
        with pytest.raises(BakeoffError, match=r"bakeoff\[wandb\]"):
            parse_target("wandb")


def test_settings_become_flat():
    assert flatten({"a": 1, "b": {"c": {"d": 2}, "e": [3]}}) == {"a": 1, "b.c.d": 2, "b.e": [3]}


def test_the_background_process_gets_a_path_that_it_understands(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(background.subprocess, "Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr("bakeoff.tracking.target.find_spec", lambda _: True)
    mirror_in_background("tensorboard:logs", Path("a.db"))
    assert started[0][1:6] == ["-m", "bakeoff", "track", "a.db", "--to"]
    assert started[0][6:] == ["tensorboard:logs", "--while", str(os.getpid())]
