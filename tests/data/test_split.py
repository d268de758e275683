import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.split import balanced_sample, cut_test, cut_validation
from bakeoff.errors import BakeoffError

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=80).map(np.array)


@given(labels=LABELS, count=st.integers(1, 79), seed=st.integers(0, 5))
def test_validation_has_the_exact_size_and_every_class_its_share(labels, count, seed):
    count = 1 + count % (len(labels) - 1)
    train, validation = cut_validation(labels, count, seed)
    assert len(validation) == count
    assert sorted([*train, *validation]) == list(range(len(labels)))
    for label in np.unique(labels):
        share = count * np.mean(labels == label)
        assert abs(np.sum(labels[validation] == label) - share) < 1
    again = cut_validation(labels, count, seed)
    assert np.array_equal(train, again[0])
    assert np.array_equal(validation, again[1])


def test_a_fraction_is_rounded_to_whole_images():
    labels = np.repeat(np.arange(10), 6000)
    train, validation = cut_validation(labels, 0.15, seed=3)
    assert (len(train), len(validation)) == (51_000, 9_000)
    assert np.bincount(labels[validation]).tolist() == [900] * 10
    assert not np.array_equal(validation, cut_validation(labels, 0.15, seed=4)[1])


@pytest.mark.parametrize("validation", [0.001, 10, 0.99])
def test_neither_part_may_be_empty(validation):
    with pytest.raises(BakeoffError, match="at least one image each"):
        cut_validation(np.zeros(10, int), validation, seed=0)


@given(
    images=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=2, max_size=80),
    count=st.integers(1, 79),
    seed=st.integers(0, 5),
)
def test_copies_stay_on_one_side_of_the_cut(images, count, seed):
    contents, labels = np.array(images).T
    count = 1 + count % (len(labels) - 1)
    try:
        train, validation = cut_validation(labels, count, seed, contents)
    except BakeoffError as error:
        assert "validation=none" in str(error)
        return
    assert 0 < len(validation) <= count
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert not set(contents[train]) & set(contents[validation])
    ambiguous = {content for content in set(contents) if len(set(labels[contents == content])) > 1}
    if ambiguous & set(contents[validation]):
        left = set(contents[train]) - ambiguous
        assert all(np.sum(contents == content) > count - len(validation) for content in left)


@given(labels=LABELS, count=st.integers(1, 79), seed=st.integers(0, 5))
def test_where_there_are_no_copies_the_draw_is_the_same(labels, count, seed):
    count = 1 + count % (len(labels) - 1)
    plain, told = (cut_validation(labels, count, seed, copies) for copies in (None, np.arange(len(labels))[::-1]))
    assert all(np.array_equal(one, other) for one, other in zip(plain, told, strict=True))


def test_a_few_copies_change_neither_sizes_nor_shares():
    labels = np.repeat(np.arange(10), 600)
    contents = np.arange(6000)
    contents[1:6000:30] = contents[0:6000:30]  # 20 pairs in each class
    train, validation = cut_validation(labels, 0.1, 3, contents)
    assert np.bincount(labels[validation]).tolist() == [60] * 10
    assert not set(contents[train]) & set(contents[validation])


def test_the_cut_of_many_images_takes_a_moment():
    labels = np.arange(60_000) // 2 % 10
    clock = time.process_time()
    cut_validation(labels, 0.15, 3, np.arange(60_000) // 2 * 2)
    assert time.process_time() - clock < 1


@given(labels=LABELS, per_class=st.integers(1, 20), seed=st.integers(0, 5))
def test_a_balanced_sample_has_as_many_of_each_class(labels, per_class, seed):
    classes, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < per_class:
        with pytest.raises(BakeoffError, match=f"has only {sizes.min()}"):
            balanced_sample(labels, per_class, seed)
        return
    chosen = balanced_sample(labels, per_class, seed)
    assert len(set(chosen.tolist())) == len(chosen)
    assert np.unique(labels[chosen], return_counts=True)[1].tolist() == [per_class] * len(classes)


@given(
    images=st.lists(st.tuples(st.integers(0, 30).map(str), st.integers(0, 2)), min_size=4, max_size=60),
    fraction=st.sampled_from([0.1, 0.2, 0.5]),
    order=st.randoms(use_true_random=False),
)
def test_copies_stay_on_one_side_and_every_class_on_both(images, fraction, order):
    contents, labels = [content for content, _ in images], np.array([label for _, label in images])
    try:
        test = cut_test(contents, labels, "abc", fraction)
    except BakeoffError as error:
        assert "too few distinct images" in str(error)
        return
    assert not {c for c, t in zip(contents, test, strict=True) if t} & {
        c for c, t in zip(contents, test, strict=True) if not t
    }
    for label in range(3):
        assert 0 < test[labels == label].sum() < (labels == label).sum()
    shuffled = list(range(len(images)))
    order.shuffle(shuffled)
    again = cut_test([contents[i] for i in shuffled], labels[shuffled], "abc", fraction)
    assert np.array_equal(again, test[shuffled])


def test_a_fifth_of_different_images_is_exact_and_stable():
    contents = [f"{i:x}" for i in range(1000)]
    labels = np.arange(1000) % 2
    test = cut_test(contents, labels, "ab", 0.2)
    assert np.bincount(labels[test]).tolist() == [100, 100]
    more = cut_test([*contents, "new", "newer"], np.append(labels, [0, 1]), "ab", 0.2)[:1000]
    assert (more != test).sum() <= 2
