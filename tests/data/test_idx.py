import gzip
import resource
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.idx import read_idx, read_idx_pair
from bakeoff.errors import BakeoffError


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), zipped=st.booleans(), seed=st.integers(0, 99))
def test_an_idx_file_reads_back(file, shape, zipped, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    file.write_bytes(gzip.compress(idx(array), 1) if zipped else idx(array))
    read = read_idx(file, len(shape))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@given(st.binary(max_size=60), st.integers(1, 4))
def test_any_bytes_are_read_whole_or_refused(file, content, dimensions):
    file.write_bytes(content)
    try:
        array = read_idx(file, dimensions)
    except BakeoffError as error:
        assert str(file) in str(error)
    else:
        assert idx(array) == content


@given(cut=st.integers(0, 40))
def test_a_truncated_gzip_is_refused(file, cut):
    whole = gzip.compress(idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4)))
    if cut >= len(whole) - 2:
        return
    file.write_bytes(whole[: cut + 2])
    with pytest.raises(BakeoffError, match="is damaged"):
        read_idx(file, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0", "expected a header of 16 bytes, found 2 bytes"),
        (b"\1\0\x08\3" + bytes(12), "two zero bytes.*found 0100"),
        (b"\0\0\x0d\3" + bytes(12), r"unsigned bytes \(type 8\), found type 13"),
        (b"\0\0\x08\1" + bytes(12), "expected 3 dimensions, found 1"),
        (b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 2) + bytes(7), "expected 8 bytes for 2×2×2, found 7"),
        (b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 2) + bytes(9), "expected 8 bytes for 2×2×2, found more"),
        (b"\0\0\x08\3" + b"\xff" * 12, "for 4294967295×4294967295×4294967295, found 16 at most"),
    ],
)
def test_the_message_says_what_was_expected_and_found(file, content, message):
    file.write_bytes(content)
    with pytest.raises(BakeoffError, match=message):
        read_idx(file, 3)


def test_images_and_labels_have_to_match(tmp_path):
    (tmp_path / "images").write_bytes(idx(np.zeros((3, 2, 2), np.uint8)))
    (tmp_path / "labels").write_bytes(idx(np.zeros(2, np.uint8)))
    with pytest.raises(BakeoffError, match="one label for each of 3 images, found 2"):
        read_idx_pair(tmp_path / "images", tmp_path / "labels")


class TestBombs:
    """A small file that unpacks to much more."""

    def bomb(self, header: bytes, length: int = 2**28) -> bytes:
        packer = zlib.compressobj(9, wbits=31)
        return (
            packer.compress(header)
            + b"".join(packer.compress(bytes(2**20)) for _ in range(length >> 20))
            + packer.flush()
        )

    def test_behind_a_header_of_a_few_images_is_not_unpacked(self, file):
        file.write_bytes(self.bomb(b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 2)))
        before = peak_bytes()
        with pytest.raises(BakeoffError, match="found more"):
            read_idx(file, 3)
        assert peak_bytes() - before < 2**26

    def test_that_does_not_fit_in_memory_is_refused_before_it_is_read(self, file, monkeypatch):
        file.write_bytes(self.bomb(b"\0\0\x08\1" + struct.pack(">I", 2**28), 2**28))
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**27))
        with pytest.raises(BakeoffError, match="need 268 MB of memory, where 134 MB are free"):
            read_idx(file, 1)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
