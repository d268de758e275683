import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.describe import describe, mean_and_std
from bakeoff.spec.data import DataInfo, ImageShape


def dataset(train: np.ndarray, train_labels: list, test: np.ndarray, test_labels: list) -> Dataset:
    return Dataset(
        info=DataInfo(
            name="made up",
            shape=ImageShape(*train.shape[1:]),
            classes=("a", "b"),
            content_hash="0",
            train_images=len(train),
            validation_images=0,
            test_images=len(test),
            photographs=False,
        ),
        train=Images(train, np.array(train_labels)),
        validation=None,
        test=Images(test, np.array(test_labels)),
        source="here",
        licence="MIT",
        citation="none",
    )


@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_mean_and_spread_are_numpy_s(count, channels, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, channels, 5, 4), np.uint8)
    mean, std = mean_and_std(images)
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(std, (images / 255).std(axis=(0, 2, 3)), atol=1e-12)


def test_the_chunk_size_does_not_matter(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 8, 8), np.uint8)
    whole = mean_and_std(images)
    monkeypatch.setattr("bakeoff.data.describe.CHUNK", 500)
    assert mean_and_std(images) == whole


def test_duplicates_are_found_within_and_across_splits():
    one, two, three, four = np.random.default_rng(0).integers(0, 256, (4, 1, 2, 2), np.uint8)
    found = describe(
        dataset(np.stack([one, two, one, three, one]), [0, 1, 0, 1, 0], np.stack([three, four, two]), [0, 1, 1])
    ).duplicates
    assert found.within == {"train": 2, "test": 0}
    assert found.across == {"train-test": 2}
    assert found.conflicting == 1
    assert found.known == (0, 2)
    listed = [[(place.split, place.index, place.label) for place in group] for group in found.examples]
    assert listed == [
        [("train", 3, "b"), ("test", 0, "a")],
        [("train", 1, "b"), ("test", 2, "b")],
        [("train", 0, "a"), ("train", 2, "a"), ("train", 4, "a")],
    ]


def test_a_description_is_json_with_every_key():
    images = np.zeros((2, 1, 2, 2), np.uint8)
    images[1] = 255
    content = msgspec.json.decode(msgspec.json.encode(describe(dataset(images, [0, 1], images[:1], [1]))))
    assert set(content) == {
        *("name", "shape", "content_hash", "source", "licence", "citation", "classes"),
        *("splits", "sizes", "image", "depth", "reading", "nesting", "skipped", "left_out", "duplicates", "twins"),
        *("groups", "properties"),
    }
    assert content["splits"]["train"] == {"images": 2, "per_class": {"a": 1, "b": 1}, "mean": [0.5], "std": [0.5]}
    assert content["splits"]["test"]["per_class"] == {"a": 0, "b": 1}
    assert content["shape"] == "1x2x2"
