import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bakeoff.data.file_index import FileIndex, paths_of

PART = st.sampled_from(["..", ".", "a", "b", "etc", "train", "1.jpg", "x", "~", "C:"])
PATHS = st.lists(PART, min_size=1, max_size=5).map("/".join)
FILES = ("1.jpg", "train/1.jpg", "train/2.jpg", "test/2.jpg", "deep/er/3.jpeg", "a.b.png")


@example(["C:\\../.."])
@given(st.lists(st.tuples(st.sampled_from(["", "/", "../", "C:\\", "//host/"]), PATHS).map("".join), max_size=4))
def test_only_files_of_the_folder_are_found_whatever_a_table_names(values):
    index = FileIndex(FILES)
    for value, parts in zip(values, paths_of(values), strict=True):
        assert ".." not in parts and "/" not in parts
        assert set(index.find(parts)) <= set(FILES)
        if "\\" not in value and os.path.normpath(value).startswith(".."):
            assert parts == ()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("train/2.jpg", ["train/2.jpg"]),
        ("./test/../train/2", ["train/2.jpg"]),
        ("train\\2.jpg", ["train/2.jpg"]),
        ("1.jpg", ["1.jpg"]),
        ("2.jpg", ["train/2.jpg", "test/2.jpg"]),
        ("3", ["deep/er/3.jpeg"]),
        ("er/3.jpeg", ["deep/er/3.jpeg"]),
        ("r/3.jpeg", []),
        ("a.b", ["a.b.png"]),
        ("a", []),
        ("../1.jpg", []),
        ("x/../../1.jpg", []),
        ("train/2.jpg/", ["train/2.jpg"]),
        ("", []),
    ],
)
def test_files_are_found_by_the_end_of_their_path(value, found):
    assert FileIndex(FILES).find(*paths_of([value, "some/other.jpg"])[:1]) == found


def test_files_in_the_folder_of_a_split_come_first():
    assert FileIndex(FILES).find(("2",), "test") == ["test/2.jpg"]


def test_absolute_paths_count_from_the_folder_that_they_share():
    assert paths_of(["/kaggle/in/a/1.jpg", "/kaggle/in/b/2.jpg", ""]) == [("a", "1.jpg"), ("b", "2.jpg"), ()]
    assert paths_of(["C:\\data\\1.jpg", "C:\\data\\2.jpg"]) == [("1.jpg",), ("2.jpg",)]
    assert paths_of(["/etc/passwd.jpg", "2.jpg"]) == [(), ("2.jpg",)]
