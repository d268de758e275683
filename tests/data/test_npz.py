import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.data import load_dataset
from bakeoff.data.npz import ArrayHeader, find_keys
from bakeoff.data.source_name import NPZ_OPTIONS, parse_source
from bakeoff.errors import BakeoffError

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 256, (24, 6, 5, 3), np.uint8)
Y = np.arange(24) % 3
SOURCE = parse_source("npz:a.npz", NPZ_OPTIONS)


def headers(**lengths: int) -> dict[str, ArrayHeader]:
    return {key: ArrayHeader((n, 4, 4) if key.startswith("x") else (n,)) for key, n in lengths.items()}


@pytest.mark.parametrize(
    ("name", "arrays", "groups"),
    [
        ("npz:a.npz", headers(x=9, y=9, groups=9), {"train": "groups"}),
        ("npz:a.npz", headers(x=9, y=9, patient_id=9), {"train": "patient_id"}),
        ("npz:a.npz?group=who", headers(x=9, y=9, who=9), {"train": "who"}),
        ("npz:a.npz?group=who", headers(x=9, y=9, who=9, groups=9), {"train": "who"}),
        ("npz:a.npz?images=x&labels=y&group=who", headers(x=9, y=9, who=9), {"train": "who"}),
        ("npz:a.npz?images=x&labels=y", headers(x=9, y=9, groups=9), {"train": "groups"}),
        (
            "npz:a.npz",
            headers(x_train=9, y_train=9, groups_train=9, x_test=5, y_test=5, groups_test=5),
            {"train": "groups_train", "test": "groups_test"},
        ),
        (
            "npz:a.npz?group=who_train",
            headers(x_train=9, y_train=9, who_train=9, x_test=5, y_test=5, who_test=5),
            {"train": "who_train", "test": "who_test"},
        ),
        ("npz:a.npz", headers(x_train=9, y_train=9, groups_train=9, x_test=5, y_test=5), {}),
        ("npz:a.npz", headers(x=9, y=9, weights=9), {}),
    ],
)
def test_groups_are_recognised(name, arrays, groups):
    assert find_keys(arrays, parse_source(name, NPZ_OPTIONS)).groups == groups


def test_groups_of_some_splits_only_are_refused_where_they_were_asked_for():
    arrays = headers(x_train=9, y_train=9, who=9, x_test=5, y_test=5)
    with pytest.raises(BakeoffError, match="none of its test images"):
        find_keys(arrays, parse_source("npz:a.npz?group=who", NPZ_OPTIONS))


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (("x", "y"), (19, 5)),
        (("images", "labels"), (19, 5)),
        (("arr_0", "arr_1"), (19, 5)),
        (("x_train", "y_train", "x_test", "y_test"), (24, 24)),
        (("X_test", "trainX", "Y_test", "trainY"), (24, 24)),
        (("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"), (24, 24)),
    ],
)
def test_usual_names_are_recognised(path, names, counts):
    np.savez(path, **{name: X if "x" in name.lower() or "im" in name or name == "arr_0" else Y for name in names})
    dataset = load_dataset(f"npz:{path}")
    assert dataset.info.name == "npz:a.npz"
    assert (len(dataset.train), len(dataset.test)) == counts
    assert (dataset.validation is not None) == any("val" in name for name in names)
    assert str(dataset.info.shape) == "3x6x5"
    assert dataset.info.classes == ("0", "1", "2")
    assert not dataset.info.photographs
    assert f"images from {next(n for n in names if 'test' not in n and 'val' not in n)!r}" in dataset.reading


@given(names=st.permutations(["train_images", "train_labels", "test_images", "test_labels", "extra"]))
def test_the_order_of_the_arrays_does_not_matter(names):
    headers = {name: ArrayHeader((9, 4, 4) if "images" in name else (9,)) for name in names}
    assert find_keys(headers, SOURCE).splits == {
        "train": ("train_images", "train_labels"),
        "test": ("test_images", "test_labels"),
    }


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layout=st.sampled_from(["NHWC", "NCHW", "NHW"]), floats=st.booleans(), flat=st.booleans())
def test_any_order_of_the_axes_gives_the_same_bytes(path, layout, floats, flat):
    images = X[..., 0] if layout == "NHW" else X
    given = images.transpose(0, 3, 1, 2) if layout == "NCHW" else images
    given = given.astype(np.float64) / 255 if floats else given
    np.savez(path, x=given, y=Y if flat else Y[:, None])
    dataset = load_dataset(f"npz:{path}")
    expected = images[:, None] if layout == "NHW" else images.transpose(0, 3, 1, 2)
    found = np.concatenate([dataset.train.images, dataset.test.images])
    assert sorted(map(bytes, found)) == sorted(map(bytes, np.ascontiguousarray(expected)))
    assert ("became 0 to 255" in dataset.reading) == floats


