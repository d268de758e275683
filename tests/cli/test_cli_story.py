"""The story that the README tells of one's own photographs, told with tiny ones and a short budget."""

import json
import re
import shlex
from pathlib import Path

import pytest

import tinted

README = Path(__file__).resolve().parents[2] / "README.md"
SHORT = ["--budget", "200s", "--target", "0.9", "--nets", "linear,lenet-afif", "--size", "16", "--workers", "1"]


def story() -> list[list[str]]:
    """The arguments of bakeoff's commands in the README's first story."""
    block = re.search(r"\*\*Which network for my photos\?\*\*.*?```\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    return [words[1:] for words in lines if words and words[0] == "bakeoff"]


def shortened(arguments: list[str]) -> list[str]:
    """The same with a short budget, small networks and small images."""
    if arguments[0] != "pick":
        return [*arguments, "--size", "16"] if arguments[0] == "data" else arguments
    at = arguments.index("--budget")
    return [*arguments[:at], *arguments[at + 2 :], *SHORT]


@pytest.mark.timeout(300)
def test_from_a_folder_to_the_class_of_a_new_photograph(tmp_path, monkeypatch, bakeoff):
    (tmp_path / "my-photos").mkdir()
    tinted.photographs(tmp_path / "my-photos")
    for label in ("cold", "warm"):
        new = tmp_path / "new-photos" / f"{label}-one.jpg"
        new.parent.mkdir(exist_ok=True)
        (tmp_path / "my-photos" / label / "7.jpg").rename(new)
    monkeypatch.chdir(tmp_path)
    commands = story()
    assert [arguments[0] for arguments in commands] == ["data", "pick", "predict"]
    for arguments in map(shortened, commands):
        said = bakeoff(*arguments)
        assert said.code == 0, said.err
    named = json.loads(bakeoff(*commands[-1], "--json").out)["predictions"]
    assert {Path(one["file"]).stem: one["label"] for one in named} == {"cold-one": "cold", "warm-one": "warm"}
    assert all(Path(one["file"]).name in said.out for one in named)
