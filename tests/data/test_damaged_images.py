import io
import struct
import zlib

import numpy as np
import pytest
from pictures import picture, saved
from PIL import Image, PngImagePlugin

from bakeoff.data.decode import decode, decode_into, read_extremes, read_header, read_headers
from bakeoff.data.depth import FULL, Depth


def test_unreadable_files_give_a_reason_and_leave_the_others_alone(tmp_path):
    good = saved(tmp_path / "good.jpg", Image.fromarray(picture(64, 64)), quality=95).read_bytes()
    saved(tmp_path / "good.png", Image.new("RGB", (1, 1)))
    bomb = bytearray((tmp_path / "good.png").read_bytes())
    bomb[16:24] = struct.pack(">2I", 60_000, 60_000)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.jpg").write_bytes(good[: len(good) // 2])
    (tmp_path / "bomb.png").write_bytes(bomb)
    (tmp_path / "renamed.png").write_bytes(good)
    names = ["empty.jpg", "text.png", "absent.png", "bomb.png", "cut.jpg", "good.jpg", "renamed.png"]
    headers = dict(zip(names, read_headers(tmp_path, names), strict=True))
    assert headers["empty.jpg"] == "empty file"
    assert headers["text.png"] == "not an image"
    assert headers["absent.png"] == "No such file or directory"
    assert headers["good.jpg"][1:3] == (64, 64)
    assert headers["renamed.png"] == headers["good.jpg"]
    output = tmp_path / "pixels"
    output.write_bytes(bytes(7 * 3 * 64))
    failures, coloured = decode_into(output, range(7), tmp_path, names, (8, 8), "stretch", FULL)
    assert [index for index, _ in failures] == [0, 1, 2, 3, 4]
    assert "truncated" in dict(failures)[4]
    assert coloured
    records = np.fromfile(output, np.uint8).reshape(7, 3, 8, 8)
    assert not records[:5].any()
    np.testing.assert_array_equal(records[5], decode(tmp_path / "good.jpg", (8, 8), "stretch"))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_drop_an_image(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (8, 8)), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_header(path)[1:3] == (8, 8)
    assert decode(path, (8, 8), "stretch").shape == (3, 8, 8)


def test_any_single_damaged_byte_is_read_or_refused_cleanly(tmp_path):
    random = np.random.default_rng(0)
    for extension in ("jpg", "png", "gif", "bmp", "webp"):
        stream = io.BytesIO()
        Image.fromarray(picture(8, 8)).save(stream, {"jpg": "JPEG"}.get(extension, extension))
        for i in range(40):
            content = bytearray(stream.getvalue())
            content[random.integers(len(content))] = random.integers(256)
            (tmp_path / f"{i}.{extension}").write_bytes(content)
        names = [f"{i}.{extension}" for i in range(40)]
        (tmp_path / "pixels").write_bytes(b"")
        failures, _ = decode_into(tmp_path / "pixels", range(40), tmp_path, names, (8, 8), "stretch", FULL)
        assert all(reason for _, reason in failures)


@pytest.mark.parametrize("kind", ["icc", "text", "bomb"])
def test_images_with_a_large_profile_or_text_are_readable(tmp_path, kind):
    size = 2**27 if kind == "bomb" else 3 * 2**20
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * (0 if kind == "icc" else size), zip=True)
    options = {"icc_profile": bytes(size)} if kind == "icc" else {"pnginfo": text}
    saved(tmp_path / "a.png", Image.new("RGB", (4, 4), "red"), **options)
    (header,) = read_headers(tmp_path, ["a.png"])
    (tmp_path / "pixels").write_bytes(bytes(48))
    failures, _ = decode_into(tmp_path / "pixels", [0], tmp_path, ["a.png"], (4, 4), "stretch", FULL)
    if kind == "bomb":
        assert "MB" in header and "text" in header
    else:
        assert header[1:3] == (4, 4) and not failures
        assert (tmp_path / "pixels").read_bytes()[:1] == b"\xff"
    assert PngImagePlugin.MAX_TEXT_CHUNK == 2**20, "others' settings are left alone"


def test_numbers_of_which_black_and_white_are_not_known_are_listed(tmp_path):
    saved(tmp_path / "float.tif", Image.fromarray(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)))
    saved(tmp_path / "int.tif", Image.fromarray(np.arange(16, dtype=np.int32).reshape(4, 4) * 1000))
    floating, whole = read_headers(tmp_path, ["float.tif", "int.tif"])
    assert "floating-point" in floating
    assert whole.is_deep and whole.is_grey
    depth = Depth.of(*read_extremes(tmp_path, ["int.tif", "float.tif"]))
    assert depth == Depth(0, 2**14 - 1)
    assert decode(tmp_path / "int.tif", (4, 4), "stretch", depth)[0, 3, 3] == round(15_000 * 255 / (2**14 - 1))


def test_too_many_pixels_are_refused_with_advice(tmp_path):
    saved(tmp_path / "good.png", Image.new("RGB", (1, 1)))
    content = bytearray((tmp_path / "good.png").read_bytes())
    content[16:24] = struct.pack(">2I", 13_400, 13_400)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (tmp_path / "large.png").write_bytes(content)
    (reason,) = read_headers(tmp_path, ["large.png"])
    assert "13,400×13,400" in reason and "resize" in reason
