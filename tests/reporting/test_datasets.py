import base64
import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Picture
from synthetic import RECIPE, make_store

from bakeoff.data import Dataset
from bakeoff.data.describe import Duplicates, ImagePlace
from bakeoff.data.twins import find_twins
from bakeoff.reporting import build_page, write
from bakeoff.reporting.datasets import (
    DatasetSection,
    _describe_duplicates,
    _describe_twins,
    _draw_twins,
    collect_datasets,
)
from bakeoff.reporting.embedded import interleave, list_confused
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.vote import Vote, select_examples
from bakeoff.spec.recipe import Image


def test_the_order_of_the_images_is_that_of_the_predictions(make) -> None:
    facts = load_page_model(make(data=("digits",), real=True, noise=0.3))
    (own,) = collect_datasets(facts.tables)
    labels = facts.tables[0].record.test_labels
    held = own.payload["images"]
    at = {image: place for place, image in enumerate(held)}
    assert own.payload["labels"] == labels[held].tolist()
    assert own.payload["allLabels"] == "".join(map(str, labels))
    for line in facts.tables[0].lines:
        shown = own.tables["t1"]["lines"][line.label]
        wrong = [at[image] for image in shown["wrong"]]
        assert [shown["confidence"][i] for i in wrong] == sorted((shown["confidence"][i] for i in wrong), reverse=True)
        assert all(
            shown["taken"][i] != labels[held[i]] and shown["agreed"][i] < 3 and i < own.sheet.count for i in wrong
        )
        assert shown["taken"] == line.pooled.vote.predicted[held].tolist()
        assert sum(shown["rightOf"]) == shown["right"]
        assert sum(images for *_, images in shown["cells"]) == len(labels) - shown["right"]
    assert own.payload["counts"]["train"] and own.note is None


def test_without_the_data_the_numbers_stay(make) -> None:
    path = make(data=("mine",))
    (own,) = collect_datasets(load_page_model(path).tables)
    assert own.sheet is None and "unknown data set" in (own.note or "")
    assert list(own.payload["counts"]) == ["test"] and own.payload["map"] is None
    assert own.tables["t1"]["lines"]["conv"]["unsure"]
    assert "</html>" in build_page(path)


def test_pictures_can_be_left_out(make) -> None:
    page = build_page(make(data=("digits",), real=True), pictures=False)
    assert "data:image/webp" not in page and "without pictures" in page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of several sizes, one of them in both splits, in grey and in colour."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for split, count in {"train": 6, "test": 5}.items():
        for name in ("a cat", "<dog>"):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                shape = (40 + 7 * i, 90) if i % 2 else (40, 70, 3)
                pixels = random.integers(0, 256, shape, np.uint8)
                Picture.fromarray(pixels).save(root / split / name / f"{i}.png")
    again = (root / "train" / "<dog>" / "0.png").read_bytes()
    (root / "test" / "a cat" / "again.png").write_bytes(again)
    return root


def test_a_folder_of_photographs_of_any_size(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = msgspec.structs.replace(RECIPE, image=Image(size=(50, 100)))
    path = make_store(tmp_path / "a.db", data=(f"folder:{folder}",), recipe=recipe, real=True, noise=0.3)
    own: DatasetSection
    (own,) = collect_datasets(load_page_model(path).tables)
    assert own.sheet and (own.sheet.width, own.sheet.height) == (64, 32) and own.sheet.count == 11
    assert own.duplicates[0].startswith("1 test image is also among the training images, pixel for pixel")
    assert "different labels" in own.duplicates[1]
    assert any("test/a cat/again.png (a cat, test)" in sentence for sentence in own.duplicates)
    page = build_page(path)
    assert "<dog>" not in page
    (folder / "test" / "a cat" / "4.png").unlink()
    assert "are not those" not in build_page(path), "they were packed before"
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    assert "on this machine differ from those" in build_page(path)


def test_words_about_identical_images() -> None:
    place = ImagePlace("test", 3, "cat", "")
    found = Duplicates({"train": 2, "test": 0}, {"train-test": 1200}, 2, (3,), ((place, place),))
    across, conflicting, within, example = _describe_duplicates(found)
    assert across.startswith("1,200 test images are also among the training images")
    assert conflicting.startswith("2 groups") and within.startswith("2 training images")
    assert "image 3 (cat, test), image 3 (cat, test)" in example
    none = Duplicates({"train": 0, "test": 0}, {"train-test": 0}, 0, (), ())
    assert list(_describe_duplicates(none)) == [
        "No two images have exactly the same pixels, within a split or across splits."
    ]


def test_two_hundred_runs_with_pictures_stay_below_six_megabytes(tmp_path: Path) -> None:
    nets = [f"net{i}" for i in range(67)]
    path = make_store(tmp_path / "a.db", nets=nets, data=("digits",), real=True, noise=0.2)
    assert write(path, tmp_path / "a.html").stat().st_size < 6e6


def test_pairs_of_nearly_identical_images_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    clouds = random.integers(0, 256, (30, 3, 6, 6), np.uint8).repeat(8, axis=2).repeat(8, axis=3)
    train, test = clouds[:20], clouds[20:].copy()
    test[3] = np.clip(train[11].astype(int) + random.integers(-9, 9, train[11].shape), 0, 255)
    dataset = Dataset.from_arrays((train, np.arange(20) % 2), test=(test, np.arange(10) % 2))
    uri, (counts, pair) = _draw_twins(dataset), list(_describe_twins(find_twins(dataset)))
    assert counts == "1 test image is nearly the same as one of the training images."
    assert "train 11 (1)" in pair and "test 3 (1)" in pair
    picture = Picture.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert picture.size == (96, 48)
    assert not _draw_twins(Dataset.from_arrays((train, np.arange(20) % 2)))


def test_every_confusion_has_pictures_where_there_is_room(make) -> None:
    path = make(nets=("conv", "drop"), data=("digits",), real=True, worse=0.2, noise=0.3)
    tables = load_page_model(path).tables
    for images, every in ((None, True), (50, False)):
        (own,) = collect_datasets(tables, images=images)
        held = {image: place for place, image in enumerate(own.payload["images"][: own.sheet.count])}
        for line in tables[0].lines:
            shown, vote = own.tables["t1"]["lines"][line.label], line.pooled.vote
            wrong = np.flatnonzero(vote.predicted != tables[0].record.test_labels)
            assert {shown["taken"][held[i]] == vote.predicted[i] for i in held} == {True}
            confused = {(int(tables[0].record.test_labels[i]), int(vote.predicted[i])) for i in wrong}
            pictured = {(int(tables[0].record.test_labels[i]), int(vote.predicted[i])) for i in wrong if i in held}
            assert (pictured == confused) == every
        assert own.sheet.count == (images or 382)


def test_frequent_confusions_come_first() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    vote = Vote(np.array([1, 1, 2, 0, 2, 1, 2]), np.linspace(0.3, 0.9, 7), np.zeros(7, int), 1)
    assert list_confused(vote, labels) == [[1, 0], [4], [2]]
    assert list(interleave([[1, 0], [4], [2]])) == [1, 4, 2, 0]


def test_a_thousand_classes_leave_room_for_errors() -> None:
    labels = np.arange(4000) % 1000
    examples = select_examples(labels, 1000, 200)
    assert sum(map(len, examples)) == 200 and max(map(len, examples)) == 1
    assert len(examples) == 1000 and sum(map(len, select_examples(labels, 1000, 4000))) == 4000
