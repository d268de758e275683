import struct
import tarfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from drawn import draw
from PIL import Image as Picture

from bakeoff.data import decode as decode_module
from bakeoff.data import disk_space_needed, file_names, info, inspect, load_dataset, packing, scan
from bakeoff.data.depth import Depth
from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import make_record
from bakeoff.spec.recipe import Image


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
        dataset = load_dataset(f"folder:{tmp_path}")
        assert dataset.depth == Depth(0, white)
        assert make_record(dataset).facts["depth"] == {"black": 0, "white": white}
        for name, split in dataset.splits().items():
            for file, image in zip(file_names(dataset, name), split.images, strict=True):
                expected = np.rint(stored[int(Path(file).stem)] * (255 / white))
                np.testing.assert_array_equal(image.transpose(1, 2, 0).squeeze(), expected.squeeze())

    def test_of_sixteen_full_bits_is_the_upper_byte_and_of_eight_bits_nothing(self, tmp_path, photos):
        for i in range(8):
            values = np.random.default_rng(i).integers(0, 65_536, (6, 5), np.uint16)
            values[0, 0] = 65_535
            sixteen_bits(tmp_path / "full" / "ab"[i % 2] / f"{i}.png", values)
        dataset = load_dataset(f"folder:{tmp_path / 'full'}")
        assert dataset.depth == Depth(0, 65_535)
        with Picture.open(tmp_path / "full" / (file := file_names(dataset, "test")[0])) as picture:
            expected = np.rint(np.asarray(picture) / 257)
        np.testing.assert_array_equal(dataset.test.images[0, 0], expected, err_msg=file)
        assert load_dataset(f"folder:{photos}").depth is None

    def test_begins_at_the_lowest_value_below_zero(self):
        assert Depth.of(-1024, 3071) == Depth(-1024, 4095)
        assert Depth.of(5, 0) == Depth(0, 255)


class TestHeaders:
    def test_tell_all_facts_without_a_pixel_decoded(self, photos, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr("bakeoff.data.decode.decode", None)
            seen = inspect(f"folder:{photos}")
            graded = inspect(f"folder:{photos}~classes=2~imbalance=4", Image((4, 4)))
        whole = load_dataset(f"folder:{photos}")
        assert inspect(f"folder:{photos}").pack == whole.pack
        assert seen.pack is None and seen.info == info(f"folder:{photos}") == whole.info
        assert seen.sizes == whole.sizes and seen.manifest == whole.manifest
        for name, split in seen.splits().items():
            np.testing.assert_array_equal(split.labels, whole.splits()[name].labels)
            assert split.images.shape == whole.splits()[name].images.shape
        assert str(graded.info.shape) == "3x4x4" and graded.info.train_images < whole.info.train_images

    def test_are_read_once(self, photos, monkeypatch):
        info(f"folder:{photos}")
        monkeypatch.setattr(decode_module, "read_header", None)
        assert len(load_dataset(f"folder:{photos}").train) == 16
        assert len(load_dataset(f"folder:{photos}", Image((4, 4))).train) == 16

    def test_leave_room_for_the_pack_or_say_what_it_takes(self, photos, monkeypatch):
        assert disk_space_needed(f"folder:{photos}", Image((64, 64))) == 2 * 20 * 3 * 64 * 64
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**6))
        with pytest.raises(BakeoffError, match=r"20 images .* 500×400 needs 24 MB .* 1 MB are free: .*--size 64"):
            load_dataset(f"folder:{photos}", Image((500, 400)))
        load_dataset(f"folder:{photos}")
        assert disk_space_needed(f"folder:{photos}", Image()) == 0 == disk_space_needed("digits", Image())


def test_large_pictures_are_decoded_by_few_processes_at_a_time(tmp_path, monkeypatch):
    for i in range(6):
        draw(tmp_path / "ab"[i % 2] / f"{i}.png", i, (40, 50))
    monkeypatch.setattr(packing, "SMALL", 64)
    monkeypatch.setattr(packing, "PIXELS_AT_ONCE", 4096)
    seen = []

    def run(work, tasks, *rest):
        seen.extend(task.processes for task in tasks)
        return scan.in_processes(work, tasks, *rest)

    monkeypatch.setattr(packing, "in_processes", run)
    assert len(load_dataset(f"folder:{tmp_path}", Image((8, 8), "crop")).train) == 4
    assert seen == [2] * 6


def extract(archive: Path, target: Path, every: int) -> None:
    """Unpack every n-th file."""
    with tarfile.open(archive) as tar:
        for i, member in enumerate(tar):
            if member.isfile() and (i % every == 0 or member.size > 500_000):
                tar.extract(member, target, filter="data")


def test_real_photographs_of_one_size(shared_data, tmp_path):
    extract(shared_data / "trashnet-128.tar.xz", tmp_path, every=8)
    dataset = load_dataset(f"folder:{tmp_path / 'trashnet_128'}")
    assert str(dataset.info.shape) == "3x96x128"
    assert dataset.info.classes == ("cardboard", "glass", "metal", "paper", "plastic", "trash")
    assert not dataset.skipped
    assert 0.4 < dataset.train.images.mean() / 255 < 0.8


def test_real_photographs_with_huge_ones_among_them(shared_data, tmp_path):
    extract(shared_data / "sign-digits.tar.xz", tmp_path, every=20)
    name = f"folder:{tmp_path / 'sign_digits'}"
    with pytest.raises(BakeoffError, match=r"100×100 .*, 3024×3024 .*--size 64"):
        load_dataset(name)
    dataset = load_dataset(name, Image(size=(64, 64)))
    assert str(dataset.info.shape) == "3x64x64"
    assert dataset.info.classes == tuple("0123456789")
    assert (3024, 3024, 3) in dataset.sizes
