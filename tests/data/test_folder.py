import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn import assert_same, draw

from bakeoff.data import file_names, folder, info, load
from bakeoff.data.decode import decode
from bakeoff.errors import BakeoffError
from bakeoff.spec.recipe import Image


def test_every_image_is_packed_with_its_label_and_its_name(photos):
    dataset = load(f"folder:{photos}")
    assert dataset.info.name == "folder:photos"
    assert str(dataset.info.shape) == "3x6x5"
    assert dataset.info.classes == ("a", "b")
    assert dataset.info.photographs
    assert (dataset.info.train_images, dataset.info.test_images) == (16, 4)
    assert dataset.sizes == ((6, 5, 20),)
    assert np.bincount(dataset.test.labels).tolist() == [2, 2]
    seen = []
    for name, split in dataset.splits().items():
        for file, image, label in zip(file_names(dataset, name), split.images, split.labels, strict=True):
            np.testing.assert_array_equal(image, decode(photos / file, (6, 5), "stretch"))
            assert file.startswith("ab"[label])
            seen.append(file)
    assert len(set(seen)) == 20


def test_the_second_load_opens_no_image(photos, monkeypatch):
    first = load(f"folder:{photos}")
    monkeypatch.setattr(folder, "scan_files", None)
    assert_same(load(f"folder:{photos}"), first)
    monkeypatch.chdir(photos)
    assert load("folder:.").info.name == "folder:photos"


def test_a_copy_under_another_path_is_not_decoded_again(photos, monkeypatch):
    first = load(f"folder:{photos}")
    shutil.copytree(photos, photos.parent / "copy")
    monkeypatch.setattr(folder, "pack", None)
    copy = load(f"folder:{photos.parent / 'copy'}")
    assert copy.info.name == "folder:copy"
    assert copy.info.content_hash == first.info.content_hash
    np.testing.assert_array_equal(copy.train.images, first.train.images)


def test_names_of_files_do_not_matter_but_everything_else_does(photos):
    first = load(f"folder:{photos}")
    (photos / "a" / "0.png").rename(photos / "a" / "zzz.png")
    assert_same(load(f"folder:{photos}"), first)
    hashes = {first.info.content_hash}
    draw(photos / "a" / "zzz.png", 99)
    hashes.add(load(f"folder:{photos}").info.content_hash)
    (photos / "a" / "zzz.png").rename(photos / "b" / "zzz.png")
    hashes.add(load(f"folder:{photos}").info.content_hash)
    (photos / "b").rename(photos / "c")
    hashes.add(load(f"folder:{photos}").info.content_hash)
    assert len(hashes) == 4


def test_grey_images_have_one_channel(photos):
    for i in range(4):
        draw(photos.parent / "grey" / "ab"[i % 2] / f"{i}.png", i, colour=False)
    grey = load(f"folder:{photos.parent / 'grey'}")
    assert str(grey.info.shape) == "1x6x5"
    draw(photos.parent / "grey" / "a" / "colour.png", 9)
    assert str(load(f"folder:{photos.parent / 'grey'}").info.shape) == "3x6x5"


def test_several_sizes_need_one_to_be_chosen(photos):
    draw(photos / "a" / "large.png", 50, (30, 40))
    with pytest.raises(BakeoffError, match=r"folder:photos have 2 sizes, 6×5 \(20\), 30×40 \(1\): .* --size 64"):
        load(f"folder:{photos}")
    known = info(f"folder:{photos}")
    assert known.shape is None
    square = load(f"folder:{photos}", Image(size=(8, 8), scale=3))
    assert str(square.info.shape) == "3x8x8", "enlarging is left to the input pipeline"
    assert info(f"folder:{photos}", Image(size=(8, 8))) == square.info
    assert (known.content_hash, known.train_images) == (square.info.content_hash, square.info.train_images)
    padded = load(f"folder:{photos}", Image(size=(8, 8), fit="pad"))
    assert (padded.train.images != square.train.images).any()


def test_what_is_no_image_is_listed_on_every_load_and_changes_nothing(photos, monkeypatch):
    first = load(f"folder:{photos}")
    for name in ("notes.txt", "scan.xml", "film.mp4"):
        (photos / "a" / name).touch()
    monkeypatch.setattr(folder, "scan_files", None)
    for _ in range(2):
        again = load(f"folder:{photos}")
        assert_same(again, first)
        assert dict(again.skipped) == {
            "a/film.mp4": "no image (.mp4)",
            "a/notes.txt": "no image (.txt)",
            "a/scan.xml": "no image (.xml)",
        }


