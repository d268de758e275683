import os
import unicodedata

import pytest
from listed_files import found, touch

from bakeoff.data.tree import list_images
from bakeoff.errors import BakeoffError


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
    (root / "b" / "zeros.jpg").symlink_to("/dev/zero")
    assert [path for path, _, _ in found(root)] == ["a/1.jpg", "b/1.jpg"]
    assert dict(list_images(root).skipped) == {".": "images outside the class folders: 1"}
    assert dict(list_images(root).others) == {
        "a/gone.jpg": "a broken link or not a regular file",
        "a/loop.jpg": "Too many levels of symbolic links",
        "b/pipe.jpg": "a broken link or not a regular file",
        "b/zeros.jpg": "a broken link or not a regular file",
    }


def test_links_are_followed_but_not_in_circles(root, tmp_path):
    touch(root, "a/1.jpg", "b/1.jpg")
    touch(tmp_path, "elsewhere/c/1.jpg", "elsewhere/c/2.jpg")
    (root / "c").symlink_to(tmp_path / "elsewhere" / "c")
    (root / "a" / "up").symlink_to(root / "a")
    (root / "a" / "itself").symlink_to("itself")
    (root / "b" / "top").symlink_to(root)
    assert [path for path, _, _ in found(root)] == ["a/1.jpg", "b/1.jpg", "c/1.jpg", "c/2.jpg"]


def test_a_class_may_be_named_train(root):
    touch(root, "train/1.jpg", "bus/1.jpg", "tram/1.jpg")
    assert list_images(root).classes == ("bus", "train", "tram")


def test_folders_beside_the_splits_are_noted(root):
    touch(root, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "unlabelled/1.jpg")
    assert list_images(root).skipped == (("unlabelled", "not a train, val or test folder: 1 image"),)


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


def test_listing_stops_in_a_folder_with_hardly_any_images(root, monkeypatch):
    """Such as a whole disk or a home directory, which would take minutes."""
    monkeypatch.setattr("bakeoff.data.walk.MOST_FOREIGN", 150)
    monkeypatch.setattr("bakeoff.data.walk.REPORT_EVERY", 10)
    reports = []
    texts = [f"notes/{i}.xml" for i in range(400)]
    touch(root, "a/1.jpg", "b/1.jpg", *texts)
    assert len(list_images(root, lambda *report: reports.append(report)).files) == 2
    assert reports[0] == (f"listing {root}", 10, 0) and reports[-1] == (f"listing {root}", 405, 405)
    touch(root, *(f"lib/{i}.so" for i in range(200)))
    with pytest.raises(BakeoffError, match=r"is not a data set: found no images among the first \d+ files"):
        list_images(root)


def test_an_archive_is_refused(root):
    root.write_bytes(b"PK")
    with pytest.raises(BakeoffError, match="photos is a file: unpack it"):
        list_images(root)
