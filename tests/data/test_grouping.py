"""Groups of images that no split may separate."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.grouping import divide, join_groups, number_groups, read_groups
from bakeoff.data.split import balanced_sample, cut_validation
from bakeoff.errors import BakeoffError

IMAGES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 40)), min_size=2, max_size=120)
"""(label, group, content) of each image."""


@given(images=IMAGES, shares=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_no_group_is_in_two_parts_and_no_part_is_empty(images, shares, seed):
    labels, groups, _ = np.array(images).T
    if len(set(groups.tolist())) < len(shares):
        with pytest.raises(BakeoffError, match="cannot be divided"):
            divide(labels, groups, shares, seed)
        return
    parts = divide(labels, groups, shares, seed)
    assert set(parts.tolist()) == set(range(len(shares)))
    assert all(len(set(parts[groups == group].tolist())) == 1 for group in set(groups.tolist()))
    assert np.array_equal(parts, divide(labels, groups, shares, seed))


@given(images=IMAGES, seed=st.integers(0, 9), share=st.floats(0.05, 0.6))
def test_validation_shares_neither_group_nor_copy_with_training(images, seed, share):
    labels, groups, copies = np.array(images).T
    try:
        train, validation = cut_validation(labels, share, seed, copies, groups)
    except BakeoffError:
        assert len(set(join_groups(groups, copies).tolist())) < 2 or not 0 < round(share * len(labels)) < len(labels)
        return
    assert sorted([*train, *validation]) == list(range(len(labels)))
    for kind in (groups, copies):
        assert not set(kind[train].tolist()) & set(kind[validation].tolist())


@given(images=IMAGES)
def test_joined_groups_are_the_smallest_that_tear_nothing_apart(images):
    _, first, second = np.array(images).T
    joined = join_groups(first, second)
    by_hand = list(range(len(first)))
    for _ in first:
        for i in range(len(first)):
            for j in range(i):
                if first[i] == first[j] or second[i] == second[j]:
                    by_hand[i] = by_hand[j] = min(by_hand[i], by_hand[j])
    assert all((joined[i] == joined[j]) == (by_hand[i] == by_hand[j]) for i in range(len(first)) for j in range(i))


def test_parts_have_their_share_of_every_class():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(300), random.integers(1, 20, 300))
    labels = random.integers(0, 3, 300)[groups]  # as of plants
    mixed = random.choice(3, len(groups), p=[0.7, 0.2, 0.1])  # as of patients
    for own in (labels, mixed):
        folds = divide(own, groups, [1] * 5, 0)
        for label in range(3):
            counts = np.bincount(folds[own == label], minlength=5)
            assert abs(counts / counts.sum() - 0.2).max() < 0.02
        cuts = [divide(own, groups, (85, 15), seed) for seed in (1, 2)]
        assert not np.array_equal(*cuts)
        assert all(abs((cut == 1)[own == label].mean() - 0.15) < 0.02 for cut in cuts for label in range(3))


def test_what_is_left_over_of_each_class_does_not_go_to_the_same_part():
    labels = np.repeat(np.arange(43), 6)  # of each class, one of five parts gets two images
    sizes = np.bincount(divide(labels, np.arange(len(labels)), [1] * 5, 0))
    assert sizes.max() - sizes.min() <= 1


def test_many_groups_are_divided_in_seconds():
    start = time.process_time()
    divide(np.arange(60_000) % 10, np.arange(60_000) // 2, [1] * 10, 0)
    assert time.process_time() - start < 10


@given(images=IMAGES, seed=st.integers(0, 5))
def test_a_sample_uses_up_one_group_before_the_next(images, seed):
    labels, groups, _ = np.array(images).T
    per_class = int(np.bincount(labels)[np.unique(labels)].min())
    chosen = balanced_sample(labels, per_class, seed, groups)
    assert np.bincount(labels[chosen])[np.unique(labels)].tolist() == [per_class] * len(np.unique(labels))
    for label in np.unique(labels):
        own = set(chosen[labels[chosen] == label].tolist())
        whole = [set(np.flatnonzero((labels == label) & (groups == group)).tolist()) for group in set(groups.tolist())]
        assert sum(bool(some & own) and not some <= own for some in whole) <= 1


def test_images_without_a_group_are_alone():
    assert number_groups(["a", "", "b", "", "a"]).tolist() == [0, 1, 2, 3, 0]
    assert number_groups(["", ""]) is None
    assert number_groups([]) is None


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"(?P<group>\d+)_(\d+)", ("7", "12")),
        (r"(\d+)_(\d+)", ("7/1", "12/3")),
        (r"^\d+", ("7", "12")),
        (r"^(.*)/(\d+)_", ("cat/7", "dog/12")),
    ],
)
def test_a_group_is_read_from_a_file_name(pattern, groups):
    assert read_groups(pattern, {"train": ["cat/7_1.png", "dog/12_3.png"]}) == {"train": groups}


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"patient\d+", ("patient3", "patient12")),
        (r"patient(\d+)|$", ("3", "12")),
        (r"dog/patient(\d+)|$", ("", "12")),
        (r"(?P<group>[ab])1|$", ("a", "")),
        (r"a\d|$", ("a1", "")),
    ],
)
def test_a_group_that_no_file_name_tells_is_read_from_the_path(pattern, groups):
    assert read_groups(pattern, {"train": ["cat/patient3/a1.png", "dog/patient12/c1.png"]}) == {"train": groups}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(\d+", "not a valid"),
        (r"x(\d+)_", r"2 of 3 file names, such as 2_1\.png and 2_1\.png"),
        (r"b/x(\d+)_", r"3 of 3 paths, such as a/x1_1\.png"),
        (r"y(\d*)_|$", "no text"),
    ],
)
def test_what_tells_no_groups_is_refused(pattern, said):
    with pytest.raises(BakeoffError, match=said):
        read_groups(pattern, {"train": ["a/x1_1.png", "b/2_1.png"], "test": ["a/2_1.png"]})
