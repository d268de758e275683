from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.analysis.pick.contest import TrainingStep
from bakeoff.analysis.pick.costs import seconds_before
from bakeoff.spec.records import Epoch
from contests import CONV, make_contest

LINEUP: Any = SimpleNamespace(
    entries=[SimpleNamespace(candidate=SimpleNamespace(name="conv"))],
    steps={"a": TrainingStep(0, 2, 0), "b": TrainingStep(0, 4, 0), "c": TrainingStep(0, 4, 1)},
)


def training(run: str, *losses: float) -> Any:
    """A training whose epochs took three seconds each; those of equal losses are the same."""
    epochs = [Epoch(n, loss, 0.5, 1.0, 0.5, 0.1, 2.0, 1.0, 10.0, 0) for n, loss in enumerate(losses, 1)]
    return SimpleNamespace(id=run, epochs=epochs)


def test_resumed_epochs_cost_once():
    results = [training("b", 0.9, 0.7, 0.6, 0.5), training("a", 0.9, 0.8), training("c", 0.9, 0.8, 0.7, 0.6)]
    assert seconds_before(LINEUP, results, None) == {0: pytest.approx(3 * (2 + 3 + 4))}


def test_the_larger_of_record_and_store_counts():
    record = make_contest(Path("a.db"), ())
    assert seconds_before(LINEUP, [training("a", 0.9, 0.8)], record) == {0: CONV.seconds}
    least = replace(record, pick=replace(record.pick, standings=(replace(CONV, seconds=0.0),)))
    assert seconds_before(LINEUP, [training("a", 0.9, 0.8)], least) == {0: 6.0}
    assert seconds_before(LINEUP, [], None) == {0: 0.0}
