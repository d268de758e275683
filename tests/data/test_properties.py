"""Properties of images whose properties are known."""

import tracemalloc

import numpy as np
import pytest

import tiny
from bakeoff.data import load_dataset
from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.properties import (
    LABELS,
    Properties,
    balance,
    colourfulness,
    compute_properties,
    edge_density,
    intrinsic_dimension,
    neighbour_error,
    properties,
    reduced,
)
from bakeoff.spec.data import DataInfo, ImageShape


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_the_intrinsic_dimension_is_that_of_the_surface_not_of_the_space(dimensions):
    random = np.random.default_rng(0)
    places = random.random((1500, dimensions)).astype(np.float32)
    points = places @ random.standard_normal((dimensions, 40)).astype(np.float32)
    assert intrinsic_dimension(points) == pytest.approx(dimensions, rel=0.2)


def test_copies_of_points_count_once_and_too_few_points_have_no_dimension():
    points = np.random.default_rng(0).random((300, 3)).astype(np.float32)
    assert intrinsic_dimension(np.concatenate([points, points])) == pytest.approx(intrinsic_dimension(points))
    assert intrinsic_dimension(points[:3]) is None
    assert intrinsic_dimension(np.zeros((50, 3), np.float32)) is None


def test_colourfulness_of_known_images():
    grey = np.repeat(np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8), 3, axis=1)
    assert colourfulness(grey) == 0 == colourfulness(grey[:, :1])
    red = np.zeros((1, 3, 4, 4), np.uint8)
    red[:, 0] = 200
    assert colourfulness(red) == pytest.approx(0.3 * np.hypot(200, 100))


def test_edges_are_where_grey_changes():
    images = np.zeros((1, 1, 8, 8), np.uint8)
    assert edge_density(images) == 0
    images[..., 4:] = 200
    assert edge_density(images) == 0.25  # the two columns beside the edge
    images[..., 4:] = 20
    assert edge_density(images) == 0


def test_balance_is_one_for_equal_classes():
    assert balance(np.array([50, 50, 50])) == pytest.approx(1)
    assert balance(np.array([100, 0])) == 0
    assert 0.4 < balance(np.array([90, 10])) < 0.5


def test_the_nearest_neighbour_of_a_training_image_is_itself():
    points = np.arange(10, dtype=np.float32)[:, None]
    labels = np.arange(10) % 2
    assert neighbour_error(points, labels, points + 0.1, labels) == 0
    assert neighbour_error(points, labels, points + 0.1, 1 - labels) == 1


def test_they_are_computed_once_and_the_same_every_time(monkeypatch):
    dataset = load_dataset("digits")
    first = properties(dataset)
    assert first == compute_properties(dataset)
    monkeypatch.setattr("bakeoff.data.properties.compute_properties", lambda dataset: pytest.fail("computed again"))
    assert properties(dataset) == first
    assert set(LABELS) == set(Properties.__struct_fields__)
    assert (first.side, first.channels, first.classes, first.train_images) == (8, 1, 10, 1415)
    assert 0 < first.neighbour_error < 0.05 and first.balance > 0.99 and first.compression > 1


def test_large_images_take_little_memory():
    random = np.random.default_rng(0)
    large = [Images(random.integers(0, 256, (n, 3, 375, 500), np.uint8), np.arange(n) % 2) for n in (20, 4)]
    info = DataInfo("large", ImageShape(3, 375, 500), ("a", "b"), "0", 20, 0, 4, True)
    tracemalloc.start()
    found = compute_properties(Dataset(info, large[0], None, large[1], "", "", ""))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 2**20  # it was gigabytes
    assert found.side == pytest.approx(433, abs=1)


def test_large_images_are_compared_at_a_smaller_size_others_as_they_are():
    images = np.arange(2 * 3 * 128 * 96, dtype=np.uint8).reshape(2, 3, 128, 96)
    small = reduced(images)
    assert small.shape == (2, 3, 64, 48)
    assert small[1, 2, 5, 7] == images[1, 2, 10:12, 14:16].mean()
    np.testing.assert_array_equal(reduced(images[..., :64, :64]), images[..., :64, :64])
    assert reduced(images[..., :127, :]).shape == (2, 3, 63, 48)


def test_the_smallest_data_sets_have_them_too():
    found = compute_properties(tiny.dataset(train=6, test=3))
    assert found.classes == 3
