"""Facts of a damaged store are checked before they are relied on."""

import json
from dataclasses import replace

import pytest
from stored import ENVIRONMENT, INFO, OUTCOME, RUN

from bakeoff.spec.values import to_dict


@pytest.mark.parametrize(
    ("table", "facts"),
    [
        ("datasets", {}),
        ("datasets", to_dict(INFO) | {"classes": ["a"]}),
        ("datasets", to_dict(INFO) | {"left_out": [1]}),
        ("environments", {"threads": "x"}),
        ("environments", {"before": [1]}),
    ],
)
def test_other_facts_cost_the_runs_they_belong_to(store, table, facts):
    store.finish(RUN.id, OUTCOME, ENVIRONMENT)
    store._db.execute(f"UPDATE {table} SET facts = ?", [json.dumps(facts)])
    assert [result.state for result in store.results()] == ["waiting"]
    assert [run.state for run in store.unreadable()] == ["damaged"]


@pytest.mark.parametrize("layers", [{"name": 1}, [[]], [{"name": "0"}], [None], 3])
def test_so_do_layers_that_are_none(store, layers):
    kept = ({"name": "0", "type": "Conv2d", "input": [1, 8, 8], "output": [4, 6, 6], "parameters": 40},)
    store.finish(RUN.id, replace(OUTCOME, layers=kept), ENVIRONMENT)
    store._db.execute("UPDATE networks SET layers = ?", [json.dumps(layers)])
    assert [run.state for run in store.unreadable()] == ["damaged"]


def test_so_does_a_time_that_is_none(store):
    store.finish(RUN.id, OUTCOME, ENVIRONMENT)
    store._db.execute("UPDATE runs SET finished = x'ff' WHERE id = ?", [RUN.id])
    assert [run.id for run in store.unreadable()] == [RUN.id]


def test_facts_that_only_a_newer_version_knows_stay(store):
    store.finish(RUN.id, OUTCOME, ENVIRONMENT | {"accelerator": {"speed": [1]}})
    assert store.results()[0].environment["accelerator"] == {"speed": [1]}


def test_a_study_that_is_no_text_is_left_out(store):
    for command in ("bakeoff run a", "bakeoff run b"):
        store.record_study("name = 'a'", command)
    store._db.execute("UPDATE studies SET study = x'ff' WHERE id = 1")
    assert [command for _, command, _ in store.studies()] == ["bakeoff run b"]
