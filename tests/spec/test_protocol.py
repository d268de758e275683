"""The training protocol: golden numbers of each mechanism that decides a result.

What is drawn and chosen is compared to the bit, what is computed within what processors differ by. If a test here
fails, the same settings give another number than they did, and old results would be ranked beside new ones: undo the
change, or raise `PROTOCOL` in spec.py, say in CHANGELOG.md what changed, and write the golden numbers anew:

    python tests/spec/test_protocol.py

For a new mechanism, the same command adds its numbers and keeps those of the others.
"""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from golden_runs import MODERN, MOVES, RUNS, Auxiliary, run_of
from mechanisms import CLOSE, EXACT, hash_of
from msgspec.structs import fields

import tiny
from bakeoff.nets import NETS, Net
from bakeoff.spec.recipe import (
    Augment,
    Optimizer,
    Recipe,
    Schedule,
)
from bakeoff.spec.run import PROTOCOL
from bakeoff.spec.values import to_dict

GOLDEN = Path(__file__).with_name("protocol.json")
WHAT_TO_DO = (
    "the same settings give another number: undo the change, or raise PROTOCOL, say so in CHANGELOG.md and run "
    "`python tests/spec/test_protocol.py`"
)
TOLERANCE = 5e-4
"""Relative; processors differ by 1e-6 in these runs, another mask or order makes a hundredth."""


@pytest.fixture(autouse=True)
def auxiliary(monkeypatch):
    monkeypatch.setitem(NETS, "auxiliary", Net(Auxiliary, "own", 2026, "a test", 1))


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


def test_the_golden_numbers_are_of_this_protocol(golden):
    assert golden["protocol"] == PROTOCOL, "PROTOCOL was raised: run `python tests/spec/test_protocol.py`"
    assert golden["exact"].keys() == EXACT.keys(), "a mechanism is new: run `python tests/spec/test_protocol.py`"
    assert golden["close"].keys() == CLOSE.keys(), "a mechanism is new: run `python tests/spec/test_protocol.py`"


@pytest.mark.parametrize("name", EXACT)
def test_what_is_drawn_stays(name, golden):
    assert hash_of(EXACT[name]()) == golden["exact"][name], f"{name}: {WHAT_TO_DO}"


@pytest.mark.parametrize("name", CLOSE)
def test_what_is_computed_stays(name, golden):
    assert CLOSE[name]() == pytest.approx(golden["close"][name], rel=TOLERANCE, abs=1e-6), f"{name}: {WHAT_TO_DO}"


def test_every_setting_has_golden_numbers():
    """A setting that is added to a recipe gets a run here."""
    runs = [run_of(name).recipe for name in RUNS]
    same = {field.name: getattr(tiny.RECIPE, field.name) for field in fields(Recipe)}
    still = {name for name, value in same.items() if all(getattr(recipe, name) == value for recipe in runs)}
    assert still == {"name"}
    assert {name for how in (MOVES, *MODERN) for name in to_dict(how)} == {field.name for field in fields(Augment)}
    for kinds, seen in ((Optimizer, "optimizer"), (Schedule, "schedule")):
        assert set(get_args(kinds)) == {type(getattr(recipe, seen)) for recipe in runs}
    for name in ("normalize", "loss", "select"):
        values = {getattr(recipe, name) for recipe in runs}
        assert len(values) >= 2


if __name__ == "__main__":
    NETS["auxiliary"] = Net(Auxiliary, "own", 2026, "a test", 1)
    known = json.loads(GOLDEN.read_text())
    if known["protocol"] != PROTOCOL:
        known = {"exact": {}, "close": {}}
    exact = {name: known["exact"].get(name) or hash_of(made()) for name, made in EXACT.items()}
    close = {
        name: known["close"].get(name) or [float(f"{number:.6g}") for number in made()] for name, made in CLOSE.items()
    }
    GOLDEN.write_text(json.dumps({"protocol": PROTOCOL, "exact": exact, "close": close}, indent=1) + "\n")
