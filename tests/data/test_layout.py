"""Layouts of image folders found in practice are read correctly or refused; a split is never taken for a class."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.split_names import role_of
from bakeoff.data.tree import list_images
from bakeoff.errors import BakeoffError


def make(root: Path, *paths: str) -> Path:
    """Make files in a folder, and a folder of what ends with a slash."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (root / path).mkdir(exist_ok=True)
        else:
            (root / path).write_bytes(b"x")
    return root


def counts(root: Path) -> dict[tuple[str, str], int]:
    """Return images by (split, class)."""
    tree = list_images(root)
    assert not tree.problems
    found: dict[tuple[str, str], int] = {}
    for file in tree.files:
        key = file.split, tree.classes[file.label]
        found[key] = found.get(key, 0) + 1
    return found


BOTH = {("train", "cat"): 1, ("train", "dog"): 1, ("test", "cat"): 1, ("test", "dog"): 1}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("training_set/training_set", "test_set/test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("Training", "Testing"),
        ("train-images", "test-images"),
        ("train_images/images", "test_images/images"),
        ("dataset/train", "dataset/test"),
        ("archive/Data Set/TRAIN", "archive/Data Set/TEST"),
        ("trainSet", "testset"),
        ("train2017", "val2017"),
        ("asl_alphabet_train/asl_alphabet_train", "asl_alphabet_test/asl_alphabet_test"),
        ("train/animals", "test/animals"),
        ("images/train", "images/test"),
        ("my pets/my-pets/my_pets_train", "my pets/my-pets/my_pets_test"),
    ],
)
def test_splits_are_found_however_they_are_called(tmp_path, train, test):
    make(tmp_path, *(f"{split}/{label}/1.jpg" for split in (train, test) for label in ("cat", "dog")))
    make(tmp_path, f"{train}/stray.jpg", "readme.md", "preview.png", f"{test}/notes.txt")
    split = "validation" if "val" in test else "test"
    assert counts(tmp_path) == {(split if name == "test" else name, label): n for (name, label), n in BOTH.items()}
    strays = [path for path, reason in list_images(tmp_path).skipped if reason.startswith("images outside")]
    assert strays == [".", train]


def test_other_folders_are_skipped_and_listed(tmp_path):
    make(tmp_path, *(f"seg_{split}/seg_{split}/{label}/1.jpg" for split in ("train", "test") for label in "ab"))
    make(tmp_path, *(f"seg_pred/seg_pred/{i}.jpg" for i in range(7)))
    assert set(counts(tmp_path)) == {(split, label) for split in ("train", "test") for label in "ab"}
    assert list_images(tmp_path).skipped == (("seg_pred", "not a train, val or test folder: 7 images"),)


def test_the_order_is_stable(tmp_path):
    """String hashes differ between processes: the order of a set must not affect anything."""
    make(tmp_path, *(f"{split}/{label}/1.jpg" for split in ("train", "val", "test") for label in "ab"), "x/1.jpg")
    make(tmp_path, *(f"{split}/stray.jpg" for split in ("train", "val", "test")))
    ask = f"from bakeoff.data.tree import *; print(list_images(Path({str(tmp_path)!r})))"
    seeds = [os.environ | {"PYTHONHASHSEED": seed} for seed in "123"]
    said = {
        subprocess.run([sys.executable, "-c", ask], env=env, capture_output=True, check=True).stdout for env in seeds
    }
    assert len(said) == 1 and b"stray" not in said.pop()


def test_class_folders_may_hold_the_splits(tmp_path):
    make(tmp_path, *(f"{label}/{split}/1.jpg" for split in ("train", "test") for label in ("cat", "dog")))
    assert counts(tmp_path) == BOTH
    make(tmp_path, "dog/val/1.jpg")
    assert counts(tmp_path) == BOTH | {("validation", "dog"): 1}


