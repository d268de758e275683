import math
import time
from typing import get_args

import pytest

import tiny
from bakeoff.training.ledger import Ledger, Phase
from bakeoff.training.loop import fit

DATA = tiny.dataset()
LINES = {f"{phase}_seconds" for phase in get_args(Phase)}


def lines(measures: dict[str, float]) -> dict[str, float]:
    return {name: measures[name] for name in LINES}


class TestARun:
    def test_spends_its_wall_time_on_the_lines_of_its_ledger(self, tmp_path):
        clock = time.perf_counter()
        *epochs, outcome = fit(tiny.run("nin"), DATA, tiny.MACHINE, tmp_path)
        wall = time.perf_counter() - clock
        measures = outcome.measures
        assert sum(lines(measures).values()) == pytest.approx(measures["wall_seconds"], rel=1e-9)
        assert measures["wall_seconds"] == pytest.approx(wall, abs=0.1)
        assert measures["last_session_seconds"] == pytest.approx(measures["wall_seconds"])
        assert measures["input_seconds"] + measures["step_seconds"] == pytest.approx(measures["train_seconds"])
        assert measures["evaluation_seconds"] > math.fsum(epoch.evaluation_seconds for epoch in epochs)
        assert all(seconds > 0 for seconds in lines(measures).values())

    def test_is_idle_while_others_work(self):
        generator = fit(tiny.run(), DATA, tiny.MACHINE)
        for _ in range(2):
            next(generator)
            time.sleep(0.05)
        *_, outcome = generator
        assert 0.1 <= outcome.measures["idle_seconds"] < 0.5
        assert outcome.measures["saving_seconds"] < 0.05

    def test_in_two_sessions_adds_them_up(self, tmp_path):
        """Except for what the first did after its checkpoint."""
        clock = time.perf_counter()
        first = fit(tiny.run(), DATA, tiny.MACHINE, tmp_path)
        epochs = [next(first), next(first)]
        one = time.perf_counter() - clock
        first.close()
        time.sleep(0.5)  # between sessions no clock runs
        clock = time.perf_counter()
        *resumed, outcome = fit(tiny.run(), DATA, tiny.MACHINE, tmp_path)
        other = time.perf_counter() - clock
        measures = outcome.measures
        assert resumed[:2] == epochs
        assert sum(lines(measures).values()) == pytest.approx(measures["wall_seconds"], rel=1e-9)
        assert measures["wall_seconds"] == pytest.approx(one + other, abs=0.2)
        assert measures["last_session_seconds"] == pytest.approx(other, abs=0.1)
        assert measures["input_seconds"] + measures["step_seconds"] == pytest.approx(measures["train_seconds"])


def test_inputs_are_passed_on_and_timed():
    def slow():
        for number in range(3):
            time.sleep(0.02)
            yield number

    ledger = Ledger()
    seen = []
    for number in ledger.inputs(slow()):
        seen.append(number)
        time.sleep(0.01)
    spent = ledger.spent()
    assert seen == [0, 1, 2]
    assert 0.06 <= spent["input"] < 0.5
    assert 0.03 <= spent["step"] < 0.5


def test_nothing_is_counted_twice(monkeypatch):
    """By a clock of whole seconds."""
    now = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    ledger = Ledger()  # 0
    ledger.carry({"step": 10.0, "unheard of": 5.0})
    assert ledger.enter("step") == 1
    ledger.enter("idle")  # 2
    measures = ledger.measures()  # 3
    assert lines(measures) == dict.fromkeys(LINES, 0) | {"startup_seconds": 1, "step_seconds": 11, "idle_seconds": 1}
    assert (measures["wall_seconds"], measures["last_session_seconds"]) == (13, 3)
