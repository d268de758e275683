import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from bakeoff.data.decode import UPRIGHT, decode, decode_into, read_extremes, read_header, read_headers
from bakeoff.data.depth import FULL, Depth

RED, GREEN, WHITE = [255, 0, 0], [0, 255, 0], [255, 255, 255]


def picture(height: int = 6, width: int = 4) -> np.ndarray:
    """Smooth, so that JPEG keeps it, and without any symmetry."""
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([rows * 255, columns * 255, rows * columns * 200], axis=2).astype(np.uint8)


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path


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


def test_what_needs_another_decoder_says_which(tmp_path, monkeypatch):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    monkeypatch.setattr("bakeoff.data.decode._formats", lambda: ("JPEG", "PNG"))
    for content, said in {
        heic: r"HEIC, which is not read here: pip install 'bakeoff\[heic\]'",
        heic.replace(b"heic", b"avif"): r"AVIF, which is not read here: pip install 'pillow>=11.3'",
        b"\xff\x0a" + bytes(64): "JPEG XL, which is not read here: convert it",
        b"text": "no image",
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


def test_a_large_photograph_looks_the_same_by_the_short_way(tmp_path):
    large = Image.fromarray(picture(1200, 1600))
    short = decode(saved(tmp_path / "a.jpg", large, quality=95), (30, 40), "stretch").astype(int)
    exact = decode(saved(tmp_path / "a.png", large), (30, 40), "stretch").astype(int)
    assert np.abs(short - exact).max() <= 4


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
    assert headers["empty.jpg"] == "the file is empty"
    assert headers["text.png"] == "no image"
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
def test_broken_exif_is_no_reason_to_drop_a_picture(tmp_path):
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
def test_a_large_profile_or_text_makes_no_picture_unreadable(tmp_path, kind):
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


def test_too_many_pixels_are_refused_with_what_to_do(tmp_path):
    saved(tmp_path / "good.png", Image.new("RGB", (1, 1)))
    content = bytearray((tmp_path / "good.png").read_bytes())
    content[16:24] = struct.pack(">2I", 13_400, 13_400)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (tmp_path / "large.png").write_bytes(content)
    (reason,) = read_headers(tmp_path, ["large.png"])
    assert "13,400×13,400" in reason and "resize" in reason


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


def test_of_large_pictures_no_copies_are_made(tmp_path):
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
