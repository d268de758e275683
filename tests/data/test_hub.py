"""Data sets of Hugging Face, without a network."""

import numpy as np
import pytest
from drawn import draw
from PIL import Image

from bakeoff.data import file_names, inspect, load_dataset
from bakeoff.data.hub import choose_features, encoded_image
from bakeoff.data.source_name import parse_source
from bakeoff.errors import BakeoffError

datasets = pytest.importorskip("datasets")

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 5, 3), np.uint8)
FEATURES = {
    "image": datasets.Image(),
    "label": datasets.ClassLabel(names=["cat", "dog"]),
    "patient_id": datasets.Value("string"),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    return tmp_path / "pets"


def made(**changes):
    columns = {
        "image": [Image.fromarray(pixels) for pixels in PIXELS],
        "label": [i % 2 for i in range(12)],
        "patient_id": [f"p{i // 3}" for i in range(12)],
    }
    return datasets.Dataset.from_dict(columns | changes, features=datasets.Features(FEATURES))


def test_a_saved_data_set_is_read_with_its_splits_classes_and_groups(place):
    datasets.DatasetDict({split: made() for split in ("train", "validation", "test", "extra")}).save_to_disk(place)
    name = f"hf:{place}"
    assert inspect(name).info.train_images == 12
    dataset = load_dataset(name)
    assert dataset.info.name == "hf:pets"
    assert dataset.info.classes == ("cat", "dog")
    assert dataset.reading == "images from column 'image', labels from 'label', groups from 'patient_id'"
    assert ("extra", "a split that is not train, validation or test: 12") in dataset.skipped
    for split, images in dataset.splits().items():
        for file, pixels, label, group in zip(
            file_names(dataset, split), images.images, images.labels, images.groups, strict=True
        ):
            place_in_split = int(file.rpartition("/")[2])
            np.testing.assert_array_equal(pixels, PIXELS[place_in_split].transpose(2, 0, 1))
            assert (label, group) == (place_in_split % 2, f"p{place_in_split // 3}")


def test_the_second_load_does_not_open_it_unless_it_changed(place, monkeypatch):
    made().save_to_disk(place)
    first = load_dataset(f"hf:{place}")
    with monkeypatch.context() as patch:
        patch.setattr("bakeoff.data.hub._open", None)
        assert load_dataset(f"hf:{place}").info == first.info
        assert load_dataset(f"hf:{place}~contrast=0.5").info.name == "hf:pets~contrast=0.5"
    made(label=[i % 3 % 2 for i in range(12)]).save_to_disk(place)
    assert load_dataset(f"hf:{place}").info.content_hash != first.info.content_hash


def test_a_folder_with_parquet_files_is_read(place):
    made().to_parquet(place / "train-00000.parquet")
    assert load_dataset(f"hf:{place}").info.classes == ("cat", "dog")
    assert (
        load_dataset(f"hf:{place}/train-00000.parquet").info.train_images
        == load_dataset(f"hf:{place}").info.train_images
    )


def test_rows_without_image_or_label_are_skipped(place):
    images = [Image.fromarray(pixels) for pixels in PIXELS]
    made(image=[None, *images[1:]], label=[0, -1, *(i % 2 for i in range(10))]).save_to_disk(place)
    dataset = load_dataset(f"hf:{place}")
    assert set(dataset.skipped) == {("train/0000000", "no image"), ("train/0000001", "no label")}
    assert len(dataset.train) + len(dataset.test) == 10


def test_only_files_of_the_data_set_are_read(place):
    draw(place.parent / "secret.png", 1)
    draw(place / "own.png", 2)
    (place / "link.png").symlink_to(place.parent / "secret.png")
    for path in (place.parent / "secret.png", place / ".." / "secret.png", place / "link.png", "/etc/passwd"):
        assert encoded_image({"bytes": None, "path": str(path)}, place) == "a path outside the data set"
    assert encoded_image({"bytes": None, "path": str(place / "gone.png")}, place) == "No such file or directory"
    assert encoded_image({"bytes": None, "path": str(place / "own.png")}, place) == (place / "own.png").read_bytes()


SOURCE = parse_source("hf:pets", ("image",))


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ({"label": FEATURES["label"]}, "no columns that may be the image"),
        ({"image": FEATURES["image"]}, "no columns that may be the label"),
        (FEATURES | {"breed": FEATURES["label"]}, "several columns that may be the label.*hf:pets.label=label"),
        (FEATURES | {"mask": FEATURES["image"]}, "several columns that may be the image"),
        ({"image": FEATURES["image"], "labels": datasets.Sequence(FEATURES["label"])}, "several labels per image"),
    ],
)
def test_columns_that_cannot_be_recognised_are_explained(features, told):
    with pytest.raises(BakeoffError, match=told):
        choose_features(features, SOURCE)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hf:nobody/nothing", "cannot get nobody/nothing from huggingface.co .*save_to_disk.*hf:FOLDER"),
        ("hf:{place}", "cannot be read as a data set of Hugging Face"),
        ("hf:", "no path: write for example hf:ORG/NAME"),
        ("hf:{place}?lable=x", "did you mean label"),
    ],
)
def test_data_sets_that_cannot_be_read_are_explained(place, monkeypatch, name, told):
    place.mkdir()
    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(BakeoffError, match=told):
        load_dataset(name.format(place=place))


def offline(*arguments, **options):
    raise ConnectionError("offline")
