"""Counting why files are skipped."""

import pytest
from listed_files import touch

from bakeoff.data.ambiguous import describe_problems
from bakeoff.data.kinds import describe_other_file
from bakeoff.data.skipped import count_reasons, format_reasons
from bakeoff.data.tree import list_images


def test_numbers_in_reasons_are_ignored_when_counting():
    skipped = [("a", "not a train, val or test folder: 7 images"), (".", "images outside the class folders: 2")]
    skipped += [("b", f"image file is truncated ({i} bytes not processed)") for i in (5, 17, 1234)]
    skipped += [("c", "not an image (.mp4)"), ("d", f"Image size ({10**9} pixels) exceeds limit of {10**8} pixels")]
    skipped += [("e", "no images")]
    assert count_reasons(skipped) == {
        "not a train, val or test folder": 7,
        "image file is truncated": 3,
        "images outside the class folders": 2,
        "not an image (.mp4)": 1,
        "Image size ( pixels) exceeds limit of  pixels": 1,
        "no images": 1,
    }


def test_the_number_of_listed_problems_is_limited(root):
    touch(root, "a/1.jpg", "b/1.jpg", *(f"b/1.x{i}" for i in range(40)))
    reasons = format_reasons(count_reasons(list_images(root).others))
    assert reasons.count("×") == 8 and reasons.endswith("33 × other reasons")
    assert describe_problems("photos", [f"p{i}" for i in range(12)]).endswith("; (10) p9; and 2 more")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.TGA", "(.tga): convert"),
        ("a.ico", "(.ico)"),
        ("a.nef", "raw"),
        ("a.mp4", "not an image (.mp4)"),
    ],
)
def test_says_of_images_that_are_not_read_that_they_are_images(name, told):
    assert told in describe_other_file(name)
