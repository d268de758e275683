from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Picture
from synthetic import RECIPE, make_store

from bakeoff.data.describe import Duplicates, Place
from bakeoff.reporting import build, write
from bakeoff.reporting.datasets import Collection, _leaks, collect
from bakeoff.reporting.model import read
from bakeoff.spec.recipe import Image


def test_the_order_of_the_images_is_that_of_the_predictions(make) -> None:
    facts = read(make(data=("digits",), real=True, noise=0.3))
    (own,) = collect(facts.tables)
    labels = facts.tables[0].record.test_labels
    assert all(labels[image] == label for image, label in own.payload["labels"].items())
    for line in facts.tables[0].lines:
        shown = own.tables["t1"]["lines"][line.label]
        wrong = shown["wrong"]
        assert [confidence for *_, confidence, _ in wrong] == sorted((w[2] for w in wrong), reverse=True)
        assert all(predicted != labels[image] and right < 3 for image, predicted, _, right in wrong)
        assert all(image in own.sheet.tiles for image, *_ in wrong)
    assert own.payload["counts"]["train"] and own.note is None


def test_without_the_data_the_numbers_stay(make) -> None:
    path = make(data=("mine",))
    (own,) = collect(read(path).tables)
    assert own.sheet is None and "unknown data set" in (own.note or "")
    assert list(own.payload["counts"]) == ["test"] and own.payload["map"] is None
    assert own.tables["t1"]["lines"]["conv"]["unsure"]
    assert "</html>" in build(path)


def test_pictures_can_be_left_out(make) -> None:
    page = build(make(data=("digits",), real=True), pictures=False)
    assert "data:image/webp" not in page and "made without pictures" in page


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
    own: Collection
    (own,) = collect(read(path).tables)
    assert own.sheet and (own.sheet.width, own.sheet.height) == (64, 32) and len(own.sheet.tiles) == 11
    assert own.leaks[0].startswith("1 test image is also among the training images, pixel for pixel")
    assert "different labels" in own.leaks[1]
    assert any("test/a cat/again.png (a cat, test)" in sentence for sentence in own.leaks)
    page = build(path)
    assert "<dog>" not in page
    (folder / "test" / "a cat" / "4.png").unlink()
    assert "are not those" not in build(path), "they were packed before"
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    assert "are not those the runs were tested on" in build(path)


def test_words_about_identical_images() -> None:
    place = Place("test", 3, "cat", "")
    found = Duplicates({"train": 2, "test": 0}, {"train-test": 1200}, 2, (3,), ((place, place),))
    assert list(_leaks(found)) == [
        "1,200 test images are also among the training images, pixel for pixel: "
        "networks may have learned the answer by heart.",
        "2 groups of identical images carry different labels.",
        "2 training images repeat an earlier one.",
        "Identical: image 3 (cat, test), image 3 (cat, test).",
    ]
    none = Duplicates({"train": 0, "test": 0}, {"train-test": 0}, 0, (), ())
    assert list(_leaks(none)) == ["No two images have exactly the same pixels, within a split or across splits."]


def test_two_hundred_runs_with_pictures_stay_below_six_megabytes(tmp_path: Path) -> None:
    nets = [f"net{i}" for i in range(67)]
    path = make_store(tmp_path / "a.db", nets=nets, data=("digits",), real=True, noise=0.2)
    assert write(path, tmp_path / "a.html").stat().st_size < 6e6
