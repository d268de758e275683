"""Runs of the folds of one data set, put together."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from bakeoff.data.resplit import hash_folds
from bakeoff.spec.records import DataRecord, Result
from bakeoff.store.folds import fold_of, merge_records, merge_results, split_ids


def result(fold, folds=3, seed=0, net="nin", state="done", images=10, **measures):
    run = msgspec.structs.replace(
        tiny.run(net, seed), data=f"tiny~fold={fold}of{folds}", data_hash=hash_folds("a", fold, folds)
    )
    measures = {"test_images": images, "train_seconds": 1.0, **measures} if state == "done" else {}
    return Result(run.id, run, state, measures=measures, data=run.data)


@given(st.permutations([1, 2, 3]), st.lists(st.integers(1, 50), min_size=3, max_size=3))
def test_all_folds_become_one_result_in_any_order(order, sizes):
    parts = [result(k, images=sizes[k - 1], test_accuracy=k / 10) for k in order]
    (whole,) = merge_results(parts)
    assert whole.run.data == whole.data == "tiny~folds=3"
    assert whole.run.data_hash == hash_folds("a", 0, 3)
    assert [part.run.data for part in whole.parts] == [f"tiny~fold={k}of3" for k in (1, 2, 3)]
    assert split_ids(whole.id) == [part.id for part in whole.parts]
    assert whole.measures["test_images"] == sum(sizes)
    expected = sum(k / 10 * n for k, n in zip((1, 2, 3), sizes, strict=True)) / sum(sizes)
    assert whole.measures["test_accuracy"] == pytest.approx(expected)
    assert merge_results([whole]) == [whole]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["done", "done"], "waiting"),
        (["done", "failed", "running"], "failed"),
        (["done", "done", "waiting"], "waiting"),
    ],
)
def test_a_fold_that_lacks_leaves_the_whole_unfinished(states, state):
    (whole,) = merge_results([result(k, state=own) for k, own in enumerate(states, start=1)])
    assert whole.state == state and not whole.measures


def test_networks_seeds_and_other_data_stay_apart():
    plain = replace(result(1), run=tiny.run())
    parts = [result(k, net=net, seed=seed) for k in (1, 2, 3) for net in ("nin", "conv") for seed in (0, 1)]
    found = merge_results([plain, *parts])
    assert found[0] == plain
    assert [(one.run.net, one.run.seed) for one in found[1:]] == [("nin", 0), ("nin", 1), ("conv", 0), ("conv", 1)]


def test_records_are_put_together_when_all_are_there():
    records = {
        hash_folds("a", k, 3): DataRecord(
            hash_folds("a", k, 3),
            {"name": f"tiny~fold={k}of3", "classes": ["x", "y"], "twins": {"known": [0], "threshold": 0.9}},
            np.arange(k) % 2,
        )
        for k in (1, 2, 3)
    }
    (whole,) = merge_records(records).values()
    assert whole.facts["name"] == "tiny~folds=3" and whole.facts["test_images"] == 6
    assert whole.test_labels.tolist() == [0, 0, 1, 0, 1, 0]
    assert whole.facts["twins"]["known"] == [0, 1, 3]
    assert not merge_records(dict(list(records.items())[:2]))


@pytest.mark.parametrize("name", ["digits", "digits~folds=3", "digits~fold=1of3~contrast=0.5", "digits~fold=9of3", ""])
def test_other_names_are_no_folds(name):
    assert fold_of(name, "0" * 64) is None
