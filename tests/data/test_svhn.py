import base64

import numpy as np
import pytest
from scipy.io import savemat

from bakeoff.data.svhn import read_svhn
from bakeoff.errors import BakeoffError


def test_images_come_out_upright_and_ten_means_zero(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    savemat(tmp_path / "a.mat", {"X": images.transpose(1, 2, 3, 0), "y": np.array([[10], [1], [9]], np.uint8)})
    read, labels = read_svhn(tmp_path / "a.mat")
    np.testing.assert_array_equal(read, images.transpose(0, 3, 1, 2))
    assert labels.tolist() == [0, 1, 9]
    assert labels.dtype == np.int64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": np.zeros((32, 32, 3, 2), np.uint8)}, "found no y"),
        ({"X": np.zeros((32, 32, 3, 2)), "y": [[1], [2]]}, "found float64"),
        ({"X": np.zeros((28, 28, 3, 2), np.uint8), "y": [[1], [2]]}, "32×32×3×N"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": ["ab", "cd"]}, "numbers as y, found <U2"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": [[1]]}, "found 1 for 2 images"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": [[0], [11]]}, "labels from 1 to 10, found 0 to 11"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(BakeoffError, match=message):
        read_svhn(tmp_path / "a.mat")


def test_a_damaged_file_is_named(tmp_path):
    savemat(tmp_path / "a.mat", {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": [[1], [2]]}, do_compression=True)
    whole = (tmp_path / "a.mat").read_bytes()
    for content in (b"", b"<html>not found</html>", whole[: len(whole) // 2]):
        (tmp_path / "cut.mat").write_bytes(content)
        with pytest.raises(BakeoffError, match=r"cut\.mat"):
            read_svhn(tmp_path / "cut.mat")


CRASHES = (
    "TUFUTEFCIDUuMCBNQVQtZmlsZSBQbGF0Zm9ybTogcG9zaXgsIENyZWF0ZWQgb246IFRodSBOb3YgMjYgMjE6NTI6NDYgMjAyNgAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABSU0PAAAAQQAAAHic7cbBCYBAEATBUVG8j/i8p2EYivlH4oIXhVQtzeyR"
    "5O7JVrtXLZ+1OqtrtFRzNdU944sPAAAAAADwQy+MWAFEDwAAACkAAAB4nONjYGAwAGI2IOYAYk4GCGCF8pmAmBGMGRkqwXwmBkYuBgYAGLwA8A=="
)
"""A file of which a byte was changed; SciPy 1.17 reads beyond its memory."""


def test_a_file_that_crashes_scipy_is_named(tmp_path):
    (tmp_path / "hostile.mat").write_bytes(base64.b64decode(CRASHES))
    with pytest.raises(BakeoffError, match=r"hostile\.mat"):
        read_svhn(tmp_path / "hostile.mat")
