"""Graded versions of data sets: their names, and what they are made of."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from bakeoff import data
from bakeoff.data.grade import DIALS
from bakeoff.data.graded import Grade, grade_dataset, is_graded, join_name, original_level, split_name
from bakeoff.errors import BakeoffError


@st.composite
def grades(draw):
    name = draw(st.sampled_from(sorted(DIALS)))
    low, high = DIALS[name].reach
    whole = DIALS[name].whole
    return Grade(name, float(draw(st.integers(int(low), int(high)))) if whole else draw(st.floats(low, high)))


BASES = st.sampled_from(["mnist", "folder:a/b", "folder:~/my photos", "folder:a~b", "folder:x~contrast=0.5/"])


@given(base=BASES, wanted=st.lists(grades(), max_size=3))
def test_names_survive_being_written_and_read(base, wanted):
    name = join_name(base, wanted)
    assert split_name(name) == (base, tuple(wanted))
    assert is_graded(name) == bool(wanted)


@given(text=st.text())
def test_any_other_text_is_a_name_or_a_mistake_that_is_explained(text):
    try:
        base, found = split_name(text)
    except BakeoffError as error:
        assert "~" in text and str(error)
    else:
        assert found or base == text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mnist~contrst=1", "unknown dial 'contrst': did you mean contrast"),
        ("folder:a~b=1", "a slash at the end"),
        ("mnist~contrast=much", "expects a number"),
        ("mnist~contrast=nan", "expects a number from 0 to 1"),
        ("mnist~classes=2.5", "expects a whole number"),
        ("mnist~upscale=2", "a setting of the recipe.*--set image.scale=2"),
        ("digits~classes=11", "digits has 10 classes"),
        ("digits~colour=0", "digits has no colours"),
        ("digit~contrast=0.5", "did you mean digits"),
    ],
)
def test_mistakes_are_explained(name, told):
    with pytest.raises(BakeoffError, match=told):
        data.load_dataset(name)


@pytest.mark.parametrize("dial", sorted(DIALS))
def test_the_original_level_is_the_data_set_itself(dial):
    dataset = data.load_dataset("digits")
    level = original_level(dial, dataset.info)
    assert level is not None
    same = data.load_dataset(f"digits~{Grade(dial, level)}")
    assert same.info == dataset.info and same.train.images is not None
    assert np.array_equal(same.train.images, dataset.train.images)
    assert data.info(f"digits~{Grade(dial, level)}") == dataset.info


@pytest.mark.parametrize(
    "name", ["contrast=0.5", "resolution=0.5", "clutter=2", "classes=3", "label-noise=0.3", "imbalance=9"]
)
def test_versions_are_the_same_every_time_and_unlike_all_others(name):
    dataset, one, two = (
        data.load_dataset("digits"),
        data.load_dataset(f"digits~{name}"),
        data.load_dataset(f"digits~{name}"),
    )
    assert one.info == two.info == data.info(f"digits~{name}")
    assert one.info.content_hash != dataset.info.content_hash
    for split in ("train", "test"):
        ours, theirs = one.splits()[split], two.splits()[split]
        assert np.array_equal(ours.images, theirs.images) and np.array_equal(ours.labels, theirs.labels)
        assert len(ours) == len(ours.images) == getattr(one.info, f"{split}_images")
        assert ours.labels.max() < len(one.info.classes)


def test_equal_levels_written_differently_are_one_version():
    assert data.info("digits~contrast=0.50") == data.info("digits~contrast=.5")


@pytest.mark.parametrize("name", ["label-noise=0.5", "imbalance=10"])
def test_labels_and_balance_change_the_training_split_only(name):
    dataset, graded = data.load_dataset("digits"), data.load_dataset(f"digits~{name}")
    assert np.array_equal(graded.test.images, dataset.test.images)
    assert np.array_equal(graded.test.labels, dataset.test.labels)
    assert not np.array_equal(graded.train.labels, dataset.train.labels)


def test_grades_work_one_after_the_other():
    dataset = data.load_dataset("digits~classes=4~contrast=0.5")
    assert dataset.info.name == "digits~classes=4~contrast=0.5"
    assert len(dataset.info.classes) == 4
    first = data.load_dataset("digits~classes=4")
    assert dataset.train.images.max() < first.train.images.max()


def test_pixels_are_made_once_while_somebody_holds_them():
    graded = grade_dataset(tiny.dataset(), [Grade("contrast", 0.5)])
    held = graded.train.images
    assert graded.train.images is held
    identity = id(held)
    del held
    gc.collect()
    assert not graded.train.cache
    assert isinstance(identity, int)


def test_images_keep_their_groups():
    whole = tiny.dataset()
    groups = tuple(map(str, range(len(whole.train))))
    known = replace(whole, train=replace(whole.train, groups=groups))
    fewer = grade_dataset(known, [Grade("classes", 2.0)]).train
    assert 0 < len(fewer) == len(fewer.groups) < len(groups)
    for image, group in zip(fewer.images, fewer.groups, strict=True):
        np.testing.assert_array_equal(image, whole.train.images[int(group)])


def test_recipes_treat_a_version_as_its_original():
    facts = data.stand_in(data.info("digits~contrast=0.5"), "fashion-mnist~contrast=0.5")
    assert facts.name == "fashion-mnist" and facts.photographs


def test_folders_are_graded_too(tmp_path):
    from PIL import Image

    random = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(6):
            pixels = random.integers(0, 256, (9 + number % 2, 9, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png")
    assert data.info(f"folder:{tmp_path}~colour=0").shape is None
    from bakeoff.spec.recipe import Image as Size

    grey = data.load_dataset(f"folder:{tmp_path}~colour=0", Size((8, 8)))
    assert np.array_equal(grey.test.images[:, 0], grey.test.images[:, 2])
    assert grey.info.name.endswith("~colour=0")


def test_names_lose_grades_that_change_nothing():
    info = data.info("digits")
    assert data.canonical_name("digits~contrast=1~classes=10~label-noise=0.1", info) == "digits~label-noise=0.1"
    assert data.canonical_name("digits", info) == "digits"


def test_facts_known_before_fetching():
    assert data.known_info("folder:x~contrast=0.5") is None
    few = data.known_info("cifar10~classes=5")
    assert few is not None
    assert (few.name, len(few.classes), few.train_images, few.test_images) == ("cifar10", 5, 25_000, 5_000)