def test_wrapping_folders_are_followed(tmp_path):
    make(tmp_path, *(f"pets/photos/{label}/1.jpg" for label in ("cat", "dog")), "pets/photos/cover.txt")
    assert counts(tmp_path) == {("train", "cat"): 1, ("train", "dog"): 1}
    make(tmp_path, "other/")
    with pytest.raises(BakeoffError, match=r"only pets .*has images, in sub-folders: give folder:.*/pets if"):
        list_images(tmp_path)


def test_a_data_set_may_lie_in_a_folder_called_for_a_split(tmp_path):
    make(tmp_path, *(f"train/{split}/{label}/1.jpg" for split in ("train", "test") for label in ("cat", "dog")))
    assert counts(tmp_path) == BOTH
    make(tmp_path, "val/cat/1.jpg")
    with pytest.raises(BakeoffError, match="'test' and 'train' look like splits, not classes"):
        list_images(tmp_path)


def test_annotations_are_not_a_class(tmp_path):
    make(tmp_path, "images/cat/1.jpg", "images/dog/1.jpg", "annotations/cat/1.xml", "annotations/dog/1.xml")
    assert counts(tmp_path) == {("train", "cat"): 1, ("train", "dog"): 1}
    assert list_images(tmp_path).skipped == (("annotations", "no images"),)


@pytest.mark.parametrize(
    "names", [("train", "plane"), ("train", "bus", "tram"), ("test", "control"), ("dev", "ops"), ("steam_train", "car")]
)
def test_classes_may_be_called_like_one_split(tmp_path, names):
    make(tmp_path, *(f"{name}/1.jpg" for name in names))
    assert set(counts(tmp_path)) == {("train", name) for name in names}


def test_a_class_may_have_sub_folders(tmp_path):
    make(tmp_path, "cat/2021/1.jpg", "cat/2022/1.jpg", "dog/1.jpg", "dog/new/2.jpg")
    assert counts(tmp_path) == {("train", "cat"): 2, ("train", "dog"): 2}
    make(tmp_path, "train/steam/1.jpg", "train/1.jpg", "tram/old/1.jpg")
    assert list_images(tmp_path).classes == ("cat", "dog", "train", "tram")


CLUTTER = [
    *("bakeoff.db.files/a.jpg", "__pycache__/a.jpg", "node_modules/x/a.jpg", "@eaDir/a.jpg", "lost+found/a.jpg"),
    *("$RECYCLE.BIN/a.jpg", "System Volume Information/a.jpg", ".ipynb_checkpoints/a.jpg", ".git/a.jpg", "_DS_Store"),
    *(
        "venv/pyvenv.cfg",
        "venv/lib/matplotlib/a.png",
        "cache/CACHEDIR.TAG",
        "cache/a.png",
        "fig/.bakeoff-figures",
        "fig/a.png",
        "results.files/a.jpg",
    ),
]


def test_clutter_of_programs_and_systems_is_not_a_class(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg", *CLUTTER, *(f"a/{path}" for path in CLUTTER if "results" not in path))
    (tmp_path / "results").write_bytes(b"SQLite format 3\0")
    tree = list_images(tmp_path)
    assert (tree.classes, len(tree.files), tree.skipped, tree.others) == (("a", "b"), 2, (), ())
    make(tmp_path, "my.files/1.jpg")
    assert list_images(tmp_path).classes == ("a", "b", "my.files")


def test_files_are_recognised_by_their_content(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg", "b/notes.txt", "b/labels", "b/film.mp4", "b/raw.NEF")
    heic = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
    for name, content in {"a": b"\x89PNG\r\n\x1a\n", "b.data": b"II*\0", "c.bin": heic, "d": b"RIFF1234WEBP"}.items():
        (tmp_path / "a" / name).write_bytes(content)
    (tmp_path / "b" / "raw.NEF").write_bytes(b"II*\0")
    tree = list_images(tmp_path)
    assert [file.path for file in tree.files] == ["a/1.jpg", "a/a", "a/b.data", "a/c.bin", "a/d", "b/1.jpg"]
    assert dict(tree.others) == {
        "b/notes.txt": "not an image (.txt)",
        "b/labels": "not an image (no extension)",
        "b/film.mp4": "not an image (.mp4)",
        "b/raw.NEF": "camera raw file (.nef): convert it",
    }


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *(("train", "train"), ("Training", "train"), ("training_set", "train"), ("TrainImages", "train")),
        *(("train 2017", "train"), ("trainval", "train"), ("train_val", "train"), ("valid", "validation")),
        *(("x_test", "test"), ("test1", "test"), ("training and testing", None), ("trainer", None), ("latest", None)),
    ],
)
def test_names_of_splits(name, role):
    assert role_of(name)[0] == role


NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=8)
CLASSES = st.lists(
    st.sampled_from(["cat", "dog", "0", "10", "Ünder", "train station", "a\nb", "\x1b[31m", "ab", "x y"]),
    min_size=2, max_size=4, unique=True,
)  # fmt: skip
SPELLINGS = st.sampled_from(
    ["{}", "{}_set", "{}-images", "{} data", "{}set", "Seg_{}", "{}/{}", "{}_set/{}_set", "{}/images", "x{}"]
)
CASES = st.sampled_from([str.lower, str.upper, str.capitalize])
WRAPS = st.sampled_from(["", "dataset/", "archive/data/", "photos/photos/"])
STRAYS = st.sets(
    st.sampled_from(
        [
            "readme.md",
            ".DS_Store",
            "bakeoff.db.files/1.jpg",
            "__MACOSX/cat/1.jpg",
            "top.jpg",
            ".git/a.png",
        ]
    )
)


@given(CLASSES, SPELLINGS, CASES, WRAPS, STRAYS, st.sets(st.sampled_from(["val", "test"])), st.integers(1, 3))
def test_known_layouts_are_read_as_meant_or_refused(classes, spelling, case, wrap, strays, more, images):
    words = {"train": "train", "val": "validation", "test": "test"}
    splits = ["train", *sorted(more)]
    named = {split: "/".join(case(part) for part in spelling.format(split, split).split("/")) for split in splits}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "mine"
        for split in splits:
            make(root, *(f"{wrap}{named[split]}/{c}/{i}.jpg" for c in classes for i in range(images)))
        make(root, *(f"{wrap}{path}" for path in strays))
        meant = {(words[split], label): images for split in splits for label in classes}
        try:
            found = counts(root)
        except BakeoffError:
            assert spelling == "x{}"
            return
        assert found == meant or (spelling in ("x{}", "Seg_{}") and not more and len(splits) == 1)


LIKELY = st.sampled_from(["train", "Test", "val", "test_set", "Training", "cat", "dog"])


@given(st.lists(st.tuples(LIKELY | NAMES, LIKELY | NAMES, NAMES), max_size=6))
def test_splits_are_never_classes_whatever_lies_there(paths):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for parts in paths:
            try:
                make(root, "/".join((*parts[:2], f"{parts[2]}.jpg")))
            except OSError:
                continue
        try:
            classes = list_images(root).classes
        except BakeoffError:
            return
        found = [role_of(name) for name in classes]
        assert len({role for role, rest in found if role and not rest}) < 2


@given(CLASSES, CASES, WRAPS, st.integers(1, 3), st.booleans())
def test_class_folders_that_hold_splits_and_folders_of_data_sets(classes, case, wrap, images, too_high):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "mine"
        numbers = range(images)
        if too_high:
            make(root, *(f"{wrap}{name}/{c}/{i}.jpg" for name in ("first", "2nd") for c in classes for i in numbers))
            with pytest.raises(BakeoffError, match="looks like a folder of data sets"):
                list_images(root)
        else:
            names = [case("train"), case("test")]
            make(root, *(f"{wrap}{c}/{name}/{i}.jpg" for c in classes for name in names for i in numbers))
            assert counts(root) == {(split, c): images for split in ("train", "test") for c in classes}
