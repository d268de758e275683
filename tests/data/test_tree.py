import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.kinds import told_kind
from bakeoff.data.layout import tell_problems
from bakeoff.data.tree import count_reasons, list_images, natural, tell_reasons
from bakeoff.errors import BakeoffError


@pytest.fixture
def root(tmp_path):
    return tmp_path / "photos"


def touch(root, *paths: str):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def found(root) -> list[tuple[str, str, str]]:
    tree = list_images(root)
    return [(file.path, file.split, tree.classes[file.label]) for file in tree.files]


def test_class_folders_are_sorted_naturally_and_searched_in_depth(root):
    touch(
        root, "10/a.jpg", "2/b.PNG", "2/deep/deeper/c.webp", "2/notes.txt", "Zebra/d.gif", "apple/e.JPEG", "apple/f.bmp"
    )
    assert list_images(root).classes == ("2", "10", "apple", "Zebra")
    assert found(root) == [
        ("2/b.PNG", "train", "2"),
        ("2/deep/deeper/c.webp", "train", "2"),
        ("10/a.jpg", "train", "10"),
        ("apple/e.JPEG", "train", "apple"),
        ("apple/f.bmp", "train", "apple"),
        ("Zebra/d.gif", "train", "Zebra"),
    ]


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Train", "valid", "Test"), ("training", "validation", "testing")]
)
def test_split_folders(root, names):
    touch(root, *(f"{split}/{label}/{i}.jpg" for split in names for label in "ab" for i in range(2)))
    assert [split for _, split, _ in found(root)] == ["test"] * 4 + ["train"] * 4 + ["validation"] * 4


