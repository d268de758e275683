"""Data sets in files, through the command line."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

LOST = [("99", "pug"), ("../secret.png", "pug")]


@pytest.fixture
def dogs(tmp_path, monkeypatch):
    """Kaggle's layout: train/ and test/ without class folders, and labels.csv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / "secret.png")
    for i in range(40):
        path = tmp_path / "dogs" / ("train" if i < 36 else "test") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    with (tmp_path / "dogs" / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "breed"), *((i, ("husky", "pug")[i % 2]) for i in range(36)), *LOST])
    return tmp_path / "dogs"


def test_a_table_is_described_and_trained_on(bakeoff, dogs):
    said = bakeoff("data", "csv:dogs/labels.csv")
    assert said.code == 0, said.err
    assert "files from column 'id', labels from 'breed', images in dogs/train" in said.out
    assert "99: listed in labels.csv, but missing" in said.out
    assert "../secret.png: a path outside the folder of the images" in said.out
    described = json.loads(bakeoff("data", "csv:dogs/labels.csv", "--json").out)
    assert described["classes"] == ["husky", "pug"]
    said = bakeoff(
        *("run", "--nets", "lenet-afif", "--data", "csv:dogs/labels.csv", "--seeds", "1", "--epochs", "1"),
        *("--set", "image.scale=4", "--workers", "1", "--store", "a.db"),
    )
    assert said.code == 0, said.err
    assert "csv:labels.csv" in said.out
    dry = bakeoff("run", "--nets", "lenet-afif", "--data", "csv:dogs/labels.csv", "--scale", "4", "--dry-run")
    assert dry.code == 0 and "files from column 'id'" in dry.out + dry.err


def test_a_column_whose_values_are_no_splits_is_named(bakeoff, dogs):
    rows = [("id", "breed", "split"), *((i, ("husky", "pug")[i % 2], "AB"[i // 18]) for i in range(36))]
    with (dogs / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    said = bakeoff("data", "csv:dogs/labels.csv")
    assert said.code == 0, said.err
    assert "no splits from 'split', whose values are none" in said.out.replace("\n", " ")


def test_a_file_in_place_of_a_study_is_data(bakeoff, dogs):
    said = bakeoff("run", "dogs/labels.csv", "--epochs", "3")
    assert said.code == 2
    assert "--data csv:dogs/labels.csv" in said.err


def test_an_archive_of_arrays_is_described_and_trained_on(bakeoff, dogs):
    random = np.random.default_rng(0)
    np.savez("scans.npz", x=random.integers(0, 256, (40, 28, 28), np.uint8), y=np.arange(40) % 2)
    said = bakeoff("data", "npz:scans.npz")
    assert said.code == 0, said.err
    assert "images from 'x', labels from 'y'; others: npz:FILE?images=KEY&labels=KEY&group=KEY" in said.out.replace(
        "\n", " "
    )
    run = ("run", "--nets", "lenet-afif", "--data", "npz:scans.npz", "--seeds", "1", "--epochs", "1", "--workers", "1")
    said = bakeoff(*run, "--store", "a.db")
    assert said.code == 0, said.err
    assert "npz:scans.npz" in said.out
    said = bakeoff("run", "scans.npz")
    assert said.code == 2 and "--data npz:scans.npz" in said.err


def test_a_column_that_a_table_lacks_is_named(bakeoff, dogs):
    said = bakeoff("data", "csv:dogs/labels.csv", "--groups", "bred")
    assert said.code == 2 and "did you mean breed" in said.err


def test_the_groups_of_an_archive_stay_together(bakeoff, dogs):
    random = np.random.default_rng(0)
    images, plants = random.integers(0, 256, (40, 8, 8), np.uint8), np.arange(40) // 4
    np.savez("scans.npz", x=images, y=np.arange(40) % 2, plant=plants)
    for options in ([], ["--groups", "plant"]):
        said = json.loads(bakeoff("data", "npz:scans.npz", *options, "--json").out)
        assert said["groups"]["groups"] == 10 and said["groups"]["across"] == {"train-test": 0}
    said = bakeoff("data", "npz:scans.npz", "--groups", "plnt")
    assert said.code == 2 and "did you mean plant" in said.err


def test_a_saved_data_set_of_hugging_face_is_described(bakeoff, dogs):
    datasets = pytest.importorskip("datasets")
    images = [Image.open(path) for path in sorted((dogs / "train").iterdir())]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["husky", "pug"])})
    columns = {"image": images, "label": [i % 2 for i in range(len(images))]}
    datasets.Dataset.from_dict(columns, features=features).save_to_disk("saved")
    said = bakeoff("data", "hf:saved")
    assert said.code == 0, said.err
    assert "images from column 'image', labels from 'label'; others: hf:ORG/NAME?image=" in said.out
    assert "husky" in said.out
