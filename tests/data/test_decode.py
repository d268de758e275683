import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from pictures import picture, saved
from PIL import Image, JpegImagePlugin, features
from sklearn.datasets import load_sample_image

from bakeoff.data.decode import UPRIGHT, decode, decode_picture, read_extremes, read_header
from bakeoff.data.depth import FULL, Depth

RED, GREEN, WHITE = [255, 0, 0], [0, 255, 0], [255, 255, 255]


@pytest.mark.parametrize("extension", ["png", "bmp", "webp", "gif", "jpg", "tif", "ppm", "jp2", "avif", "heic"])
def test_every_format_gives_the_pixels_that_were_saved(tmp_path, extension):
    original = np.zeros((16, 8, 3), np.uint8)
    original[:, :] = [200, 100, 50]
    if extension == "avif" and not features.check("avif"):
        pytest.skip("Pillow reads no AVIF here: pip install 'pillow>=11.3'")
    if extension == "heic":
        pytest.importorskip("pillow_heif", reason="pip install 'bakeoff[heic]'").register_heif_opener()
    lossy = extension in ("jpg", "avif", "heic")
    options = {"lossless": True} if extension == "webp" else {"quality": 95} if lossy else {}
    path = saved(tmp_path / f"a.{extension}", Image.fromarray(original), **options)
    assert read_header(path)[1:3] == (16, 8)
    pixels = decode(path, (16, 8), "stretch")
    assert pixels.shape == (3, 16, 8)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - original.transpose(2, 0, 1)).max() <= (3 if lossy else 0)


def test_transparent_parts_turn_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = [255, 0, 0, 255]
    grey = np.array([[[40, 255], [40, 0]]], np.uint8)
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    cases = {
        "rgba": (Image.fromarray(rgba), {}, [[RED, WHITE], [WHITE, WHITE]]),
        "la": (Image.fromarray(grey), {}, [[[40] * 3, WHITE]]),
        "palette": (palette, {}, [[RED, GREEN]]),
        "transparent palette": (palette, {"transparency": 1}, [[RED, WHITE]]),
        "half": (Image.new("RGBA", (1, 1), (0, 0, 0, 51)), {}, [[[204] * 3]]),
    }
    for name, (image, options, expected) in cases.items():
        path = saved(tmp_path / f"{name}.png", image, **options)
        pixels = decode(path, image.size[::-1], "stretch").transpose(1, 2, 0)
        assert pixels.tolist() == expected, name


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    path = saved(tmp_path / "a.png", Image.fromarray(values))
    assert decode(path, (1, 4), "stretch")[0].tolist() == [[0, 1, 128, 255]]


def test_cmyk_one_bit_and_grey_become_rgb(tmp_path):
    cmyk = saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    assert np.abs(decode(cmyk, (8, 8), "stretch")[:, 4, 4].astype(int) - RED).max() < 10
    bits = saved(tmp_path / "b.bmp", Image.new("1", (2, 2), 1))
    assert decode(bits, (2, 2), "stretch").tolist() == [[[255, 255]] * 2] * 3
    grey = saved(tmp_path / "c.png", Image.new("L", (2, 2), 77))
    assert decode(grey, (2, 2), "stretch").tolist() == [[[77, 77]] * 2] * 3


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_s_orientation_is_undone(tmp_path, orientation, extension):
    upright = Image.fromarray(picture(24, 16))
    back = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(UPRIGHT[back]) if back in UPRIGHT else upright
    if extension == "avif" and not features.check("avif"):
        pytest.skip("Pillow reads no AVIF here: pip install 'pillow>=11.3'")
    best = {"quality": 100, "subsampling": 0}
    options = {"jpg": best, "png": {}, "webp": {"lossless": True}, "tif": {}}.get(extension, {"quality": 100})
    path = saved(tmp_path / f"a.{extension}", stored, exif=exif, **options)
    assert read_header(path)[1:3] == (24, 16)
    found = decode(path, (24, 16), "stretch").transpose(1, 2, 0).astype(int)
    assert np.abs(found - np.asarray(upright)).max() <= 10


def test_the_first_frame_of_a_film_is_taken(tmp_path):
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "lime")]
    for extension in ("gif", "webp", "png", "tif"):
        path = tmp_path / f"a.{extension}"
        frames[0].save(
            path, save_all=True, append_images=frames[1:], **({"lossless": True} if "w" in path.name else {})
        )
        assert decode(path, (3, 3), "stretch")[:, 1, 1].tolist() == RED, extension


def test_a_missing_decoder_is_named(tmp_path, monkeypatch):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    monkeypatch.setattr("bakeoff.data.decode._formats", lambda: ("JPEG", "PNG"))
    for content, said in {
        heic: r"HEIC .*: pip install 'bakeoff\[heic\]'",
        heic.replace(b"heic", b"avif"): r"AVIF .*: pip install 'pillow>=11.3'",
        b"\xff\x0a" + bytes(64): "JPEG XL .*: convert it",
        b"text": "not an image",
    }.items():
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(ValueError, match=said):
            read_header(tmp_path / "a")