def test_clutter_is_ignored_and_strays_are_noted(root):
    touch(root, "a/1.jpg", "b/1.jpg", "a/.hidden.jpg", "a/._1.jpg", "a/Thumbs.db", "__MACOSX/a/1.jpg", ".git/x/1.jpg")
    touch(root, "logo.png", "README.md")
    (root / "a" / "gone.jpg").symlink_to("nowhere.jpg")
    (root / "a" / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(root / "b" / "pipe.jpg")
    assert [path for path, _, _ in found(root)] == ["a/1.jpg", "b/1.jpg"]
    assert dict(list_images(root).skipped) == {".": "images outside the class folders: 1"}
    assert dict(list_images(root).others) == {
        "a/gone.jpg": "a broken link or no regular file",
        "a/loop.jpg": "Too many levels of symbolic links",
        "b/pipe.jpg": "a broken link or no regular file",
    }


def test_links_are_followed_but_not_in_circles(root, tmp_path):
    touch(root, "a/1.jpg", "b/1.jpg")
    touch(tmp_path, "elsewhere/c/1.jpg", "elsewhere/c/2.jpg")
    (root / "c").symlink_to(tmp_path / "elsewhere" / "c")
    (root / "a" / "up").symlink_to(root / "a")
    (root / "a" / "itself").symlink_to("itself")
    (root / "b" / "top").symlink_to(root)
    assert [path for path, _, _ in found(root)] == ["a/1.jpg", "b/1.jpg", "c/1.jpg", "c/2.jpg"]


def test_a_class_may_be_called_train(root):
    touch(root, "train/1.jpg", "bus/1.jpg", "tram/1.jpg")
    assert list_images(root).classes == ("bus", "train", "tram")


def test_folders_beside_the_splits_are_noted(root):
    touch(root, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "unlabelled/1.jpg")
    assert list_images(root).skipped == (("unlabelled", "neither a train, val nor test folder: 1 image"),)


def test_odd_names(root):
    composed, decomposed = "é", unicodedata.normalize("NFD", "é")
    touch(root, f"train/{composed}/1.jpg", "train/b/1.jpg", f"test/{decomposed}/1.jpg", "train/b/😀 \n.jpg")
    raw = os.fsdecode(b"\xff\xfe.jpg")
    touch(root, f"train/b/{raw}")
    tree = list_images(root)
    assert tree.classes == ("b", composed)
    assert {file.path for file in tree.files if file.label == 1} == {
        f"train/{composed}/1.jpg",
        f"test/{decomposed}/1.jpg",
    }
    assert f"train/b/{raw}" in {file.path for file in tree.files}
    touch(root, f"train/{decomposed}/1.jpg")
    touch(root, "train/empty/", "val/1.jpg", "test/unknown/1.jpg")
    found = list_images(root).problems
    assert any(f"two folders in train are called {composed!r} in different Unicode forms" in told for told in found)
    assert [told.split(":")[0] for told in found if "Unicode" not in told] == [
        "val has no class folders",
        "class 'unknown' of the test folder is not in the train folder",
    ]


def test_the_fingerprint_changes_with_every_file(root):
    touch(root, "a/1.jpg", "b/1.jpg")
    seen = [list_images(root).fingerprint]
    assert list_images(root).fingerprint == seen[0]
    touch(root, "b/2.jpg")
    seen.append(list_images(root).fingerprint)
    (root / "b" / "2.jpg").rename(root / "b" / "3.jpg")
    seen.append(list_images(root).fingerprint)
    (root / "b" / "3.jpg").unlink()
    touch(root, "b/3.jpg")
    seen.append(list_images(root).fingerprint)
    (root / "c").mkdir()
    seen.append(list_images(root).fingerprint)
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "photos does not exist"),
        (["1.jpg", "2.jpg"], "has no sub-folders: expected one sub-folder of images per class"),
        (["a/1.txt", "b/1.txt", "b/1.xml"], r"has no images in its sub-folders \(2 × no image \(.txt\), 1 × .*xml"),
        (["a/1.jpg"], "there is one class, 'a': expected at least two class folders$"),
        (["101_Categories/a/1.jpg", "101_Categories/b/1.jpg", "notes/a/1.mat"], "only 101_C.* give folder:.*101_Categ"),
        (
            ["train/a/1.jpg", "train/b/1.jpg", "test/1.jpg"],
            "test has no class folders: .* or move the folder elsewhere",
        ),
        (["train/1.jpg", "test/1.jpg"], "train has no class folders: sort its images"),
        (["query/1.jpg", "gallery/1.jpg", "train/1.jpg"], "train has no class folders: .* gallery and query and train"),
        (["train/1.jpg", "pred_images/1.jpg"], "train has no class folders: sort its images"),
        (["train/1.jpg", "train/2.jpg", "train/a/1.jpg", "test/a/1.jpg"], "2 of the 3 images in .*train lie outside"),
        (["test/a/1.jpg", "val/a/1.jpg"], "has test and val but no train folder"),
        (["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "more than one folder for the validation"),
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
        raise BakeoffError(tell_problems(str(root), list_images(root).problems))


@pytest.mark.parametrize(
    ("paths", "problems"),
    [
        (["test/c/1.jpg"], ["class 'c' of the test folder is not in the train folder: move or rename it"]),
        (["test/A/1.jpg", "test/a/1.jpg"], ["class 'A' of the test folder is not in the train folder (is it 'a'?)"]),
        (["test/a/1.txt"], ["the test folder has no images"]),
        (["test/c/1.jpg", "test/d/1.jpg", "val/b/1.txt"], ["classes 'c' and 'd' of the test folder", "the validation"]),
    ],
)
def test_all_problems_are_told_at_once(root, paths, problems):
    touch(root, "train/a/1.jpg", "train/b/1.jpg", *paths)
    found = list_images(root).problems
    assert len(found) == len(problems)
    assert all(told.startswith(problem) for told, problem in zip(found, problems, strict=True))


def test_what_is_wrong_with_several_splits_is_told_at_once(root):
    touch(root, "train/1.jpg", "train/2.jpg", "train/a/1.jpg", "test/1.jpg", "val/a/1.jpg", "valid/a/1.jpg")
    with pytest.raises(BakeoffError, match=r"\(1\) .*validation.*\(2\) 2 of .* train lie.*\(3\) test "):
        list_images(root)


@pytest.mark.parametrize(
    "names", [("fold1", "fold2"), ("Fold_01", "fold-2", "fold 3"), ("data_batch_1", "data_batch_2")]
)
def test_numbered_parts_of_a_data_set_are_no_classes(root, names):
    touch(root, *(f"{name}/1.jpg" for name in names))
    with pytest.raises(BakeoffError, match="look like parts of one data set, not classes"):
        list_images(root)
    touch(root, "scaffold/1.jpg")
    assert len(list_images(root).classes) == len(names) + 1


def test_what_holds_next_to_no_images_is_left_soon(root, monkeypatch):
    """A whole disk, or a home: listing it takes minutes, and shows nothing but icons."""
    monkeypatch.setattr("bakeoff.data.tree.MOST_FOREIGN", 150)
    monkeypatch.setattr("bakeoff.data.tree.TOLD_EVERY", 10)
    told = []
    texts = [f"notes/{i}.xml" for i in range(400)]
    touch(root, "a/1.jpg", "b/1.jpg", *texts)
    assert len(list_images(root, lambda *report: told.append(report)).files) == 2
    assert told[0] == (f"listing {root}", 10, 0) and told[-1] == (f"listing {root}", 405, 405)
    touch(root, *(f"lib/{i}.so" for i in range(200)))
    with pytest.raises(BakeoffError, match=r"is not a data set: there is no image among the first \d+ files"):
        list_images(root)


def test_an_archive_is_no_folder(root):
    root.write_bytes(b"PK")
    with pytest.raises(BakeoffError, match="photos is a file: unpack it"):
        list_images(root)


@given(
    st.lists(st.text(max_size=6), max_size=6).flatmap(lambda names: st.tuples(st.just(names), st.permutations(names)))
)
def test_natural_order_is_an_order_for_any_names(both):
    names, shuffled = both
    assert sorted(names, key=natural) == sorted(shuffled, key=natural)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_in_names_count_as_numbers(a, b):
    assert (natural(f"x{a}y") < natural(f"x{b}y")) == (a < b)


def test_reasons_are_counted_whatever_numbers_are_in_them():
    skipped = [("a", "neither a train, val nor test folder: 7 images"), (".", "images outside the class folders: 2")]
    skipped += [("b", f"image file is truncated ({i} bytes not processed)") for i in (5, 17, 1234)]
    skipped += [("c", "no image (.mp4)"), ("d", f"Image size ({10**9} pixels) exceeds limit of {10**8} pixels")]
    skipped += [("e", "no images")]
    assert count_reasons(skipped) == {
        "neither a train, val nor test folder": 7,
        "image file is truncated": 3,
        "images outside the class folders": 2,
        "no image (.mp4)": 1,
        "Image size ( pixels) exceeds limit of  pixels": 1,
        "no images": 1,
    }


def test_what_is_told_at_once_has_an_end(root):
    touch(root, "a/1.jpg", "b/1.jpg", *(f"b/1.x{i}" for i in range(40)))
    reasons = tell_reasons(count_reasons(list_images(root).others))
    assert reasons.count("×") == 8 and reasons.endswith("33 × other reasons")
    assert tell_problems("photos", [f"p{i}" for i in range(12)]).endswith("; (10) p9; and 2 more")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.TGA", "not read (.tga): convert"),
        ("a.ico", "not read (.ico)"),
        ("a.nef", "raw"),
        ("a.mp4", "no image (.mp4)"),
    ],
)
def test_says_of_images_that_are_not_read_that_they_are_images(name, told):
    assert told in told_kind(name)
