import shutil
import struct
import tarfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Picture

from bakeoff.data import decode as decode_module
from bakeoff.data import file_names, folder, info, load, look, packing, room_needed, scan
from bakeoff.data.decode import decode
from bakeoff.data.depth import Depth
from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import record_of
from bakeoff.spec.recipe import Image


def draw(path: Path, seed: int, size: tuple[int, int] = (6, 5), colour: bool = True) -> None:
    """A random picture of (height, width), different for every seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, 3) if colour else size
    Picture.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of ten different pictures."""
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    for i in range(20):
        draw(tmp_path / "photos" / "ab"[i % 2] / f"{i}.png", i)
    return tmp_path / "photos"


def pixels(dataset) -> dict[str, np.ndarray]:
    return {name: split.images.copy() for name, split in dataset.splits().items()}


def assert_same(one, other) -> None:
    assert one.info == other.info
    for name, split in one.splits().items():
        np.testing.assert_array_equal(split.images, other.splits()[name].images)
        np.testing.assert_array_equal(split.labels, other.splits()[name].labels)


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


def sixteen_bits(path: Path, values: np.ndarray) -> None:
    """Write (H, W) or (H, W, 3) values as a PNG of 16 bits a channel, which Pillow can only do for grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">2I5B", values.shape[1], values.shape[0], 16, 2 if values.ndim == 3 else 0, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks.items()
        )
    )


class TestDepth:
    @pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)], ids=["grey", "colour"])
    @pytest.mark.parametrize(("bits", "white"), [(8, 255), (10, 1023), (12, 4095), (15, 32767)])
    def test_is_that_of_what_the_whole_data_set_holds(self, tmp_path, shape, bits, white):
        stored = {}
        for i in range(8):
            top = 2**bits - 1 if i == 5 else 2 ** (bits - 2)
            stored[i] = np.random.default_rng(i).integers(0, top, shape, np.uint16)
            stored[i].flat[0] = top
            sixteen_bits(tmp_path / "ab"[i % 2] / f"{i}.png", stored[i])
        dataset = load(f"folder:{tmp_path}")
        assert dataset.depth == Depth(0, white)
        assert record_of(dataset).facts["depth"] == {"black": 0, "white": white}
        for name, split in dataset.splits().items():
            for file, image in zip(file_names(dataset, name), split.images, strict=True):
                expected = np.rint(stored[int(Path(file).stem)] * (255 / white))
                np.testing.assert_array_equal(image.transpose(1, 2, 0).squeeze(), expected.squeeze())

    def test_of_sixteen_full_bits_is_the_upper_byte_and_of_eight_bits_nothing(self, tmp_path, photos):
        for i in range(8):
            values = np.random.default_rng(i).integers(0, 65_536, (6, 5), np.uint16)
            values[0, 0] = 65_535
            sixteen_bits(tmp_path / "full" / "ab"[i % 2] / f"{i}.png", values)
        dataset = load(f"folder:{tmp_path / 'full'}")
        assert dataset.depth == Depth(0, 65_535)
        with Picture.open(tmp_path / "full" / (file := file_names(dataset, "test")[0])) as picture:
            expected = np.rint(np.asarray(picture) / 257)
        np.testing.assert_array_equal(dataset.test.images[0, 0], expected, err_msg=file)
        assert load(f"folder:{photos}").depth is None

    def test_begins_at_the_lowest_value_below_zero(self):
        assert Depth.of(-1024, 3071) == Depth(-1024, 4095)
        assert Depth.of(5, 0) == Depth(0, 255)


class TestHeaders:
    def test_tell_all_facts_without_a_pixel_decoded(self, photos, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr("bakeoff.data.decode.decode", None)
            seen = look(f"folder:{photos}")
            graded = look(f"folder:{photos}~classes=2~imbalance=4", Image((4, 4)))
        whole = load(f"folder:{photos}")
        assert look(f"folder:{photos}").pack == whole.pack
        assert seen.pack is None and seen.info == info(f"folder:{photos}") == whole.info
        assert seen.sizes == whole.sizes and seen.manifest == whole.manifest
        for name, split in seen.splits().items():
            np.testing.assert_array_equal(split.labels, whole.splits()[name].labels)
            assert split.images.shape == whole.splits()[name].images.shape
        assert str(graded.info.shape) == "3x4x4" and graded.info.train_images < whole.info.train_images

    def test_are_read_once(self, photos, monkeypatch):
        info(f"folder:{photos}")
        monkeypatch.setattr(decode_module, "read_header", None)
        assert len(load(f"folder:{photos}").train) == 16
        assert len(load(f"folder:{photos}", Image((4, 4))).train) == 16

    def test_leave_room_for_the_pack_or_say_what_it_takes(self, photos, monkeypatch):
        assert room_needed(f"folder:{photos}", Image((64, 64))) == 2 * 20 * 3 * 64 * 64
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**6))
        with pytest.raises(BakeoffError, match=r"20 images .* 500×400 needs 24 MB .* 1 MB are free: .*--size 64"):
            load(f"folder:{photos}", Image((500, 400)))
        load(f"folder:{photos}")
        assert room_needed(f"folder:{photos}", Image()) == 0 == room_needed("digits", Image())


def test_large_pictures_are_decoded_by_few_processes_at_a_time(tmp_path, monkeypatch):
    for i in range(6):
        draw(tmp_path / "ab"[i % 2] / f"{i}.png", i, (40, 50))
    monkeypatch.setattr(packing, "SMALL", 64)
    monkeypatch.setattr(packing, "PIXELS_AT_ONCE", 4096)
    seen = []

    def run(work, tasks, *rest):
        seen.extend(task.processes for task in tasks)
        return scan.run(work, tasks, *rest)

    monkeypatch.setattr(packing, "run", run)
    assert len(load(f"folder:{tmp_path}", Image((8, 8), "crop")).train) == 4
    assert seen == [2] * 6


def extract(archive: Path, target: Path, every: int) -> None:
    """Unpack every so-manieth file."""
    with tarfile.open(archive) as tar:
        for i, member in enumerate(tar):
            if member.isfile() and (i % every == 0 or member.size > 500_000):
                tar.extract(member, target, filter="data")


def test_real_photographs_of_one_size(shared_data, tmp_path):
    extract(shared_data / "trashnet-128.tar.xz", tmp_path, every=8)
    dataset = load(f"folder:{tmp_path / 'trashnet_128'}")
    assert str(dataset.info.shape) == "3x96x128"
    assert dataset.info.classes == ("cardboard", "glass", "metal", "paper", "plastic", "trash")
    assert not dataset.skipped
    assert 0.4 < dataset.train.images.mean() / 255 < 0.8


def test_real_photographs_with_huge_ones_among_them(shared_data, tmp_path):
    extract(shared_data / "sign-digits.tar.xz", tmp_path, every=20)
    name = f"folder:{tmp_path / 'sign_digits'}"
    with pytest.raises(BakeoffError, match=r"100×100 .*, 3024×3024 .*--size 64"):
        load(name)
    dataset = load(name, Image(size=(64, 64)))
    assert str(dataset.info.shape) == "3x64x64"
    assert dataset.info.classes == tuple("0123456789")
    assert (3024, 3024, 3) in dataset.sizes


@pytest.mark.parametrize(
    ("name", "said"),
    [("folder:", "needs a path"), ("folder:~no-such-user/x", "there is no user"), ("folder:\0", "exist")],
)
def test_paths_that_are_none(name, said):
    for ask in (load, info):
        with pytest.raises(BakeoffError, match=said):
            ask(name)