def test_fits(tmp_path):
    left_red = np.zeros((4, 8, 3), np.uint8)
    left_red[:, :4] = RED
    path = saved(tmp_path / "a.png", Image.fromarray(left_red))
    assert decode(path, (4, 4), "stretch")[0, 0].tolist()[0] == 255
    np.testing.assert_array_equal(decode(path, (4, 4), "crop").transpose(1, 2, 0), left_red[:, 2:6])
    padded = decode(path, (8, 8), "pad").transpose(1, 2, 0)
    np.testing.assert_array_equal(padded[2:6], left_red)
    assert not padded[[0, 1, 6, 7]].any()
    assert decode(path, (3, 5), "crop").shape == decode(path, (3, 5), "pad").shape == (3, 3, 5)


def test_a_reduced_image_is_antialiased(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    for extension in ("png", "jpg"):
        path = saved(tmp_path / f"a.{extension}", Image.fromarray(stripes))
        assert np.abs(decode(path, (8, 8), "stretch").astype(int)[:, :, 1:-1] - 127).max() < 8, extension


def test_interpolation_is_bilinear_unless_it_is_said_to_be_bicubic(tmp_path):
    own = Image.fromarray(picture(24, 30))
    path = saved(tmp_path / "a.png", own)
    for interpolation in ("bilinear", "bicubic"):
        expected = np.asarray(own.resize((20, 16), Image.Resampling[interpolation.upper()])).transpose(2, 0, 1)
        np.testing.assert_array_equal(decode(path, (16, 20), "stretch", FULL, interpolation), expected)
        np.testing.assert_array_equal(decode_picture(own, (16, 20), "stretch", FULL, interpolation), expected)
    assert (decode(path, (16, 20), "stretch") != expected).any()


def test_a_large_photograph_looks_the_same_by_the_short_way(tmp_path):
    large = Image.fromarray(picture(1200, 1600))
    short = decode(saved(tmp_path / "a.jpg", large, quality=95), (30, 40), "stretch").astype(int)
    exact = decode(saved(tmp_path / "a.png", large), (30, 40), "stretch").astype(int)
    assert np.abs(short - exact).max() <= 4


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
@pytest.mark.parametrize("side", [16, 32, 64])
def test_a_photograph_decoded_at_a_reduced_scale_differs_as_little_as_with_another_filter(
    tmp_path, monkeypatch, name, side
):
    path = saved(tmp_path / "a.jpg", Image.fromarray(load_sample_image(name)), quality=95)
    reduced = decode(path, (side, side), "crop").astype(int)
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", lambda image, mode, size: None)
    difference = np.abs(reduced - decode(path, (side, side), "crop"))
    assert 0 < difference.mean() < 2.5, "bicubic instead of bilinear: 1.5 to 2.8 grey levels"


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(10, 10), (30, 200), (400, 300)])
def test_it_is_known_beforehand_of_how_many_pixels_a_picture_is_decoded(tmp_path, fit, size, monkeypatch):
    path = saved(tmp_path / "a.jpg", Image.fromarray(picture(600, 810)), quality=90)
    progressive = saved(tmp_path / "b.jpg", Image.fromarray(picture(600, 810)), progressive=True)
    decoded = []
    monkeypatch.setattr("bakeoff.data.decode.check_size", lambda width, height: decoded.append((width, height)))
    decode(path, size, fit)
    width, height = decoded[0]
    assert read_header(path).pixels_at(size, fit) == pytest.approx(width * height, rel=0.01)
    assert read_header(progressive).pixels_at(size, fit) == 600 * 810


def test_large_images_are_not_copied(tmp_path):
    """13,370² pixels are as many as are read at all; here a hundredth of them."""
    for mode, most in (("RGB", 1.6), ("RGBA", 2.8), ("L", 1.9)):
        path = saved(tmp_path / f"{mode}.png", Image.new(mode, (1337, 1337)))
        code = (
            "import resource, sys, pathlib\n"
            "from bakeoff.data.decode import decode\n"
            "import bakeoff.data.pixels\n"
            "bakeoff.data.pixels.STRIP = 2**14\n"
            "decode(pathlib.Path(sys.argv[2]), (8, 8), 'stretch')\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "decode(pathlib.Path(sys.argv[1]), (8, 8), 'stretch')\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
        )
        small = saved(tmp_path / f"small {mode}.png", Image.new(mode, (8, 8)))
        told = subprocess.run([sys.executable, "-c", code, path, small], capture_output=True, text=True, check=True)
        assert int(told.stdout) * 1024 < most * 4 * 1337**2, mode


def test_grey_of_16_bits_with_opacity_keeps_all_of_them(tmp_path):
    """Pillow reads the upper bytes alone: of 12 bits it leaves four."""
    grey = np.arange(0, 4096, 64, dtype=">u2").reshape(8, 8)
    rows = np.stack([grey, np.full_like(grey, 65_535)], axis=-1).astype(">u2")

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = chunk(b"IHDR", struct.pack(">2I5B", 8, 8, 16, 4, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    (tmp_path / "la.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))
    found = read_header(tmp_path / "la.png")
    assert found.is_deep and found.is_grey
    depth = Depth.of(*read_extremes(tmp_path, ["la.png"]))
    assert depth == Depth(0, 4095)
    shown = decode(tmp_path / "la.png", (8, 8), "stretch", depth)
    assert (shown == np.rint(grey / (4095 / 255))).all()