def test_whole_numbers_of_any_type_are_the_same_images(path):
    np.savez(path, x=X, y=Y)
    expected = load_dataset(f"npz:{path}")
    np.savez(path, x=X.astype(np.float32), y=Y)
    found = load_dataset(f"npz:{path}")
    assert found.info == expected.info and "became" not in found.reading


def test_the_second_load_opens_the_pack_and_a_changed_file_is_read_again(path, monkeypatch):
    np.savez(path, x=X, y=Y)
    first = load_dataset(f"npz:{path}")
    with monkeypatch.context() as patch:
        patch.setattr("bakeoff.data.npz.find_keys", None)
        assert load_dataset(f"npz:{path}").info == first.info
    np.savez(path, x=255 - X, y=Y)
    assert load_dataset(f"npz:{path}").info.content_hash != first.info.content_hash
    assert load_dataset(f"npz:{path}~contrast=0.5").info.name == "npz:a.npz~contrast=0.5"


def test_arrays_classes_and_mirroring_can_be_named(path):
    np.savez(path, one=X, two=X[:12], a=Y, class_names=np.array(["cat", "dog", "emu"]))
    dataset = load_dataset(f"npz:{path}?images=one&labels=a&photographs=yes")
    assert dataset.info.photographs
    np.savez(path, x=X, y=Y, class_names=np.array(["cat", "dog", "emu"]))
    assert load_dataset(f"npz:{path}").info.classes == ("cat", "dog", "emu")


def test_one_hot_labels_are_classes(path):
    np.savez(path, x=X, y=np.eye(3)[Y])
    dataset = load_dataset(f"npz:{path}")
    np.savez(path, x=X, y=Y)
    np.testing.assert_array_equal(dataset.train.labels, load_dataset(f"npz:{path}").train.labels)


def test_python_objects_that_are_not_used_are_left_alone(path):
    np.savez(path, x=X, y=Y.astype(float), notes=np.array([{"by": "me"}], object))
    assert load_dataset(f"npz:{path}").info.train_images


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x": X / 2, "y": Y}, "fractions from 0 to 1"),
        ({"x": X[..., :2], "y": Y}, "1 or 3 channels"),
        ({"x": X, "y": Y[:5]}, r"24 images and labels of the shape \(5,\)"),
        ({"x": X, "y": np.ones((24, 14), int)}, "several labels or none"),
        ({"x": X, "y": np.array([Bomb()] * 24, object)}, "y holds Python objects.*run code.*y.astype"),
        ({"x": np.array([X[0], X[1][:3]] * 12, object), "y": Y}, r"x holds Python objects.*np\.stack"),
        ({"x": X, "y": Y / 2}, r"labels of train are fractions, such as 0\.5"),
        ({"x": X}, r"holds x \(24, 6, 5, 3\): name the images"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "name the images"),
        ({"a": X, "b": X, "c": Y}, "name the images"),
        ({"x": X, "y": np.zeros(24, int)}, "all labels are '0': expected two classes or more"),
        ({}, "holds no arrays"),
    ],
)
def test_arrays_that_cannot_be_used_are_explained(path, arrays, told):
    np.savez(path, **arrays)
    with pytest.raises(BakeoffError, match=told):
        load_dataset(f"npz:{path}")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not an archive of arrays"),
        (b"PK\x03\x04 broken", "not an archive of arrays"),
        (pickle.dumps([1]), "not an archive of arrays"),
        (b"\x93NUMPY\x01\x00broken", "holds one array"),
    ],
)
def test_files_that_are_not_archives_are_explained(path, content, told):
    path.write_bytes(content)
    with pytest.raises(BakeoffError, match=told):
        load_dataset(f"npz:{path}")
    np.save(path.with_suffix(".npy"), X)
    with pytest.raises(BakeoffError, match="holds one array"):
        load_dataset(f"npz:{path.with_suffix('.npy')}")


def test_damaged_archives_and_other_members_are_explained(path):
    np.savez_compressed(path, x=X, y=Y)
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes(50) + whole[250:])
    with pytest.raises(BakeoffError, match=r"a\.npz"):
        load_dataset(f"npz:{path}")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../x.txt", "no array")
    with pytest.raises(BakeoffError, match=r"a\.npz"):
        load_dataset(f"npz:{path}")


def test_an_archive_larger_than_the_memory_is_refused(path, monkeypatch):
    np.savez(path, x=X, y=Y)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("", (), {"available": 1000}))
    with pytest.raises(BakeoffError, match="of memory to read, where 1 kB are free"):
        load_dataset(f"npz:{path}")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("npz:gone.npz", "does not exist"),
        ("npz:{path}?image=x", "did you mean images"),
        ("npz:{path}?images=z", "no array 'z' for images"),
        ("npz:{path}?photographs=maybe", "yes, .*, or no"),
    ],
)
def test_names_that_are_wrong_are_explained(path, name, told):
    np.savez(path, x=X, y=Y)
    with pytest.raises(BakeoffError, match=told):
        load_dataset(name.format(path=path))
