"""Versions of data sets with other splits: by groups, and as folds."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from drawn import assert_same, draw
from hypothesis import given
from hypothesis import strategies as st

import tiny
from bakeoff.data import canonical_name, file_names, info, inspect, load_dataset, source_of
from bakeoff.data.dataset import Dataset
from bakeoff.data.graded import is_graded, split_name
from bakeoff.data.resplit import Resplit, name_version, read_resplit, resplit
from bakeoff.errors import BakeoffError

BY_PLANT = r"~groups=(?P<group>\d+)_"


@pytest.fixture
def plants(tmp_path, monkeypatch):
    """Ten plants of two kinds, four pictures of each."""
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    for i in range(40):
        draw(tmp_path / "plants" / "ab"[i // 4 % 2] / f"{i // 4}_{i % 4}.png", i)
    return f"folder:{tmp_path / 'plants'}"


def plants_of(dataset, split):
    return {name.rpartition("/")[2].partition("_")[0] for name in file_names(dataset, split)}


def test_no_plant_is_in_training_and_test(plants):
    plain, grouped = load_dataset(plants), load_dataset(plants + BY_PLANT)
    assert plants_of(plain, "train") & plants_of(plain, "test")
    assert not plants_of(grouped, "train") & plants_of(grouped, "test")
    assert (grouped.info.train_images, grouped.info.test_images) == (32, 8)
    assert np.bincount(grouped.test.labels).tolist() == [4, 4]
    assert grouped.info.content_hash != plain.info.content_hash
    assert grouped.info.name == "folder:plants" + BY_PLANT
    for split in ("train", "test"):
        for name, group in zip(file_names(grouped, split), grouped.splits()[split].groups, strict=True):
            assert name.rpartition("/")[2].startswith(f"{group}_")
    before = {name: image for split in ("train", "test") for name, image in named(plain, split)}
    for split in ("train", "test"):
        for name, image in named(grouped, split):
            np.testing.assert_array_equal(image, before.pop(name))
    assert not before


def named(dataset, split):
    return zip(file_names(dataset, split), dataset.splits()[split].images, strict=True)


def test_is_the_same_from_headers_alone_and_again(plants):
    seen, made = inspect(plants + BY_PLANT), load_dataset(plants + BY_PLANT)
    assert seen.info == made.info == info(plants + BY_PLANT)
    assert file_names(seen, "test") == file_names(made, "test")
    assert_same(made, load_dataset(plants + BY_PLANT))


@pytest.mark.parametrize("groups", ["", BY_PLANT])
def test_every_image_is_tested_once_over_the_folds(plants, groups):
    folds = [load_dataset(f"{plants}{groups}~fold={k}of5") for k in range(1, 6)]
    tested = [name for fold in folds for name in file_names(fold, "test")]
    assert len(tested) == len(set(tested)) == 40
    assert len({fold.info.content_hash for fold in folds}) == 5
    for fold in folds:
        assert len(fold.train) + len(fold.test) == 40
        assert not set(file_names(fold, "train")) & set(file_names(fold, "test"))
        assert bool(plants_of(fold, "train") & plants_of(fold, "test")) == (groups == "")


@pytest.mark.parametrize(
    ("copies", "groups", "told"),
    [
        (1, False, "12 images cannot be divided into 13 parts: choose at most 12"),
        (2, False, "6 different images cannot be divided into 13 parts, since copies of an image stay together"),
        (
            1,
            True,
            "4 groups cannot be divided into 13 parts, since images of one group stay together",
        ),
    ],
)
def test_too_few_images_for_the_folds_are_called_what_they_are(copies, groups, told):
    pixels = np.repeat(np.arange(12)[:, None, None, None] // copies, 4, axis=3).astype(np.uint8)
    own = [tuple(f"plant {i % 4}" for i in range(6)) if groups else ()] * 2
    parts = [tiny.Images(pixels[k * 6 :][:6], np.arange(6) % 2, own[k]) for k in range(2)]
    with pytest.raises(BakeoffError) as caught:
        resplit(replace(tiny.dataset(), train=parts[0], test=parts[1]), Resplit(fold=1, folds=13))
    assert told in str(caught.value)


@given(
    images=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 15)), min_size=12, max_size=60),
    folds=st.integers(2, 6),
    grouped=st.booleans(),
)
def test_folds_tear_neither_copies_nor_groups_apart(images, folds, grouped):
    contents, groups = (np.array(own) for own in zip(*images, strict=True))
    pixels = np.repeat(contents[:, None, None, None], 4, axis=3).astype(np.uint8)
    half = len(images) // 2
    parts = [
        tiny.Images(pixels[rows], contents[rows] % 2, tuple(map(str, groups[rows].tolist())) if grouped else ())
        for rows in (slice(0, half), slice(half, None))
    ]
    whole = replace(tiny.dataset(), train=parts[0], test=parts[1])
    try:
        made = [resplit(whole, Resplit(fold=k + 1, folds=folds)) for k in range(folds)]
    except BakeoffError as error:
        assert "cannot be divided" in str(error) or "no training images" in str(error)
        return
    assert sum(len(fold.test) for fold in made) == len(images)
    for one, other in combinations(made, 2):
        assert not {i.tobytes() for i in one.test.images} & {i.tobytes() for i in other.test.images}
        assert not grouped or not set(one.test.groups) & set(other.test.groups)
    for fold in made:
        assert sorted([*fold.train.labels, *fold.test.labels]) == sorted(contents % 2)
        assert {i.tobytes() for i in fold.train.images}.isdisjoint(i.tobytes() for i in fold.test.images)


def test_an_own_test_split_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    for i in range(24):
        draw(tmp_path / "split" / ("train", "test")[i % 3 == 0] / "ab"[i % 2] / f"{i // 4}_{i}.png", i)
    plain, grouped = (load_dataset(f"folder:{tmp_path / 'split'}{groups}") for groups in ("", BY_PLANT))
    assert file_names(plain, "test") == file_names(grouped, "test")
    assert set(grouped.train.groups) & set(grouped.test.groups)
    assert plain.info.content_hash != grouped.info.content_hash


def test_arrays_come_with_groups(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    images, labels, patients = random.integers(0, 256, (60, 8, 8), np.uint8), np.arange(60) % 3, np.arange(60) // 6
    plain = Dataset.from_arrays((images, labels))
    grouped = Dataset.from_arrays((images, labels), groups=patients)
    assert grouped.info.content_hash != plain.info.content_hash
    assert set(grouped.train.groups).isdisjoint(grouped.test.groups)
    assert set(grouped.train.groups) | set(grouped.test.groups) == {str(i) for i in range(10)}
    assert load_dataset(grouped.info.name).train.groups == grouped.train.groups
    own = Dataset.from_arrays(
        (images, labels), test=(images, labels), groups={"train": patients, "test": patients + 20}
    )
    assert own.test.groups[0] == "20"
    for wrong in (patients[1:], {"test": patients}):
        with pytest.raises(BakeoffError, match="one for each image"):
            Dataset.from_arrays((images, labels), groups=wrong)


@given(groups=st.text(max_size=20), fold=st.integers(0, 7), base=st.sampled_from(["digits", "folder:a~b/c"]))
def test_names_read_back(groups, fold, base):
    wanted = Resplit(groups, fold, 7 if fold else 0)
    name = f"{base}{wanted}"
    assert read_resplit(name) == (base, wanted)
    assert split_name(f"{name}~contrast=0.5")[0] == name
    assert not is_graded(name) and is_graded(f"{name}~contrast=0.5")
    assert source_of(f"{name}~contrast=0.5") == base


@pytest.mark.parametrize("fold", ["0of5", "6of5", "1of1", "1of101", "2", "", "-1of5"])
def test_an_impossible_fold_is_refused(fold):
    with pytest.raises(BakeoffError, match="~fold=1of5"):
        read_resplit(f"digits~fold={fold}")


def test_digits_come_in_folds():
    name = "digits~fold=2of4"
    made = load_dataset(name)
    assert made.info.train_images + made.info.test_images == 1797
    assert abs(made.info.test_images - 1797 / 4) < 5
    assert canonical_name(f"{name}~classes=10", made.info) == name
    with pytest.raises(BakeoffError, match="no file names"):
        load_dataset("digits~groups=x")


def test_a_class_in_one_group_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    for i in range(12):
        draw(tmp_path / "one" / "ab"[i > 8] / f"{min(i, 9)}_{i}.png", i)
    with pytest.raises(BakeoffError, match="all in one group"):
        [load_dataset(f"folder:{tmp_path / 'one'}{BY_PLANT}~fold={k}of3") for k in (1, 2, 3)]


def test_a_table_has_groups_in_a_column(plants, tmp_path):
    folder = plants.removeprefix("folder:")
    rows = [f"{'ab'[i // 4 % 2]}/{i // 4}_{i % 4}.png,{'ab'[i // 4 % 2]},{i // 4}" for i in range(40)]
    (tmp_path / "plants" / "t.csv").write_text("\n".join(["file,label,pot", *rows]))
    name = name_version(f"csv:{folder}/t.csv", groups="pot")
    assert name.endswith("t.csv?group=pot")
    grouped = load_dataset(name)
    assert set(grouped.train.groups).isdisjoint(grouped.test.groups)
    assert len(grouped.test) == 8
    by_name = load_dataset(name_version(f"csv:{folder}/t.csv", groups=r"(\d+)_"))
    assert set(by_name.train.groups).isdisjoint(by_name.test.groups)
    folds = [load_dataset(name_version(name, fold=k, folds=3)) for k in (1, 2, 3)]
    assert sorted(n for fold in folds for n in file_names(fold, "test")) == sorted(r.partition(",")[0] for r in rows)
    assert all(set(fold.train.groups).isdisjoint(fold.test.groups) for fold in folds)
