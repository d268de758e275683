"""Image files that a table lists: `csv:FILE`."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from drawn import assert_same, draw

from bakeoff.data import file_names, info, inspect, load_dataset
from bakeoff.errors import BakeoffError

LABELS = ["husky", "pug"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "dogs"


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def images(folder, names):
    for seed, name in enumerate(names):
        draw(folder / name, seed)


NAMES = [f"{i}.png" for i in range(12)]
ROWS = [(name, LABELS[i % 2]) for i, name in enumerate(NAMES)]


@pytest.mark.parametrize(
    ("header", "folder", "table", "shorten"),
    [
        (("image", "label"), "", "labels.csv", False),
        (("filename", "class"), "images", "labels.csv", False),
        (("id", "breed"), "train", "labels.csv", True),
        (("image_id", "dx"), "part_1", "metadata.csv", True),
        (("Image", "Id"), "train", "train.csv", False),
        (("foo", "bar"), "pictures/all", "labels.csv", False),
    ],
)
def test_usual_layouts_are_read_without_options(root, header, folder, table, shorten):
    images(root / folder, NAMES)
    write(root / table, header, *((name.removesuffix(".png") if shorten else name, label) for name, label in ROWS))
    dataset = load_dataset(f"csv:{root / table}")
    assert dataset.info.name == f"csv:{table}"
    assert dataset.info.classes == ("husky", "pug")
    assert repr(header[0]) in dataset.reading and repr(header[1]) in dataset.reading
    assert dataset.reading.endswith(str(root / folder))
    labels = {}
    for name, split in dataset.splits().items():
        for file, label in zip(file_names(dataset, name), split.labels, strict=True):
            labels[file.rpartition("/")[2]] = LABELS[label]
    assert labels == dict(ROWS)


def test_a_table_gives_the_data_of_a_folder_with_the_same_images(root):
    for i, (name, label) in enumerate(ROWS):
        draw(root / label / name, i)
    write(root / "labels.csv", ("file", "label"), *((f"{label}/{name}", label) for name, label in ROWS))
    table, folder = load_dataset("csv:dogs/labels.csv"), load_dataset("folder:dogs")
    assert table.info.content_hash == folder.info.content_hash
    assert table.manifest == folder.manifest
    for name, split in table.splits().items():
        np.testing.assert_array_equal(split.images, folder.splits()[name].images)
        np.testing.assert_array_equal(split.labels, folder.splits()[name].labels)


def test_facts_are_known_from_the_headers_and_the_second_load_opens_no_image(root, monkeypatch):
    images(root, NAMES)
    write(root / "labels.csv", ("image", "label"), *ROWS)
    assert inspect("csv:dogs/labels.csv").reading
    first = load_dataset("csv:dogs/labels.csv")
    assert info("csv:dogs/labels.csv") == first.info
    monkeypatch.setattr("bakeoff.data.folder.scan_files", None)
    assert_same(load_dataset("csv:dogs/labels.csv"), first)


def test_own_splits_and_groups_are_kept(root):
    images(root, NAMES)
    splits = ["Training", "valid", "TEST"]
    rows = [(*row, splits[i // 4], f"patient {i // 2}") for i, row in enumerate(ROWS)]
    write(root / "labels.csv", ("image", "label", "split", "patient_id"), *rows)
    dataset = load_dataset("csv:dogs/labels.csv")
    assert {name: len(split) for name, split in dataset.splits().items()} == {"train": 4, "validation": 4, "test": 4}
    groups = {name: group for name, _, _, group in rows}
    for name, split in dataset.splits().items():
        assert split.groups == tuple(groups[file] for file in file_names(dataset, name))
    without = [row[:3] for row in rows]
    write(root / "labels.csv", ("image", "label", "split"), *without)
    again = load_dataset("csv:dogs/labels.csv")
    assert again.train.groups == ()
    assert again.info.content_hash != dataset.info.content_hash


def test_columns_and_the_folder_can_be_named(root):
    images(root / "a", NAMES)
    images(root / "b", NAMES)
    header = ("image", "genus", "my breed", "who")
    write(root / "x" / "labels.csv", header, *((name, "canis", label, f"p{i}") for i, (name, label) in enumerate(ROWS)))
    name = "csv:dogs/x/labels.csv?images=../a&label=my+breed&group=who&path=image"
    dataset = load_dataset(name)
    assert dataset.info.classes == ("husky", "pug")
    assert set(dataset.train.groups) <= {f"p{i}" for i in range(12)}
    assert load_dataset(f"{name}~contrast=0.5").info.name == "csv:labels.csv~contrast=0.5"


def test_splits_may_have_tables_of_their_own(root):
    images(root / "train", NAMES)
    images(root / "test", NAMES[:6])
    write(root / "train.csv", ("image", "label"), *ROWS)
    write(root / "test.csv", ("label", "image"), *((label, name) for name, label in ROWS[:6]))
    dataset = load_dataset("csv:dogs/train.csv?test=test.csv")
    assert (len(dataset.train), len(dataset.test)) == (12, 6)
    assert {file.split("/")[0] for file in file_names(dataset, "test")} == {"test"}
    write(root / "test.csv", ("image", "class"), *ROWS[:6])
    with pytest.raises(BakeoffError, match=r"test.csv has no column 'label', as train.csv has"):
        load_dataset("csv:dogs/train.csv?test=test.csv")


def test_row_numbers_that_pandas_writes_are_not_labels(root):
    images(root, NAMES)
    write(root / "labels.csv", ("", "image", "kind of dog"), *((i, *row) for i, row in enumerate(ROWS)))
    assert load_dataset("csv:dogs/labels.csv").info.classes == ("husky", "pug")


def rows_with(*more):
    return [("image", "label"), *ROWS, *more]


@pytest.mark.parametrize(
    ("row", "skipped"),
    [
        (("gone.png", "pug"), ("gone.png", "listed in labels.csv, but missing")),
        (("../secret.png", "pug"), ("../secret.png", "a path outside the folder of the images")),
        (("/etc/secret.png", "pug"), ("/etc/secret.png", "a path outside the folder of the images")),
        (("", "pug"), ("", "no file name in labels.csv")),
        (("notes.txt", "pug"), ("notes.txt", "not an image (.txt)")),
        (("extra.png", ""), ("extra.png", "no label in labels.csv")),
        (("broken.png", "pug"), ("broken.png", "not an image")),
        (ROWS[0], (ROWS[0][0], "listed more than once in labels.csv")),
        (("link.png", "pug"), ("link.png", "a broken link or not a regular file")),
        (("loop/loop/0.png", "pug"), ("loop/loop/0.png", "listed in labels.csv, but missing")),
    ],
)
def test_rows_that_cannot_be_used_are_skipped_with_the_reason(root, row, skipped):
    images(root, NAMES)
    draw(root / "extra.png", 50)
    draw(root.parent / "secret.png", 51)
    (root / "notes.txt").write_text("none")
    (root / "broken.png").write_text("none")
    (root / "link.png").symlink_to("nowhere.png")
    (root / "loop").symlink_to(root, target_is_directory=True)
    write(root / "labels.csv", *rows_with(row))
    for _ in range(2):
        dataset = load_dataset("csv:dogs/labels.csv")
        assert skipped in dataset.skipped
        assert len(dataset.train) + len(dataset.test) == len(ROWS)


def test_images_that_are_not_listed_are_counted(root):
    images(root, [*NAMES, "a.png", "b.png"])
    write(root / "labels.csv", *rows_with())
    assert (".", "images that labels.csv does not list: 2") in load_dataset("csv:dogs/labels.csv").skipped


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (rows_with(("0.png", "pug")), "0.png with label 'husky' and with 'pug'"),
        (rows_with(*[(f"gone{i}.png", "pug") for i in range(99)]), "99 of 111 files .* such as 'gone0.png'.*images="),
        ([("image", "labels"), *ROWS, ("x.png", "husky pug")], "several labels .* 'husky pug'.*label=labels"),
        ([("image", "labels"), *ROWS, ("x.png", "husky|pug")], "several labels"),
        ([("image", "label"), *[(f"https://x.org/x{n}", y) for n, y in ROWS]], "download the images"),
        ([("image", "label"), *[(name, "pug") for name in NAMES]], "same label, 'pug'"),
        ([("image", "breed", "species"), *[(*r, "ab"[i // 6]) for i, r in enumerate(ROWS)]], "breed and species"),
        ([("image", "x", "y2"), *[(*r, "ab"[i // 6]) for i, r in enumerate(ROWS)]], "label among x and y2.*label=x"),
        ([("image", "a", "b"), *[(n, i % 2, 1 - i % 2) for i, n in enumerate(NAMES)]], "0 and 1 per class"),
        ([("what", "label"), *[("", label) for _, label in ROWS]], "none names images"),
        ([("image", "label", "split"), *[(*row, "test") for row in ROWS]], "no image for train"),
        ([("image", "label", "split"), *[(*r, ("train", "holdout")[i % 2]) for i, r in enumerate(ROWS)]], "'holdout'"),
        (
            [("image", "label", "split"), *[(*row, "test" if row[1] == "pug" else "train") for row in ROWS]],
            "expected at least two",
        ),
        ([("image", "label"), *ROWS[:-1], ("11.png", "cat")], "class 'cat': expected at least 2"),
        (ROWS, r"lists an image, 0\.png, .* such as path,label above"),
        ([(label, name.removesuffix(".png")) for name, label in ROWS], "lists an image, 0, .* such as label,path"),
    ],
)
def test_tables_that_cannot_be_used_are_explained_in_one_sentence(root, rows, told):
    images(root, NAMES)
    write(root / "labels.csv", *rows)
    with pytest.raises(BakeoffError, match=told) as error:
        load_dataset("csv:dogs/labels.csv")
    assert "\n" not in str(error.value)


def test_values_that_are_not_classes_are_refused(root):
    names = [f"{i}.png" for i in range(30)]
    images(root, names)
    write(root / "labels.csv", ("image", "label"), *((name, f"0.{i}") for i, name in enumerate(names)))
    with pytest.raises(BakeoffError, match="30 different values for 30 images"):
        load_dataset("csv:dogs/labels.csv")


def test_a_name_that_fits_two_files_is_refused_unless_the_split_decides(root):
    images(root / "one", NAMES)
    images(root / "two", NAMES)
    write(root / "labels.csv", *rows_with())
    with pytest.raises(BakeoffError, match=r"0.png in labels.csv may be one/0.png or two/0.png: .*images=one"):
        load_dataset("csv:dogs/labels.csv")
    (root / "one").rename(root / "train")
    write(root / "train.csv", *rows_with())
    dataset = load_dataset("csv:dogs/train.csv")
    assert {file.split("/")[0] for file in file_names(dataset, "train")} == {"train"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("csv:", "no path: .*csv:labels.csv"),
        ("csv:gone.csv", "gone.csv does not exist"),
        ("csv:dogs/labels.csv?lable=x", "did you mean label"),
        ("csv:dogs/labels.csv?label", "options after \\?"),
        ("csv:dogs/labels.csv?label=", "empty"),
        ("csv:dogs/labels.csv?label=lable", "no column 'lable' for label: did you mean label"),
        ("csv:dogs/labels.csv?split=label", "not splits, 'husky' and 'pug'"),
        ("csv:dogs/labels.csv?images=gone", "gone is not a folder"),
        ("dogs/labels.csv", "write csv:dogs/labels.csv"),
    ],
)
def test_names_that_are_wrong_are_explained(root, name, told):
    images(root, NAMES)
    write(root / "labels.csv", *rows_with())
    with pytest.raises(BakeoffError, match=told):
        load_dataset(name)


def test_only_the_folders_that_paths_name_are_read(root, monkeypatch):
    """A table may lie in a home directory: nothing else below it is looked at, or counted as left out."""
    images(root / "photos/a", [*NAMES, "left.png"])
    images(root / "photos/b", NAMES)
    images(root / "photos", ["beside.png"])
    images(root / "other/deep", NAMES)
    write(root / "s.csv", ("file", "label"), *((f"photos/{side}/{n}", y) for side in "ab" for n, y in ROWS))
    read = []
    scandir = os.scandir
    monkeypatch.setattr("bakeoff.data.walk.os.scandir", lambda path: read.append(Path(path).name) or scandir(path))
    dataset = inspect("csv:dogs/s.csv")
    assert dataset.skipped == ((".", "images that s.csv does not list: 1"),)
    assert set(read) == {"a", "b"}


def test_names_alone_are_looked_for_in_all_folders_and_counted_in_theirs(root):
    images(root / "photos", [*NAMES, "left.png"])
    images(root / "other/deep", ["x.png", "y.png"])
    write(root / "s.csv", ("file", "label"), *ROWS)
    assert inspect("csv:dogs/s.csv").skipped == ((".", "images that s.csv does not list: 1"),)


def test_a_path_of_which_the_file_is_missing_does_not_widen_the_search(root):
    images(root / "photos", NAMES)
    images(root / "other/photos", ["gone.png"])
    write(root / "s.csv", ("file", "label"), *((f"photos/{n}", y) for n, y in [*ROWS, ("gone.png", "pug")]))
    assert inspect("csv:dogs/s.csv").skipped == (("photos/gone.png", "listed in s.csv, but missing"),)


def test_paths_without_extension_are_found_in_their_folder(root):
    images(root / "photos", NAMES)
    images(root / "other", NAMES)
    write(root / "s.csv", ("file", "label"), *((f"photos/{n.removesuffix('.png')}", y) for n, y in ROWS))
    assert not inspect("csv:dogs/s.csv").skipped
