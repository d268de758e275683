"""What `bakeoff new` writes passes `bakeoff check`."""

import json
import tomllib

import pytest


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("kind", "name", "file"),
    [
        ("net", "tiny-net", "tiny_net.py"),
        ("dataset", "shapes", "shapes.py"),
        ("recipe", "gentle", "gentle.py"),
        ("study", "my-study", "my-study.toml"),
    ],
)
def test_a_new_file_passes(bakeoff, tmp_path, kind, name, file):
    written = bakeoff("new", kind, name)
    assert written.code == 0, written.err
    assert file in written.out
    checked = bakeoff("check", file, "--json", "--images", "1x16x16")
    assert checked.code == 0, checked.out + checked.err
    report = json.loads(checked.out)
    assert report["passes"]
    assert report["kind"] == {"net": "network", "dataset": "data set"}.get(kind, kind)
    assert {check["state"] for check in report["checks"]} == {"passed"}
    text = (tmp_path / file).read_text()
    assert not {"NAME", "CLASS", "FUNCTION", "MODULE", "FILE"} & set(text.replace(":", " ").split())


def test_a_new_study_can_be_read(bakeoff, tmp_path):
    bakeoff("new", "study", "mine")
    assert tomllib.loads((tmp_path / "mine.toml").read_text())["name"] == "mine"


def test_a_file_is_never_overwritten(bakeoff, tmp_path):
    (tmp_path / "mine.py").write_text("mine")
    said = bakeoff("new", "net", "mine")
    assert (said.code, (tmp_path / "mine.py").read_text()) == (2, "mine")
    assert "exists already" in said.err


@pytest.mark.parametrize("name", ["3nets", "a/b", "", "class", "../net", "net.py"])
def test_a_name_that_python_does_not_take_is_refused(bakeoff, tmp_path, name):
    assert bakeoff("new", "net", name).code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_says_why_and_ends_with_one(bakeoff, tmp_path):
    (tmp_path / "mine.py").write_text("from torch import nn\ndef net(images, classes):\n    return nn.Flatten()\n")
    said = bakeoff("check", "mine.py")
    assert said.code == 1
    assert "no weights to train" in said.out


@pytest.mark.parametrize("given", ["missing.py", "photo.jpg", "mine.py:Other"])
def test_what_cannot_be_checked_ends_with_two(bakeoff, tmp_path, given):
    (tmp_path / "photo.jpg").write_text("")
    (tmp_path / "mine.py").write_text("def net(images, classes): ...\n")
    said = bakeoff("check", given)
    assert said.code == 2
    assert said.err.startswith("bakeoff: ")
