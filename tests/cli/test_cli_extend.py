"""What `bakeoff new` writes passes `bakeoff check`."""

import json
import tomllib
from textwrap import dedent

import pytest

import bakeoff


@pytest.fixture
def command(request):
    """The command line; `bakeoff` is the package here."""
    return request.getfixturevalue("bakeoff")


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
def test_a_new_file_passes(command, tmp_path, kind, name, file):
    written = command("new", kind, name)
    assert written.code == 0, written.err
    assert file in written.out
    checked = command("check", file, "--json", "--images", "1x16x16")
    assert checked.code == 0, checked.out + checked.err
    report = json.loads(checked.out)
    assert report["passes"]
    assert report["kind"] == {"net": "network", "dataset": "data set"}.get(kind, kind)
    assert {check["state"] for check in report["checks"]} == {"passed"}
    text = (tmp_path / file).read_text()
    assert not {"NAME", "CLASS", "FUNCTION", "MODULE", "FILE"} & set(text.replace(":", " ").split())


@pytest.mark.parametrize(("kind", "name"), [("dataset", "my_shapes"), ("recipe", "my_recipe")])
def test_the_example_in_a_new_file_runs(command, tmp_path, monkeypatch, kind, name):
    command("new", kind, name)
    monkeypatch.syspath_prepend(tmp_path)
    comment = (tmp_path / f"{name}.py").read_text().split('"""')[1]
    example = comment.partition("Use it from Python:")[2].partition("\n\n")[2].partition("\n\nFor")[0]
    code = dedent(example.partition("\n\nTo use")[0])
    quick = {"epochs": 1, "images_per_class": 20}
    run, done = bakeoff.run, []

    def run_briefly(**given):
        changes = given.pop("changes", {}) | quick
        done.append(run(**given, changes=changes, seeds=1, store=tmp_path / "a.db", workers=1, quiet=True))

    monkeypatch.setattr(bakeoff, "run", run_briefly)
    exec(code, {})
    assert [result.state for result in done[0].results] == ["done", "done"]


def test_a_function_that_does_not_say_what_it_returns_is_told_to(command, tmp_path):
    command("new", "recipe", "gentle")
    (tmp_path / "gentle.py").write_text((tmp_path / "gentle.py").read_text().replace(" -> Recipe", ""))
    said = command("check", "gentle.py")
    assert said.code == 1 and "write -> Dataset or -> Recipe" in said.out


@pytest.mark.parametrize("option", ["--data", "--recipe"])
def test_python_files_of_data_and_recipes_are_for_python(command, tmp_path, option):
    command("new", option[2:].replace("data", "dataset"), "mine")
    words = {"--nets": "linear", "--data": "digits", "--recipe": "quick"} | {option: "mine.py"}
    said = command("run", *(part for pair in words.items() for part in pair))
    assert said.code == 2 and f"{option} takes no Python file such as mine.py: import its function" in said.err


def test_a_new_study_can_be_read(command, tmp_path):
    command("new", "study", "mine")
    assert tomllib.loads((tmp_path / "mine.toml").read_text())["name"] == "mine"


def test_a_file_is_never_overwritten(command, tmp_path):
    (tmp_path / "mine.py").write_text("mine")
    said = command("new", "net", "mine")
    assert (said.code, (tmp_path / "mine.py").read_text()) == (2, "mine")
    assert "exists already" in said.err


@pytest.mark.parametrize("name", ["3nets", "a/b", "", "class", "../net", "net.py"])
def test_a_name_that_python_does_not_take_is_refused(command, tmp_path, name):
    assert command("new", "net", name).code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_says_why_and_ends_with_one(command, tmp_path):
    (tmp_path / "mine.py").write_text("from torch import nn\ndef net(images, classes):\n    return nn.Flatten()\n")
    said = command("check", "mine.py")
    assert said.code == 1
    assert "no weights to train" in said.out


@pytest.mark.parametrize("given", ["missing.py", "photo.jpg", "mine.py:Other"])
def test_what_cannot_be_checked_ends_with_two(command, tmp_path, given):
    (tmp_path / "photo.jpg").write_text("")
    (tmp_path / "mine.py").write_text("def net(images, classes): ...\n")
    said = command("check", given)
    assert said.code == 2
    assert said.err.startswith("bakeoff: ")
    assert ("does not exist" in said.err) == (given == "missing.py")
