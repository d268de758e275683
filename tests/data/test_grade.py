"""What the dials do to arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bakeoff.data import grade
from bakeoff.data.grade import DIALS

ALL = slice(None)
IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(3), st.integers(2, 9), st.integers(2, 9)))
LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda own: np.array(own, np.int64))
PIXELS = [(name, dial) for name, dial in DIALS.items() if dial.pixels]


@pytest.mark.parametrize(("name", "dial"), PIXELS)
@given(images=IMAGES)
def test_the_original_level_changes_no_pixel(name, dial, images):
    assert np.array_equal(dial.pixels(images, ALL, dial.original), images)


@pytest.mark.parametrize(("name", "dial"), PIXELS)
@given(images=IMAGES, share=st.floats(0.05, 0.95))
def test_a_part_is_changed_as_in_the_whole_and_the_source_stays(name, dial, images, share):
    before, level = images.copy(), round(8 * share) if dial.whole else share
    whole = dial.pixels(images, ALL, level)
    part = slice(len(images) // 2, None)
    assert whole.dtype == np.uint8 and whole.shape == images.shape
    assert np.array_equal(dial.pixels(images, part, level), whole[part])
    assert np.array_equal(images, before)


@given(images=IMAGES)
def test_no_colour_is_grey(images):
    grey = grade.colour(images, ALL, 0)
    assert np.array_equal(grey[:, 0], grey[:, 1]) and np.array_equal(grey[:, 1], grey[:, 2])


@given(images=IMAGES, level=st.floats(0, 1))
def test_contrast_moves_no_pixel_away_from_the_mean(images, level):
    mean = images.mean((2, 3), keepdims=True)
    moved = np.abs(grade.contrast(images, ALL, level) - mean)
    assert (moved <= np.abs(images - mean) + 0.51).all()
    assert (grade.contrast(images, ALL, 0) == np.rint(mean.astype(np.float32))).all()


def test_half_the_resolution_is_the_mean_of_squares_of_four_pixels():
    image = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4) * 4
    coarse = grade.resolution(image, ALL, 0.5)
    assert coarse[0, 0].tolist() == [[10, 10, 18, 18]] * 2 + [[42, 42, 50, 50]] * 2


def test_stronger_clutter_covers_what_weaker_covers_and_more():
    images = np.random.default_rng(0).integers(0, 256, (50, 1, 16, 16), np.uint8)
    changed = [(grade.clutter(images, ALL, level) != images).mean() for level in (0, 1, 4, 16)]
    assert changed == sorted(changed) and changed[0] == 0 and 0.03 < changed[1] < 1 / 16 and changed[3] > 0.4


@given(labels=LABELS, level=st.integers(2, 5))
def test_fewer_classes_are_part_of_more_and_renumbered(labels, level):
    rows, kept = grade.classes(labels, 5, level)
    more, _ = grade.classes(labels, 5, min(5, level + 1))
    assert set(rows) <= set(more)
    assert np.array_equal(grade.kept_classes(5, level)[kept], labels[rows])
    assert len(grade.kept_classes(5, level)) == level


@given(labels=LABELS, level=st.floats(0, 1))
def test_label_noise_gives_so_many_wrong_labels(labels, level):
    rows, noisy = grade.label_noise(labels, 5, level)
    assert rows is None and (noisy != labels).sum() == round(level * len(labels))
    assert noisy.min() >= 0 and noisy.max() < 5
    _, stronger = grade.label_noise(labels, 5, min(1, level + 0.2))
    assert np.array_equal(stronger[noisy != labels], noisy[noisy != labels])


@pytest.mark.parametrize("level", [1, 4, 20])
def test_imbalance_thins_the_smallest_class_out_to_one_over_the_level(level):
    labels = np.repeat(np.arange(5), 200)
    rows, kept = grade.imbalance(labels, 5, level)
    counts = np.bincount(kept)
    assert np.array_equal(labels[rows], kept)
    assert (counts.max(), counts.min()) == (200, 200 / level)
    ratios = np.sort(counts)[1:] / np.sort(counts)[:-1]
    assert ratios == pytest.approx([level**0.25] * 4, rel=0.1)
