"""No output fails, whatever the terminal's character set and width, and whether or not anybody reads it."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import PIL.Image
import pytest

import bakeoff
from bakeoff.cli import COMMANDS, main
from bakeoff.console.terminal import Console

IN_STORE = {
    "results": ["results"],
    "results --json": ["results", "--json"],
    **{f"results {form}": ["results", "--format", form] for form in ("csv", "markdown", "latex")},
    "answer": ["answer"],
    "answer --json": ["answer", "--json"],
    "audit": ["audit"],
    "audit --json": ["audit", "--json"],
    "report": ["report", "--no-pictures"],
    "compare": ["compare", "--study", "afif2018", "--all"],
    "compare csv": ["compare", "--study", "afif2018", "--format", "csv"],
    "forget": ["forget", "--nets", "nin", "--dry-run"],
    "models": ["models"],
    "models --json": ["models", "--json"],
    "predict": ["predict", "lenet-afif", "digit.png"],
    "evaluate": ["evaluate", "lenet-afif", "--data", "digits"],
    "explain": ["explain", "lenet-afif", "digit.png"],
    "export": ["export", "lenet-afif", "-o", "model.safetensors"],
    "card": ["card", "lenet-afif"],
    "run": ["run", "--dry-run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "1", "--epochs", "1"],
    "ablate": ["ablate", "conv", "--from", "drop", "--data", "digits", "--scale", "3", "--seeds", "1", "--dry-run"],
    "dial": [
        "dial",
        "digits",
        "--turn",
        "contrast",
        "--nets",
        "lenet-afif",
        "--steps",
        "2",
        "--seeds",
        "1",
        "--dry-run",
    ],
}
ALONE = {
    "complete": ["complete", "bash"],
    "nets": ["nets"],
    "show": ["show", "lenet-afif"],
    "datasets": ["datasets"],
    "datasets --json": ["datasets", "--json"],
    "data": ["data", "digits"],
    "recipes": ["recipes"],
    "recipes NAME": ["recipes", "quick"],
    "studies": ["studies"],
    "studies NAME": ["studies", "skoularikis2021"],
    "help": ["--help"],
    "run --help": ["run", "--help"],
    "a mistake": ["run", "--nets", "größe\x1b[31m日本"],
}
ON_FILES = {"new": ["new", "net", "another"], "check": ["check", "mine.py"],
            "merge": ["merge", "copied.db", "-o", "merged.db", "--overwrite"],
            "store": ["store", "info", "copied.db"],
            "pick": ["pick", "digits", "--nets", "linear", "--budget", "0.01s", "--store", "picked.db"],
            "track": ["track", "--help"]}  # fmt: skip
COMMAND_LINES = IN_STORE | ALONE | ON_FILES


class Stream(io.TextIOWrapper):
    """Standard output of some encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    @property
    def said(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


@pytest.fixture
def say(trained, tmp_path, monkeypatch) -> Iterator[Callable[..., str]]:
    """Run a command line on streams of an encoding and return what it printed."""
    monkeypatch.chdir(tmp_path)
    PIL.Image.new("L", (8, 8)).save("digit.png")
    shutil.copyfile(trained[0], "copied.db")
    Path("mine.py").write_text(
        "from torch import nn\n\n\ndef net(images, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(images.channels * images.height * images.width, classes))\n"
    )

    def said(line: str, encoding: str = "utf-8", **environment: str) -> str:
        streams = Stream(encoding), Stream(encoding)
        store = ["--store", trained[0]] if line in IN_STORE else []
        with monkeypatch.context() as here:
            here.delenv("COLUMNS", raising=False)
            for name, value in environment.items():
                here.setenv(name, value)
            here.setattr(sys, "argv", ["bakeoff", *COMMAND_LINES[line], *store])
            here.setattr(sys, "stdout", streams[0])
            here.setattr(sys, "stderr", streams[1])
            try:
                main()
            except SystemExit as end:
                assert end.code == (2 if line == "a mistake" else 0), streams[1].said
        assert "Traceback" not in streams[1].said
        return streams[line == "a mistake"].said

    yield said


def test_every_command_is_tried() -> None:
    tried = {arguments[0] for arguments in COMMAND_LINES.values()}
    assert set(COMMANDS) - tried <= {
        "reproduce",  # prints what run and compare print
        "serve",  # does not end
        "tune",  # trains until its budget is spent
    }


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_in_plain_characters(line, say) -> None:
    told = say(line, "ascii")
    assert told.strip() and "\x1b" not in told
    if "--json" in line:
        assert json.loads(told) == json.loads(say(line))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437"])
@pytest.mark.parametrize("line", ["results", "answer", "audit", "nets", "a mistake"])
def test_in_characters_of_the_west(line, encoding, say) -> None:
    assert "?" not in say(line, encoding)


def test_plain_characters_read_the_same(say) -> None:
    assert "+-" in say("results", "ascii") and "±" in say("results", "cp1252")
    assert " x " not in say("recipes NAME", "ascii") and "64x64" in say("recipes NAME", "ascii")
    told = say("a mistake", "ascii")
    assert "grosse" in told and r"\x1b[31m" in told and r"\u65e5" in told


@pytest.mark.parametrize("line", [*ALONE, "results", "answer", "audit", "compare"])
def test_in_a_narrow_terminal(line, say) -> None:
    """No number and no name is truncated there."""
    narrow = say(line, COLUMNS="20")
    shown = {
        "datasets": "fashion-mnist 604,388",
        "recipes": "skoularikis2021",
        "nets": "resnet18-improved 134,301,514",
        "results": "lenet-afif Not shown in 20",
        "show": "200,960",
    }
    assert narrow.strip() and all(word in narrow for word in shown.get(line, "").split())


@pytest.mark.parametrize("columns", ["0", "", "wide", "-5", "²", "99999999999999999999"])
def test_of_a_width_that_cannot_be(columns, say) -> None:
    assert "lenet-afif" in say("results", COLUMNS=columns, LINES=columns)
    assert "digits" in say("datasets", COLUMNS=columns)


@pytest.mark.parametrize("line", ["results", "audit", "run", "help"])
def test_without_colours(line, say) -> None:
    assert "\x1b" not in say(line, FORCE_COLOR="1", TERM="dumb").replace("\x1b[1m", "")
    told = say(line, NO_COLOR="1", FORCE_COLOR="1")
    assert not any(f"\x1b[{colour}m" in told for colour in range(30, 48))


PROGRAM = f"{sys.executable} -m bakeoff"


@pytest.mark.parametrize("arguments", ["results", "answer", "audit --json"])
def test_closed_pipe(arguments, trained, tmp_path) -> None:
    """The reader ends before anything is printed; exit code 141 is what a shell makes of SIGPIPE."""
    command = f"{PROGRAM} {arguments} --store {trained[0]} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closing, trained, tmp_path) -> None:
    """Nothing is printed into a file that took the place of a stream, and the command does its work."""
    command = f"{PROGRAM} report --no-pictures --store {trained[0]} {closing}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and page.endswith("</html>")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_reported_once() -> None:
    done = subprocess.run(f"{PROGRAM} datasets > /dev/full", shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_python_told_of_another_encoding(trained) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}
    command = [*PROGRAM.split(), "results", "--store", trained[0]]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0 and b"+-" in done.stdout


def test_a_console_obeys_no_text() -> None:
    console = Console(file=io.StringIO(), width=40)
    console.print("a\x1b]0;title\x07b \u202e :cat:", markup=False)
    assert r"a\x1b]0;title\x07b \u202e :cat:" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_folder_that_is_gone_is_reported(tmp_path) -> None:
    command = f'mkdir gone; cd gone; rmdir "$PWD"; {sys.executable} -c "from bakeoff.cli import main; main()" nets'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "no longer exists" in done.stderr


def test_everything_is_printed_through_the_terminal() -> None:
    for path in Path(bakeoff.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name not in ("terminal.py", "safe.py"):
            assert not re.findall(r"click\.echo|from rich\.console|from rich\.markup|^\s+print\(", text, re.M), path
        assert not re.findall(r"echo\w*\(json\.dumps", text), path
