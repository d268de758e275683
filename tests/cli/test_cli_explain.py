import json
import shutil
from pathlib import Path

import PIL.Image
import pytest

pytest.importorskip("captum", reason="captum is not installed: pip install 'bakeoff[explain]'")


def test_explain_draws_a_picture_for_each_image(store, photos, tmp_path, bakeoff):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nonsense")
    files = [str(photos / "warm" / "0.jpg"), str(photos / "cold" / "0.jpg"), str(tmp_path / "broken.jpg")]
    said = bakeoff("explain", "lenet-afif", *files, "--store", str(store), "-o", str(tmp_path / "why"), "--json")
    found = json.loads(said.out)
    assert said.code == 1 and [one["file"] for one in found["unreadable"]] == files[2:]
    pictures = [Path(one["picture"]) for one in found["explanations"]]
    assert sorted(path.name for path in pictures) == ["0-2.png", "0.png"]
    assert all(PIL.Image.open(path).width > 900 for path in pictures)
    assert all(
        len(one["neighbours"]) == 5 and one["methods"] == ["gradcam", "gradients"] for one in found["explanations"]
    )


def test_explain_says_where_training_images_are_not_here(store, photos, tmp_path, bakeoff):
    model = json.loads(bakeoff("models", "--store", str(store), "--json").out)[0]["path"]
    moved = photos.with_name("elsewhere")
    shutil.move(photos, moved)
    try:
        said = bakeoff("explain", model, str(moved / "warm" / "0.jpg"), "-o", str(tmp_path))
    finally:
        shutil.move(moved, photos)
    assert said.code == 0 and "without training images" in said.err and "similar" not in said.out
    assert (tmp_path / "0.png").is_file()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("linear", "--method", "gradcam"), "gradcam"),
        (("linear", "--method", "lime"), "lime"),
        (("linear", "--class", "glass"), "glass"),
    ],
)
def test_explain_refuses_in_one_sentence(options, word, store, photos, tmp_path, bakeoff):
    model, *others = options
    file = str(photos / "warm" / "0.jpg")
    said = bakeoff("explain", model, file, *others, "--store", str(store), "-o", str(tmp_path / "why"))
    assert said.code == 2 and word in said.err.splitlines()[-1]
    assert not (tmp_path / "why").exists()


def test_a_report_explains_only_on_a_page(store, tmp_path, bakeoff):
    for more in (["--format", "csv"], ["--watch"]):
        said = bakeoff("report", "--store", str(store), "--explain", *more, "-o", str(tmp_path / "a"))
        assert said.code == 2 and "--explain" in said.err
    assert not list(tmp_path.iterdir())
