"""Findings about near copies, and about groups on both sides of a split."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import LABELS, look, run

import tiny
from bakeoff.data.group_facts import find_groups


def known(fact: str, *positions: int) -> dict:
    return {"mnist": {fact: {"known": list(positions)}}}


OURS = run("a", predicted=np.where(np.arange(1000) < 900, LABELS, (LABELS + 1) % 10))
MANY = run("a", labels=np.zeros(2000, int), predicted=np.zeros(2000, int))


def test_near_copies_of_training_images():
    [finding] = look("near-duplicates", OURS, facts=known("twins", *range(100)))
    assert (finding.kind, finding.severity, finding.recipe) == ("near-duplicates", "serious", "")
    assert finding.evidence[0]["accuracy_without"] == pytest.approx(800 / 900)
    assert "88.9" in finding.message and "10.00" in finding.message
    assert look("near-duplicates", OURS, facts=known("twins", 1, 2))[0].severity == "caution"
    assert look("near-duplicates", MANY, facts=known("twins", 1))[0].severity == "note"
    assert not look("near-duplicates", OURS, facts=known("twins"))
    assert not look("near-duplicates", OURS, facts={"mnist": {}})


def test_nearly_identical_images_with_different_labels():
    sizes = {"train_images": 500, "validation_images": 100, "test_images": 1000}
    twins = {"known": [], "conflicting": 32}
    [finding] = look("near-duplicates", OURS, facts={"mnist": sizes | {"twins": twins}})
    assert (finding.severity, finding.evidence) == ("caution", ({"conflicting": 32, "images": 1600, "share": 0.02},))
    assert "32 images" in finding.message and "2.00" in finding.message
    folds = [replace(OURS.result, parts=(OURS.result,))]
    [finding] = look("near-duplicates", replace(OURS, result=folds[0]), facts={"mnist": sizes | {"twins": twins}})
    assert finding.evidence[0]["images"] == 1000
    few = {"mnist": sizes | {"twins": twins | {"conflicting": 2}}}
    assert look("near-duplicates", OURS, facts=few)[0].severity == "note"
    assert not look("near-duplicates", OURS, facts={"mnist": {"twins": twins | {"conflicting": 0}}})


def test_groups_on_both_sides():
    [finding] = look("groups-shared", OURS, facts=known("groups", *range(100)))
    assert finding.severity == "serious"
    assert finding.evidence[0]["accuracy_without"] == pytest.approx(800 / 900)
    assert look("groups-shared", MANY, facts=known("groups", 1))[0].severity == "caution"
    assert not look("groups-shared", OURS, facts=known("groups"))


def over_folds(*sizes):
    """Return a run whose folds have these numbers of test images."""
    parts = tuple(run("a", seed=fold, measures={"test_images": float(n)}).result for fold, n in enumerate(sizes))
    one = run("a", seed=9)
    return replace(one, result=replace(one.result, parts=parts))


def test_folds_of_very_different_sizes():
    [finding] = look("uneven-folds", over_folds(61, 30, 30))
    assert finding.evidence == ({"folds": 3, "smallest": 30, "largest": 61},)
    assert not look("uneven-folds", over_folds(60, 30, 30))
    assert not look("uneven-folds", over_folds())


def test_groups_of_own_splits_are_compared():
    whole = tiny.dataset(train=6, test=4, validation=3)
    assert find_groups(whole) is None
    groups = {"train": ("a", "a", "b", "", "c", "c"), "validation": ("d", "c", ""), "test": ("d", "e", "", "a")}
    parts = {name: replace(whole.splits()[name], groups=own) for name, own in groups.items()}
    found = find_groups(replace(whole, **parts))
    assert (found.groups, found.images, found.largest) == (5, 10, 3)
    assert found.across == {"train-validation": 1, "train-test": 1, "validation-test": 1}
    assert found.known == (0, 3)