def test_images_are_read_whatever_they_are_called(photos, tmp_path):
    plain = load(f"folder:{photos}")
    (photos / "a" / "0.png").rename(photos / "a" / "0")
    (photos / "a" / "2.png").rename(photos / "a" / "2.data")
    (photos / "b" / "1.png").rename(photos / "b" / "1.jpg")
    assert_same(load(f"folder:{photos}"), plain)


def test_own_splits_are_kept(photos, tmp_path):
    for i in range(12):
        draw(tmp_path / "own" / ("train", "val", "test")[i // 4] / "ab"[i % 2] / f"{i}.png", i)
    dataset = load(f"folder:{tmp_path / 'own'}")
    assert [len(split) for split in dataset.splits().values()] == [4, 4, 4]
    assert dataset.info.validation_images == 4
    assert {Path(file).parts[0] for file in file_names(dataset, "validation")} == {"val"}


def test_copies_of_a_file_do_not_leak_into_the_test_split(photos):
    for i in range(0, 20, 2):
        shutil.copy(photos / "a" / f"{i}.png", photos / "a" / f"copy{i}.png")
    dataset = load(f"folder:{photos}")
    train = {image.tobytes() for image in dataset.train.images}
    assert not train & {image.tobytes() for image in dataset.test.images}
    assert len(dataset.test) == 6


def test_unreadable_files_are_skipped_and_listed_on_every_load(photos):
    whole = photos / "a" / "0.png"
    (photos / "a" / "cut.png").write_bytes(whole.read_bytes()[:-40])
    (photos / "b" / "empty.jpg").touch()
    for _ in range(2):
        dataset = load(f"folder:{photos}")
        skipped = dict(dataset.skipped)
        assert skipped["b/empty.jpg"] == "the file is empty"
        assert "truncated" in skipped["a/cut.png"]
        assert len(dataset.train) + len(dataset.test) == 20


def test_too_few_images_are_an_error_that_names_the_class(photos):
    for path in sorted((photos / "b").iterdir())[1:]:
        path.write_bytes(b"broken")
    with pytest.raises(BakeoffError, match=r"class 'b' needs 2 readable .* and has 1 \(b/11.png: no image\)$"):
        load(f"folder:{photos}")
    for path in photos.rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(BakeoffError, match=r"has no image that can be read, of 20 \(a/0.png: no image\)"):
        load(f"folder:{photos}")


def test_all_that_is_wrong_is_told_at_once_with_a_file_of_the_class_it_is_about(photos):
    for path in sorted((photos / "a").iterdir())[:2]:
        path.write_bytes(b"broken")
    for path in sorted((photos / "b").iterdir())[1:]:
        path.write_bytes(b"")
    (photos / "c").mkdir()
    (photos / "d").mkdir()
    (photos / "d" / "notes.txt").touch()
    with pytest.raises(BakeoffError) as caught:
        load(f"folder:{photos}")
    said = str(caught.value)
    assert "(1) class 'b' needs 2 readable training images and has 1 (b/11.png: the file is empty)" in said
    assert "(2) class 'c' is empty: put images there or remove its folder" in said
    assert "(3) class 'd' is empty (1 × no image (.txt))" in said
    assert "class 'a'" not in said


def test_a_test_folder_without_readable_images_is_not_made_up_for(photos):
    for split in ("train", "test"):
        shutil.copytree(photos, photos.parent / "own" / split)
    for path in (photos.parent / "own" / "test").rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(BakeoffError, match=r"no image in the test folder can be read \(test/a/"):
        load(f"folder:{photos.parent / 'own'}")


def test_a_class_of_copies_cannot_be_split(photos):
    for path in (photos / "b").iterdir():
        shutil.copy(photos / "b" / "1.png", path) if path.name != "1.png" else None
    with pytest.raises(BakeoffError, match="class 'b' has too few different images"):
        load(f"folder:{photos}")


def test_many_files_go_through_processes_and_report_progress(photos):
    for i in range(200):
        draw(photos / "ab"[i % 2] / f"more{i}.png", 100 + i)
    seen: dict[str, list] = {}
    dataset = load(
        f"folder:{photos}", progress=lambda what, done, total: seen.setdefault(what, []).append((done, total))
    )
    assert len(dataset.train) + len(dataset.test) == 220
    assert list(seen) == ["reading folder:photos", "packing folder:photos at 6×5 (40 kB)"]
    assert [reports[-1] for reports in seen.values()] == [(220, 220)] * 2
    for file, image in zip(file_names(dataset, "test"), dataset.test.images, strict=True):
        np.testing.assert_array_equal(image, decode(photos / file, (6, 5), "stretch"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("folder:", "needs a path"), ("folder:~no-such-user/x", "there is no user"), ("folder:\0", "exist")],
)
def test_paths_that_are_none(name, said):
    for ask in (load, info):
        with pytest.raises(BakeoffError, match=said):
            ask(name)
