"""A contest of two networks, as it is kept beside its store."""

from dataclasses import replace
from pathlib import Path

from bakeoff.analysis.pick.answer import Pick
from bakeoff.analysis.pick.moment import Moment
from bakeoff.analysis.pick.record import ContestRecord
from bakeoff.analysis.pick.standing import PickedNetwork

CONV = PickedNetwork(
    name="conv",
    net="conv",
    recipe="quick",
    state="tried",
    why="",
    epochs=8,
    full_epochs=8,
    seeds=2,
    validation_accuracy=0.9,
    expected=0.9,
    expected_low=0.88,
    expected_high=0.92,
    best=0.97,
    equivalent=0.99,
    test_accuracy=0.8912,
    test_low=0.87,
    test_high=0.91,
    test_method="95 % t interval over seeds",
    parameters=1000,
    seconds=70.0,
    runs=("a", "b"),
)
LINEAR = replace(CONV, name="linear", net="linear", state="left", why="no chance", best=0.0, test_accuracy=None)
MOMENTS = (
    Moment(10.0, "trained", "linear", 1, 0, 0.3, "", {"linear": 1.0}),
    Moment(25.0, "trained", "conv", 1, 0, 0.8, "", {"linear": 0.01, "conv": 0.99}),
    Moment(25.5, "left", "linear", why="no chance", best={"linear": 0.0, "conv": 1.0}),
)


def make_contest(store: Path, runs: tuple[str, ...]) -> ContestRecord:
    """Return the record of a contest on digits that trained these runs."""
    pick = Pick(
        data="digits",
        store=store,
        budget=120.0,
        seconds=90.0,
        margin=0.005,
        standings=(CONV, LINEAR),
        left_out={"resnet20": "too many parameters"},
        order="by estimated cost alone",
        cheapest=None,
        advice=("Look at the weakest classes first.",),
    )
    return ContestRecord(MOMENTS, pick, runs)
