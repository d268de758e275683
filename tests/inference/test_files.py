"""Which files a user names, and what happens to those that cannot be read."""

import io
import os
from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest

from bakeoff.data.decode import decode_safely
from bakeoff.inference.files import find_files


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (4, 3)).save(path)
    return path


def test_folders_give_the_images_that_a_training_would_read(tmp_path):
    wanted = [image(tmp_path / name) for name in ("2.png", "10.png", "inner/3.jpg")]
    image(tmp_path / ".hidden.png")
    image(tmp_path / "__MACOSX" / "1.png")
    (tmp_path / "note.txt").write_text("not an image")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.png")
    found = find_files([str(tmp_path)])
    assert list(found) == wanted and not found.unreadable


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_lists_have_any_line_ends_and_name_what_is_missing(separator, tmp_path, monkeypatch):
    wanted = [image(tmp_path / "a b.png"), image(tmp_path / os.fsdecode(b"\xff.png"))]
    gone = tmp_path / "gone.png"
    lines = [os.fsencode(wanted[0]), b"", b"  ", os.fsencode(gone), os.fsencode(wanted[1]), b""]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(separator.join(lines))))
    found = find_files(["-"])
    assert list(found) == wanted
    assert [path for path, _ in found.unreadable] == [gone]


def test_what_is_not_a_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "regular" in str(decode_safely(tmp_path / "pipe.jpg", (8, 8), "stretch"))
    assert "regular" in str(decode_safely(Path("/dev/zero"), (8, 8), "stretch"))


def test_floating_point_pixels_are_refused_as_in_training(tmp_path):
    PIL.Image.new("F", (4, 4)).save(tmp_path / "a.tif")
    assert "floating-point" in str(decode_safely(tmp_path / "a.tif", (8, 8), "stretch"))
