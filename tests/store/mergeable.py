"""Stores to merge."""

from dataclasses import replace
from pathlib import Path

import msgspec
from stored import OUTCOME, RUN

from bakeoff.spec.values import to_dict
from bakeoff.store.store import Store

RUNS = [msgspec.structs.replace(RUN, seed=seed) for seed in range(4)]


def outcome(accuracy: float = 0.75, **measures: float):
    return replace(OUTCOME, measures={"test_accuracy": accuracy, "epochs": 3, "train_seconds": 2.0, **measures})


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def content(path: Path) -> dict[str, tuple]:
    """Every number of a store, by run."""
    with Store(path) as store:
        results, unreadable = store.read()
        assert not unreadable
        return {
            one.id: (
                one.state,
                [to_dict(each, full=True) for each in one.epochs],
                one.measures,
                one.failure,
                one.environment,
                [array.tobytes() for array in store.predictions(one.id)] if one.state == "done" else None,
            )
            for one in results
        }
