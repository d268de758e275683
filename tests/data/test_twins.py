"""Images that are nearly the same."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

import tiny
from bakeoff.data import load_dataset
from bakeoff.data.twins import (
    ROWS,
    correlate,
    find_twins,
    hash_images,
    propose_pairs,
    propose_unlike,
    reduce_images,
    search_twins,
)


def photographs(count, seed, side=96):
    """Coloured clouds with detail at several scales, as in photographs."""
    random = np.random.default_rng(seed)
    scales = [gaussian_filter(random.normal(size=(count, 3, side, side)), (0, 0, s, s)) * s for s in (2, 6, 16)]
    clouds = sum(scales)
    low, high = clouds.min(axis=(1, 2, 3), keepdims=True), clouds.max(axis=(1, 2, 3), keepdims=True)
    return ((clouds - low) / (high - low) * 255).astype(np.uint8)


def changed(image, how):
    picture = Image.fromarray(image.transpose(1, 2, 0))
    if how == "jpeg":
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=40)
        picture = Image.open(file)
    elif how == "smaller":
        picture = picture.resize((48, 48)).resize((96, 96))
    elif how == "darker":
        picture = ImageEnhance.Brightness(picture).enhance(0.7)
    elif how == "paler":
        picture = ImageEnhance.Contrast(picture).enhance(0.7)
    elif how == "cropped":
        picture = picture.crop((1, 1, 95, 95)).resize((96, 96))
    return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def dataset(train, test, labels=None):
    whole = tiny.dataset()
    own = [tiny.Images(images, np.zeros(len(images), np.int64)) for images in (train, test)]
    return replace(whole, train=own[0], test=own[1] if labels is None else tiny.Images(test, np.array(labels)))


@pytest.mark.parametrize("how", ["jpeg", "smaller", "darker", "paler", "cropped"])
def test_a_changed_copy_is_found_and_nothing_else(how):
    train, test = photographs(60, 0), photographs(20, 1)
    test[7] = changed(train[31], how)
    found = search_twins(dataset(train, test))
    assert (found.known, found.across, found.conflicting) == ((7,), {"train-test": 1}, 0)
    (pair,) = found.examples
    assert [(one.split, one.index) for one in (pair.first, pair.second)] == [("train", 31), ("test", 7)]
    assert found.threshold <= pair.correlation <= 1


def test_exact_copies_are_not_twins():
    train, test = photographs(20, 0), photographs(5, 1)
    test[2] = train[4]
    assert search_twins(dataset(train, test)).known == ()


def test_pairs_with_different_labels_are_listed_first():
    train, test = photographs(30, 0), photographs(10, 1)
    test[1], test[2] = changed(train[3], "jpeg"), changed(train[4], "cropped")
    found = search_twins(dataset(train, test, [0, 0, 1, *[0] * 7]))
    assert (found.known, found.conflicting) == ((1, 2), 2)
    assert [pair.second.index for pair in found.examples] == [2, 1]


def test_contradicting_labels_are_found_within_a_split():
    train, test = photographs(30, 0), photographs(10, 1)
    train[20], train[21], test[8] = changed(train[3], "jpeg"), changed(train[4], "darker"), changed(test[2], "paler")
    whole = dataset(train, test, [0] * 8 + [1, 0])
    whole.train.labels[20] = 1
    found = search_twins(whole)
    assert (found.within, found.across, found.known) == ({"train": 2, "test": 2}, {"train-test": 0}, ())
    assert found.conflicting == 4
    pairs = {((p.first.split, p.first.index), (p.second.split, p.second.index)) for p in found.examples}
    assert pairs == {(("train", 3), ("train", 20)), (("test", 2), ("test", 8))}


def test_a_twin_of_another_label_counts_behind_a_nearer_one_of_the_same():
    train, test = photographs(30, 0), photographs(10, 1)
    train[5], test[1] = changed(train[4], "cropped"), changed(train[4], "jpeg")
    whole = dataset(train, test)
    whole.train.labels[5] = 1
    found = search_twins(whole)
    assert (found.known, found.conflicting, found.within["train"]) == ((1,), 3, 2)


@given(count=st.integers(1, 150), seed=st.integers(0, 5), alike=st.integers(1, 64), classes=st.integers(1, 3))
def test_proposes_the_nearest_earlier_hashes_of_another_label(count, seed, alike, classes):
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**alike - 1, count, np.uint64, endpoint=True)
    labels = random.integers(0, classes, count)
    proposed = np.concatenate([propose_unlike(hashes, labels, start) for start in range(0, count, ROWS)])
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])
    for row in range(count):
        mine, wanted = proposed[proposed[:, 0] == row, 1], np.flatnonzero(labels[:row] != labels[row])
        near = np.sort(apart[row, wanted][apart[row, wanted] <= 10])[:8]
        assert set(mine) <= set(wanted) and np.sort(apart[row, mine]).tolist() == near.tolist()


@given(count=st.integers(1, 150), seed=st.integers(0, 5), alike=st.integers(1, 64))
def test_proposes_the_nearest_hashes(count, seed, alike):
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**alike - 1, count, np.uint64, endpoint=True)
    others = random.integers(0, 2**alike - 1, 40, np.uint64, endpoint=True)
    proposed = np.concatenate([propose_pairs(hashes, others, start) for start in range(0, count, ROWS)])
    apart = np.bitwise_count(hashes[:, None] ^ others[None])
    for row in range(count):
        mine = proposed[proposed[:, 0] == row, 1]
        near = np.sort(apart[row][apart[row] <= 10])[:8]
        assert np.sort(apart[row, mine]).tolist() == near.tolist()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 5), (1, 8, 8), (3, 40, 33), (1, 100, 7)])
def test_any_shape_is_hashed(shape):
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), np.uint8)
    assert hash_images(images).shape == (6,)
    assert max(reduce_images(images).shape[2:]) <= 32
    np.testing.assert_allclose(reduce_images(images).mean(axis=(1, 2, 3)), images.mean(axis=(1, 2, 3)), rtol=1e-5)
    assert np.all(correlate(images, images) > 0.999) or shape == (1, 1, 1)


def test_uniform_images_are_no_twins():
    train = np.full((10, 1, 8, 8), 100, np.uint8)
    assert search_twins(dataset(train, train[:5] + 1)).known == ()


def test_the_cache_keeps_positions_not_file_names(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    train, test = photographs(20, 0), photographs(5, 1)
    test[3] = changed(train[9], "jpeg")
    files = {"train": tuple(map(str, range(20))), "test": tuple("abcde")}
    before = find_twins(replace(dataset(train, test), files=files))
    after = find_twins(replace(dataset(train, test), files=files | {"test": tuple("ABCDE")}))
    assert before.known == after.known == (3,)
    assert [found.examples[0].second.file for found in (before, after)] == ["d", "D"]


def test_digits_that_merely_look_alike_are_not_twins(shared_data):
    whole = load_dataset("mnist")
    part = replace(whole.train, images=whole.train.images[:20_000], labels=whole.train.labels[:20_000])
    found = find_twins(replace(whole, train=part))
    assert found.across["train-test"] <= 10
