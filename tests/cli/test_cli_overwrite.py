"""Commands replace the files that they wrote, and no others unless they are told to."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITING = {
    "page": ("report", "--no-pictures", "-o", "FILE.html"),
    "markdown": ("report", "--format", "markdown", "-o", "FILE.md"),
    "latex": ("report", "--format", "latex", "-o", "FILE.tex"),
    "csv": ("report", "--format", "csv", "-o", "FILE.csv"),
    "parquet": ("report", "--format", "parquet", "-o", "FILE.parquet"),
    "card": ("card", "best", "-o", "FILE.md"),
    "weights": ("export", "linear", "-o", "FILE.safetensors"),
    "program": ("export", "linear", "-o", "FILE.pt2"),
    "onnx": ("export", "linear", "-o", "FILE.onnx"),
    "int8": ("export", "lenet-afif", "-o", "FILE.onnx", "--int8"),
}
NEEDS = {"parquet": "pyarrow", "onnx": "onnxscript", "int8": "onnxruntime"}


@pytest.mark.parametrize("kind", WRITING)
def test_only_own_files_are_replaced(kind, store, tmp_path, bakeoff):
    if package := NEEDS.get(kind):
        pytest.importorskip(package)
    command = [word.replace("FILE", str(tmp_path / "a")) for word in (*WRITING[kind], "--store", str(store))]
    file = Path(next(word for word in command if word.startswith(str(tmp_path))))
    is_text = file.suffix in (".html", ".md", ".tex", ".csv")
    file.write_text("# My notes on bakeoff\n" if is_text else "mine")
    before = file.read_bytes()
    said = bakeoff(*command)
    assert said.code == 2 and file.name in said.err and "--overwrite" in said.err
    assert file.read_bytes() == before
    assert bakeoff(*command, "--overwrite").code == 0
    assert file.read_bytes() != before
    assert bakeoff(*command).code == 0, "a file that bakeoff wrote is replaced"


def test_a_card_beside_a_model_is_not_lost(store, tmp_path, bakeoff):
    (tmp_path / "README.md").write_text("mine")
    command = ("export", "linear", "-o", str(tmp_path / "a.safetensors"), "--card", str(tmp_path / "README.md"))
    said = bakeoff(*command, "--store", str(store))
    assert said.code == 2 and "README.md" in said.err and not (tmp_path / "a.safetensors").exists()
    assert (tmp_path / "README.md").read_text() == "mine"


def test_photos_are_not_replaced_by_what_explains_them(store, photos, tmp_path, bakeoff):
    pytest.importorskip("captum")
    photo = next(photos.rglob("*.jpg"))
    mine = tmp_path / f"{photo.stem}.png"
    shutil.copy(photo, mine)
    command = ("explain", "linear", str(mine), "--neighbours", "0", "--method", "gradients", "--store", str(store))
    assert bakeoff(*command, "-o", str(tmp_path)).code == 2
    assert mine.read_bytes() == photo.read_bytes()
    for _ in range(2):
        assert bakeoff(*command, "-o", str(tmp_path / "why")).code == 0


def test_figures_replace_only_figures(tmp_path, bakeoff):
    pytest.importorskip("matplotlib")
    shutil.copy(ROOT / "docs" / "example" / "demo.db", tmp_path)
    page = ("-o", str(tmp_path / "a.html"), "--no-pictures")
    command = ("report", *page, "--figures", str(tmp_path), "--store", str(tmp_path / "demo.db"))
    assert bakeoff(*command).code == 0 and bakeoff(*command).code == 0
    for ending in ("svg", "png", "pdf"):
        mine = next(tmp_path.glob(f"*.{ending}"))
        mine.write_text("mine")
        assert bakeoff(*command).code == 2 and mine.read_text() == "mine"
        assert bakeoff(*command, "--overwrite").code == 0 and mine.read_bytes() != b"mine"


def test_an_empty_file_is_replaced(store, tmp_path, bakeoff):
    (tmp_path / "a.md").touch()
    assert bakeoff("card", "best", "-o", str(tmp_path / "a.md"), "--store", str(store)).code == 0
