import numpy as np
import pytest

import tiny
from bakeoff import data as datasets
from bakeoff.data.dataset import Dataset
from bakeoff.errors import BakeoffError

BRIGHT = tiny.images(60, 0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    return tmp_path


def test_arrays_are_packed_and_open_by_name():
    made = Dataset.from_arrays((BRIGHT.images, BRIGHT.labels), test=(BRIGHT.images[:9], BRIGHT.labels[:9]), name="dots")
    assert made.info.name.startswith("arrays:dots@") and datasets.is_local(made.info.name)
    opened = datasets.load_dataset(made.info.name)
    assert opened.info == made.info == datasets.info(made.info.name, fetch=False)
    assert np.array_equal(opened.train.images, BRIGHT.images) and np.array_equal(opened.train.labels, BRIGHT.labels)
    assert (len(opened.train), opened.validation, len(opened.test)) == (60, None, 9)
    assert opened.info.classes == ("0", "1", "2")
    graded = datasets.load_dataset(f"{made.info.name}~contrast=0.5")
    assert graded.info.content_hash != made.info.content_hash


def test_the_hash_is_that_of_the_content_alone():
    pair = (BRIGHT.images, BRIGHT.labels)
    first, second = Dataset.from_arrays(pair, name="a"), Dataset.from_arrays(pair, name="b")
    assert first.info.content_hash == second.info.content_hash
    assert {first.info.name[:9], second.info.name[:9]} == {"arrays:a@", "arrays:b@"}
    other = Dataset.from_arrays((255 - BRIGHT.images, BRIGHT.labels))
    assert other.info.content_hash != first.info.content_hash
    mirrored = Dataset.from_arrays(pair, name="a", photographs=True)
    assert mirrored.info.photographs and not first.info.photographs
    assert mirrored.info.content_hash == first.info.content_hash and mirrored.info.name != first.info.name


@pytest.mark.parametrize(
    "images",
    [
        BRIGHT.images[:, 0],
        BRIGHT.images.transpose(0, 2, 3, 1),
        BRIGHT.images.astype(np.int64),
        BRIGHT.images / 255,
        (BRIGHT.images / 255).astype(np.float32),
        BRIGHT.images.tolist(),
        BRIGHT.images.astype(np.float32),
    ],
    ids=["grey", "channels last", "whole numbers", "floats", "single precision", "lists", "whole floats"],
)
def test_forms_of_the_same_images_are_the_same(images):
    expected = Dataset.from_arrays((BRIGHT.images, BRIGHT.labels)).info
    assert Dataset.from_arrays((images, BRIGHT.labels)).info == expected


def test_a_test_split_is_set_aside_of_each_class():
    made = Dataset.from_arrays((BRIGHT.images, BRIGHT.labels))
    assert (len(made.train), len(made.test)) == (48, 12)
    assert set(np.bincount(made.test.labels)) == {4}
    twice = np.concatenate([BRIGHT.images, BRIGHT.images])
    both = Dataset.from_arrays((twice, np.concatenate([BRIGHT.labels, BRIGHT.labels])))
    train, test = ({image.tobytes() for image in part.images} for part in (both.train, both.test))
    assert not train & test


def test_labels_may_be_names():
    names = np.array(["cat", "dog", "emu"])[BRIGHT.labels]
    made = Dataset.from_arrays((BRIGHT.images, names))
    assert made.info.classes == ("cat", "dog", "emu")
    assert Dataset.from_arrays((BRIGHT.images, BRIGHT.labels), classes=["cat", "dog", "emu"]).info == made.info
    turned = Dataset.from_arrays((BRIGHT.images, names), test=(BRIGHT.images, names), classes=["emu", "dog", "cat"])
    assert turned.info.classes == ("emu", "dog", "cat") and np.array_equal(turned.test.labels, 2 - BRIGHT.labels)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"train": (BRIGHT.images / 16, BRIGHT.labels)}, "fractions from 0 to 1"),
        ({"train": (BRIGHT.images * 2.0, BRIGHT.labels)}, "whole numbers from 0 to 255; found"),
        ({"train": (BRIGHT.images.astype(int) * 2, BRIGHT.labels)}, "whole numbers from 0 to 255; found"),
        ({"train": (np.full((9, 2, 2), np.nan), np.arange(9))}, "pixels must be"),
        ({"train": (BRIGHT.images, BRIGHT.labels[:5])}, "60 images and labels of the shape (5,)"),
        ({"train": (np.zeros((9, 2)), np.arange(9))}, "the shape (9, 2)"),
        ({"train": (np.zeros((9, 5, 8, 8)), np.arange(9))}, "1 or 3 channels"),
        ({"train": BRIGHT.images}, "takes a pair of arrays"),
        ({"train": (BRIGHT.images, BRIGHT.labels), "test": (BRIGHT.images[:, :, :4], BRIGHT.labels)}, "one shape"),
        ({"train": (BRIGHT.images, BRIGHT.labels), "test": (BRIGHT.images, BRIGHT.labels + 1)}, "not a class: 3"),
        ({"train": (BRIGHT.images, BRIGHT.labels), "classes": ["a", "b"]}, "not a class: 2"),
        ({"train": (BRIGHT.images, 0 * BRIGHT.labels)}, "all labels are '0': expected two classes or more"),
        ({"train": (BRIGHT.images, BRIGHT.labels), "classes": ["a"]}, "one class, 'a': expected two classes or more"),
        ({"train": (BRIGHT.images, BRIGHT.labels), "classes": ["a", "b", "a"]}, "two classes have the name 'a'"),
        ({"train": (BRIGHT.images[:3], BRIGHT.labels[:3])}, "too few to set aside a test split"),
        ({"train": (BRIGHT.images, BRIGHT.labels), "name": "a/b"}, "letters, digits, dots and hyphens"),
    ],
)
def test_errors_are_explained(given, told):
    with pytest.raises(BakeoffError) as caught:
        Dataset.from_arrays(**given)
    assert told in str(caught.value)


def test_what_is_not_in_the_cache_is_asked_for_again():
    for name in ("arrays:a@01234567", "arrays:a", "arrays:../a@01234567"):
        with pytest.raises(BakeoffError, match="give them again"):
            datasets.load_dataset(name)


def test_a_data_set_is_shown_in_a_line():
    made = Dataset.from_arrays((BRIGHT.images, BRIGHT.labels), name="dots")
    images = "images of 1x8x8: train 48, test 12"
    assert repr(made) == str(made) == f"<Dataset {made.info.name}: 3 classes (0, 1 and 2); {images}>"
    assert repr(made.test) == "<12 images of 1x8x8>"
