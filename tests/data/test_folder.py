import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn import assert_same, draw

from bakeoff.data import file_names, folder, info, load_dataset
from bakeoff.data.decode import decode
from bakeoff.errors import BakeoffError
from bakeoff.spec.recipe import Image


def test_every_image_is_packed_with_its_label_and_its_name(photos):
    dataset = load_dataset(f"folder:{photos}")
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
    first = load_dataset(f"folder:{photos}")
    monkeypatch.setattr(folder, "scan_files", None)
    assert_same(load_dataset(f"folder:{photos}"), first)
    monkeypatch.chdir(photos)
    assert load_dataset("folder:.").info.name == "folder:photos"


def test_a_copy_under_another_path_is_not_decoded_again(photos, monkeypatch):
    first = load_dataset(f"folder:{photos}")
    shutil.copytree(photos, photos.parent / "copy")
    monkeypatch.setattr(folder, "pack_files", None)
    copy = load_dataset(f"folder:{photos.parent / 'copy'}")
    assert copy.info.name == "folder:copy"
    assert copy.info.content_hash == first.info.content_hash
    np.testing.assert_array_equal(copy.train.images, first.train.images)


def test_names_of_files_do_not_matter_but_everything_else_does(photos):
    first = load_dataset(f"folder:{photos}")
    (photos / "a" / "0.png").rename(photos / "a" / "zzz.png")
    assert_same(load_dataset(f"folder:{photos}"), first)
    hashes = {first.info.content_hash}
    draw(photos / "a" / "zzz.png", 99)
    hashes.add(load_dataset(f"folder:{photos}").info.content_hash)
    (photos / "a" / "zzz.png").rename(photos / "b" / "zzz.png")
    hashes.add(load_dataset(f"folder:{photos}").info.content_hash)
    (photos / "b").rename(photos / "c")
    hashes.add(load_dataset(f"folder:{photos}").info.content_hash)
    assert len(hashes) == 4


def test_grey_images_have_one_channel(photos):
    for i in range(4):
        draw(photos.parent / "grey" / "ab"[i % 2] / f"{i}.png", i, colour=False)
    grey = load_dataset(f"folder:{photos.parent / 'grey'}")
    assert str(grey.info.shape) == "1x6x5"
    draw(photos.parent / "grey" / "a" / "colour.png", 9)
    assert str(load_dataset(f"folder:{photos.parent / 'grey'}").info.shape) == "3x6x5"


def test_several_sizes_need_one_to_be_chosen(photos):
    draw(photos / "a" / "large.png", 50, (30, 40))
    with pytest.raises(BakeoffError, match=r"folder:photos have 2 sizes, 6×5 \(20\), 30×40 \(1\): .* --size 64"):
        load_dataset(f"folder:{photos}")
    known = info(f"folder:{photos}")
    assert known.shape is None
    square = load_dataset(f"folder:{photos}", Image(size=(8, 8), scale=3))
    assert str(square.info.shape) == "3x8x8", "enlarging is left to the input pipeline"
    assert info(f"folder:{photos}", Image(size=(8, 8))) == square.info
    assert (known.content_hash, known.train_images) == (square.info.content_hash, square.info.train_images)
    padded = load_dataset(f"folder:{photos}", Image(size=(8, 8), fit="pad"))
    assert (padded.train.images != square.train.images).any()
    sharp = load_dataset(f"folder:{photos}", Image(size=(8, 8), interpolation="bicubic"))
    assert (sharp.train.images != square.train.images).any()
    assert sharp.info.content_hash == square.info.content_hash


def test_other_files_are_listed_on_every_load_and_change_nothing(photos, monkeypatch):
    first = load_dataset(f"folder:{photos}")
    for name in ("notes.txt", "scan.xml", "film.mp4"):
        (photos / "a" / name).touch()
    monkeypatch.setattr(folder, "scan_files", None)
    for _ in range(2):
        again = load_dataset(f"folder:{photos}")
        assert_same(again, first)
        assert dict(again.skipped) == {
            "a/film.mp4": "not an image (.mp4)",
            "a/notes.txt": "not an image (.txt)",
            "a/scan.xml": "not an image (.xml)",
        }


def test_images_are_read_whatever_they_are_called(photos, tmp_path):
    plain = load_dataset(f"folder:{photos}")
    (photos / "a" / "0.png").rename(photos / "a" / "0")
    (photos / "a" / "2.png").rename(photos / "a" / "2.data")
    (photos / "b" / "1.png").rename(photos / "b" / "1.jpg")
    assert_same(load_dataset(f"folder:{photos}"), plain)


