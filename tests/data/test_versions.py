"""Versions of one data set: what tables call them and say about what changed."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.manifest import changes, manifest_of
from bakeoff.data.versions import label_versions


def sha(image: object) -> str:
    return hashlib.sha256(str(image).encode()).hexdigest()


PLACES = st.tuples(st.sampled_from(["train", "test"]), st.sampled_from(["a", "b", "ü\n"]))
IMAGES = st.dictionaries(st.integers(0, 9), PLACES, max_size=10)


def manifest(images: dict[int, tuple[str, str]]) -> dict[str, dict[str, str]]:
    return manifest_of((*place, sha(image)) for image, place in images.items())


@given(IMAGES, IMAGES)
def test_every_image_is_kept_added_gone_relabelled_or_moved(old, new):
    found = changes(manifest(old), manifest(new))
    both = old.keys() & new.keys()
    assert found.added == len(new.keys() - both) and found.gone == len(old.keys() - both)
    assert found.kept == sum(old[image] == new[image] for image in both)
    assert found.relabelled == sum(old[image][1] != new[image][1] for image in both)
    assert found.moved == sum(old[image][1] == new[image][1] and old[image] != new[image] for image in both)
    back = changes(manifest(new), manifest(old))
    assert (back.added, back.gone, back[2:]) == (found.gone, found.added, found[2:])


def test_copies_count_one_by_one():
    old = manifest_of([("train", "a", sha(1)), ("train", "a", sha(1)), ("train", "b", sha(2))])
    new = manifest_of([("train", "a", sha(1)), ("train", "b", sha(1)), ("train", "b", sha(2)), ("test", "b", sha(2))])
    assert changes(old, new) == (1, 0, 1, 0, 2)
    assert str(changes(old, new)) == "1 image added, 1 relabelled"
    assert str(changes(new, old)) == "1 image gone, 1 relabelled"


def test_a_manifest_takes_eight_bytes_an_image():
    whole = manifest_of(("train", "a", sha(i)) for i in range(1000))
    assert len(whole["train"]["a"]) == 8000


def facts(images: dict[int, tuple[str, str]] | None, source: str = "/x", count: int = 10) -> dict:
    known = {"source": source, "train_images": count, "test_images": 2}
    return known | ({"manifest": manifest(images)} if images else {})


A, B = ("train", "a"), ("train", "b")
USED = [("folder:x/photos", "1" * 64), ("mnist", "2" * 64), ("folder:photos", "3" * 64), ("folder:x/photos", "1" * 64)]


def test_the_newer_one_says_what_changed():
    known = {"1" * 64: facts({1: A, 2: A, 3: B}), "3" * 64: facts({1: A, 2: B, 4: B, 5: B})}
    found = label_versions(USED, lambda: known)
    assert {name: version.label for name, version in found.items()} == {
        "1" * 64: "folder:photos (111111)",
        "2" * 64: "mnist",
        "3" * 64: "folder:photos (333333)",
    }
    assert found["1" * 64].difference == "older than folder:photos (333333)"
    assert found["3" * 64].difference == "newer than folder:photos (111111): 2 images added, 1 gone, 1 relabelled"
    assert found["2" * 64].difference == ""


def test_unrelated_folders_and_old_stores_show_what_is_known():
    apart = {"1" * 64: facts({1: A}), "3" * 64: facts({2: A}, "/y")}
    assert label_versions(USED, lambda: apart)["3" * 64].difference.endswith(
        "no image in common, from /y instead of /x"
    )
    old = {"1" * 64: facts(None), "3" * 64: facts({1: A}, count=1200)}
    said = label_versions(USED, lambda: old)["3" * 64].difference
    assert "not recorded (1,200 train and 2 test images instead of 10 train and 2 test)" in said
    assert label_versions(USED, dict)["3" * 64].difference.endswith(": changed images not recorded")


def test_facts_are_not_read_if_every_name_has_one_version():
    assert label_versions([("digits", "1"), ("mnist", "2")], lambda: 1 / 0)["1"].label == "digits"  # type: ignore
