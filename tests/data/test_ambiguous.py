"""Image folders that are not understood, and the messages about them."""

import re

import pytest
from listed_files import touch

from bakeoff.data.ambiguous import describe_problems
from bakeoff.data.tree import list_images
from bakeoff.errors import BakeoffError


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "photos does not exist"),
        (["1.jpg", "2.jpg"], "has no sub-folders: expected one sub-folder of images per class"),
        (["a/1.txt", "b/1.txt", "b/1.xml"], r"has no images in its sub-folders \(2 × not an image \(.txt\), 1 × .*xml"),
        (["a/1.jpg"], "only one class, 'a': expected at least two"),
        (["101_Categories/a/1.jpg", "101_Categories/b/1.jpg", "notes/a/1.mat"], "only 101_C.* give folder:.*101_Categ"),
        (
            ["train/a/1.jpg", "train/b/1.jpg", "test/1.jpg"],
            "test has no class folders: .* or move the folder elsewhere",
        ),
        (["train/1.jpg", "test/1.jpg"], "train has no class folders: sort its images"),
        (["query/1.jpg", "gallery/1.jpg", "train/1.jpg"], "train has no class folders: .* gallery, query and train"),
        (["train/1.jpg", "pred_images/1.jpg"], "train has no class folders: sort its images"),
        (["train/1.jpg", "train/2.jpg", "train/a/1.jpg", "test/a/1.jpg"], "2 of the 3 images in .*train are outside"),
        (["test/a/1.jpg", "val/a/1.jpg"], "has test and val but no train folder"),
        (
            ["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"],
            "several folders for the validation split, val and valid",
        ),
        (["x/a/1.jpg", "x/b/1.jpg", "y/a/1.jpg", "y/b/1.jpg"], "folder of data sets.*: give .* folder:.*photos/x, or"),
        (["x/train/a/1.jpg", "x/test/a/1.jpg", "y/train/c/1.jpg", "y/test/c/1.jpg"], "data sets.* folder:.*photos/x"),
        (["a/train/1.jpg", "a/test/1.jpg", "b/1.jpg"], "photos looks like a folder of data sets"),
        (["a/images/1.jpg", "a/masks/1.jpg", "b/images/1.jpg", "b/masks/1.jpg"], "move the images out of the sub-fold"),
        (
            ["cats_train/1.jpg", "cats_test/1.jpg", "dogs_train/1.jpg"],
            "look like splits.*: .* test/cats and train/cats",
        ),
    ],
)
def test_the_message_names_what_is_wrong(root, paths, message):
    touch(root, *paths)
    with pytest.raises(BakeoffError, match=re.compile(message, re.DOTALL)):
        raise BakeoffError(describe_problems(str(root), list_images(root).problems))


@pytest.mark.parametrize(
    ("paths", "problems"),
    [
        (["test/c/1.jpg"], ["class 'c' of the test folder is not in the train folder: move or rename it"]),
        (
            ["test/A/1.jpg", "test/a/1.jpg"],
            ["class 'A' of the test folder is not in the train folder (did you mean 'a'"],
        ),
        (["test/a/1.txt"], ["the test folder has no images"]),
        (["test/c/1.jpg", "test/d/1.jpg", "val/b/1.txt"], ["classes 'c' and 'd' of the test folder", "the validation"]),
    ],
)
def test_all_problems_are_reported_together(root, paths, problems):
    touch(root, "train/a/1.jpg", "train/b/1.jpg", *paths)
    found = list_images(root).problems
    assert len(found) == len(problems)
    assert all(message.startswith(problem) for message, problem in zip(found, problems, strict=True))


def test_problems_of_several_splits_are_reported_together(root):
    touch(root, "train/1.jpg", "train/2.jpg", "train/a/1.jpg", "test/1.jpg", "val/a/1.jpg", "valid/a/1.jpg")
    with pytest.raises(BakeoffError, match=r"\(1\) .*validation.*\(2\) 2 of .* train .*\(3\) test "):
        list_images(root)


@pytest.mark.parametrize(
    "names", [("fold1", "fold2"), ("Fold_01", "fold-2", "fold 3"), ("data_batch_1", "data_batch_2")]
)
def test_numbered_parts_of_a_data_set_are_not_classes(root, names):
    touch(root, *(f"{name}/1.jpg" for name in names))
    with pytest.raises(BakeoffError, match="look like parts of one data set, not classes"):
        list_images(root)
    touch(root, "scaffold/1.jpg")
    assert len(list_images(root).classes) == len(names) + 1


@pytest.mark.parametrize(
    ("paths", "table"),
    [
        (["1.jpg", "labels.csv"], "labels.csv"),
        (["train/1.jpg", "test/1.jpg", "test.csv", "train.csv", "sample_submission.csv"], "train.csv"),
        (["dogs/train/1.jpg", "dogs/test/1.jpg", "dogs/labels.csv"], "dogs/labels.csv"),
        (["images/1.jpg", "images/2.jpg", "meta.csv", "train_labels.csv"], "train_labels.csv"),
        (["train/a/1.jpg", "train/b/1.jpg", "test/1.jpg", "labels.parquet"], "labels.parquet"),
    ],
)
def test_a_table_beside_images_without_class_folders_is_named(root, paths, table):
    touch(root, *paths)
    try:
        said = "; ".join(list_images(root).problems)
    except BakeoffError as error:
        said = str(error)
    assert f"give csv:{root / table} instead" in said


def test_a_table_beside_a_folder_of_images_is_named(root):
    touch(root, "train/1.jpg", "train.csv", "sample_submission.csv")
    with pytest.raises(BakeoffError) as error:
        list_images(root / "train")
    assert f"give csv:{root / 'train.csv'} instead" in str(error.value)


def test_a_table_given_as_a_folder_is_named(root):
    touch(root, "labels.csv")
    with pytest.raises(BakeoffError, match=r"is a file: give csv:.*labels.csv"):
        list_images(root / "labels.csv")