def test_own_splits_are_kept(photos, tmp_path):
    for i in range(12):
        draw(tmp_path / "own" / ("train", "val", "test")[i // 4] / "ab"[i % 2] / f"{i}.png", i)
    dataset = load_dataset(f"folder:{tmp_path / 'own'}")
    assert [len(split) for split in dataset.splits().values()] == [4, 4, 4]
    assert dataset.info.validation_images == 4
    assert {Path(file).parts[0] for file in file_names(dataset, "validation")} == {"val"}


def test_copies_of_a_file_do_not_leak_into_the_test_split(photos):
    for i in range(0, 20, 2):
        shutil.copy(photos / "a" / f"{i}.png", photos / "a" / f"copy{i}.png")
    dataset = load_dataset(f"folder:{photos}")
    train = {image.tobytes() for image in dataset.train.images}
    assert not train & {image.tobytes() for image in dataset.test.images}
    assert len(dataset.test) == 6


def test_unreadable_files_are_skipped_and_listed_on_every_load(photos):
    whole = photos / "a" / "0.png"
    (photos / "a" / "cut.png").write_bytes(whole.read_bytes()[:-40])
    (photos / "b" / "empty.jpg").touch()
    for _ in range(2):
        dataset = load_dataset(f"folder:{photos}")
        skipped = dict(dataset.skipped)
        assert skipped["b/empty.jpg"] == "empty file"
        assert "truncated" in skipped["a/cut.png"]
        assert len(dataset.train) + len(dataset.test) == 20


def test_too_few_images_are_an_error_that_names_the_class(photos):
    for path in sorted((photos / "b").iterdir())[1:]:
        path.write_bytes(b"broken")
    with pytest.raises(BakeoffError, match=r"class 'b': .* found 1 \(b/11.png: not an image\)$"):
        load_dataset(f"folder:{photos}")
    for path in photos.rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(BakeoffError, match=r"none of 20 images can be read \(a/0.png: not an image\)"):
        load_dataset(f"folder:{photos}")


def test_all_problems_are_reported_together_with_an_example_of_their_class(photos):
    for path in sorted((photos / "a").iterdir())[:2]:
        path.write_bytes(b"broken")
    for path in sorted((photos / "b").iterdir())[1:]:
        path.write_bytes(b"")
    (photos / "c").mkdir()
    (photos / "d").mkdir()
    (photos / "d" / "notes.txt").touch()
    with pytest.raises(BakeoffError) as caught:
        load_dataset(f"folder:{photos}")
    said = str(caught.value)
    assert "(1) class 'b': expected at least 2 readable training images, found 1 (b/11.png: empty file)" in said
    assert "(2) class 'c' is empty" in said
    assert "(3) class 'd' is empty (1 × not an image (.txt))" in said
    assert "class 'a'" not in said


def test_a_test_folder_without_readable_images_is_not_made_up_for(photos):
    for split in ("train", "test"):
        shutil.copytree(photos, photos.parent / "own" / split)
    for path in (photos.parent / "own" / "test").rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(BakeoffError, match=r"no image of the test split can be read \(test/a/"):
        load_dataset(f"folder:{photos.parent / 'own'}")


def test_a_class_of_copies_cannot_be_split(photos):
    for path in (photos / "b").iterdir():
        shutil.copy(photos / "b" / "1.png", path) if path.name != "1.png" else None
    with pytest.raises(BakeoffError, match="class 'b' has too few distinct images"):
        load_dataset(f"folder:{photos}")


def test_many_files_go_through_processes_and_report_progress(photos):
    for i in range(200):
        draw(photos / "ab"[i % 2] / f"more{i}.png", 100 + i)
    seen: dict[str, list] = {}
    dataset = load_dataset(
        f"folder:{photos}", progress=lambda what, done, total: seen.setdefault(what, []).append((done, total))
    )
    assert len(dataset.train) + len(dataset.test) == 220
    assert list(seen) == ["reading folder:photos", "packing folder:photos at 6×5 (40 kB)"]
    assert [reports[-1] for reports in seen.values()] == [(220, 220)] * 2
    for file, image in zip(file_names(dataset, "test"), dataset.test.images, strict=True):
        np.testing.assert_array_equal(image, decode(photos / file, (6, 5), "stretch"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("folder:", "has no path"), ("folder:~no-such-user/x", "no home directory"), ("folder:\0", "exist")],
)
def test_invalid_paths(name, said):
    for ask in (load_dataset, info):
        with pytest.raises(BakeoffError, match=said):
            ask(name)
