from dataclasses import replace
from types import SimpleNamespace

import pytest

import tiny
from bakeoff.analysis.pick import settled
from bakeoff.spec.records import Result

RESULTS = [Result(tiny.run(net).id, tiny.run(net), "waiting") for net in ("nin", "conv")]
IDS = {result.run.net: result.id for result in RESULTS}


def record(nin: str, conv: str, seeds: int = 1, runs=None):
    standings = [
        SimpleNamespace(net=net, recipe="tiny (epochs=3)", state=state, epochs=3, full_epochs=3, seeds=seeds)
        for net, state in (("nin", nin), ("conv", conv))
    ]
    return SimpleNamespace(runs=runs or tuple(IDS.values()), pick=SimpleNamespace(standings=standings))


@pytest.mark.parametrize(
    ("records", "nets"),
    [
        ([], set()),
        ([record("tried", "tried")], set()),
        ([record("tried", "left")], {"conv"}),
        ([record("tried", "tried", seeds=3)], {"nin", "conv"}),
        ([record("tried", "left"), record("tried", "tried")], set()),
        ([record("failed", "left", runs=(IDS["nin"],))], {"nin"}),
    ],
)
def test_trainings_are_settled_if_no_contest_continues_them(records, nets, tmp_path, monkeypatch):
    monkeypatch.setattr(settled, "read_records", lambda store: records)
    others = [replace(RESULTS[0], id="0" * 16)]
    assert settled.settled_trainings(tmp_path / "a.db", RESULTS + others) == {IDS[net] for net in nets}
