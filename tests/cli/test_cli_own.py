"""Networks from users' files, with all that such files do, through the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import bakeoff as api

FLAT = """
    def __init__(self, images, classes):
        super().__init__()
        self.last = nn.Linear(images.channels * images.height * images.width, classes)
        self.seen = 0
"""
HEAD = "import os, sys, threading, time\nimport torch\nfrom torch import nn\n"


def network(forward: str, head: str = "", name: str = "Net") -> str:
    """The text of a network with some lines of its own: `head` is line 4, `forward` line 11."""
    return f"{HEAD}{head}\nclass {name}(nn.Module):{FLAT}    def forward(self, x):\n        {forward}\n"


GIVES = "return self.last(x.flatten(1))"


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


@pytest.fixture
def options(tiny_options, tmp_path) -> list[str]:
    """A short run on digits with a store of its own."""
    return ["--data", "digits", "--seeds", "1", *tiny_options, "--store", str(tmp_path / "a.db")]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run bakeoff as a user would, in a process."""
    environment = os.environ | {"PYTHONPATH": str(Path(api.__file__).parents[1])}
    started = [sys.executable, "-m", "bakeoff", *arguments]
    return subprocess.run(started, capture_output=True, text=True, env=environment, check=False, timeout=300)


def test_what_a_file_prints_starts_and_sets_disturbs_nothing(file, options):
    """Prints, raw ones too, threads that do not end, settings for the whole process, and what the meta device lacks."""
    head = (
        "threading.Thread(target=time.sleep, args=(1000,)).start(); torch.set_grad_enabled(False); "
        "torch.set_default_dtype(torch.float64); rates = [x.item() for x in torch.linspace(0, 1, 3)]"
    )
    path = file(network(f"print('seen'); os.write(1, b'raw '); {GIVES}", head))
    began = time.monotonic()
    said = command("run", "--nets", f"{path},lenet-afif", *options, "--json")
    assert said.returncode == 0 and time.monotonic() - began < 250
    assert {row["net"].partition("@")[0]: row["seeds"] for row in json.loads(said.stdout)} == {
        "Net": 1,
        "lenet-afif": 1,
    }
    assert said.stderr.count("seen") == said.stderr.count("raw ") == 1
    assert "mine.py changes torch.set_default_dtype, torch.set_grad_enabled" in said.stderr


@pytest.mark.faults
def test_a_file_that_forks_and_prints_megabytes_disturbs_nothing(file, options, tmp_path):
    """The process that it leaves behind does not keep the command from ending."""
    left = tmp_path / "left"
    forks = f"os.fork() or (open({str(left)!r}, 'a').write(f'{{os.getpid()}} '), time.sleep(1000))"
    path = file(network(f"self.seen or print('x' * 4_000_000); self.seen = 1; {GIVES}", forks))
    environment = os.environ | {"PYTHONPATH": str(Path(api.__file__).parents[1])}
    started = [sys.executable, "-m", "bakeoff", "run", "--nets", f"{path},lenet-afif", *options, "--json"]
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:  # pipes would wait for the sleepers
        try:
            code = subprocess.run(started, stdout=out, stderr=err, env=environment, timeout=120).returncode
        finally:
            for process in left.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
    assert code == 0, (tmp_path / "err").read_text()[-2000:]
    assert [row["seeds"] for row in json.loads((tmp_path / "out").read_text())] == [1, 1]
    assert (tmp_path / "err").read_text().count("x" * 1000) >= 4000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (network(GIVES, "sys.exit(0)"), "mine.py: SystemExit: it ends the program (0) (mine.py, line 4)"),
        (network("sys.exit(0)"), "it ends the program (0) (mine.py, line 11)"),
        (network("os._exit(0)"), "ended its process (exit code 0)"),
        (network("return self.last(x.flatten(1)), None"), "only the logits in evaluation"),
        (network(f"torch.manual_seed(0); {GIVES}"), "sets the seed of torch in forward"),
    ],
)
@pytest.mark.parametrize("show", [True, False])
def test_an_unusable_file_is_a_user_error(text, words, show, file, options, bakeoff, tmp_path):
    path = file(text)
    said = bakeoff("show", path, "--images", "1x8x8") if show else bakeoff("run", "--nets", path, *options)
    assert said.code == 2
    assert words in said.err
    assert not (tmp_path / "a.db").exists()


def test_a_failure_after_the_start_names_file_and_line_everywhere(file, options, bakeoff, tmp_path):
    late = f"self.seen += self.training\n        if self.seen > 9: raise ValueError('late')\n        {GIVES}"
    path = file(network(late))
    said = bakeoff("run", "--nets", path, *options, "--epochs", "9", "--json")
    assert said.code == 1
    (row,) = json.loads(said.out)
    (failure,) = row["failures"]
    assert (failure["file"], failure["line"], failure["kind"]) == (path, 12, "error")
    assert "ValueError: late (mine.py, line 12)" in said.err
    frame = api.load(tmp_path / "a.db").runs_frame()
    assert frame[["failed_file", "failed_line"]].to_numpy().tolist() == [[path, 12]]


def test_an_endless_run_is_stopped_and_others_continue(file, options, bakeoff):
    endless = f"self.seen += self.training\n        while self.seen > 5: pass\n        {GIVES}"
    path = file(network(endless))
    arguments = ["--nets", f"{path},lenet-afif", *options, "--workers", "1", "--run-timeout", "10s"]
    said = bakeoff("run", *arguments, "--json")
    assert said.code == 1
    kinds = {row["net"].partition("@")[0]: [why["kind"] for why in row["failures"]] for row in json.loads(said.out)}
    assert kinds == {"Net": ["timeout"], "lenet-afif": []}
    assert bakeoff("run", *options, "--run-timeout", "soon").code == 2


def test_an_endless_file_is_stopped(file, bakeoff, monkeypatch):
    monkeypatch.setattr("bakeoff.execution.isolate.TIMEOUT_SECONDS", 1.0)
    said = bakeoff("show", file(network(GIVES, "while True: time.sleep(0.01)")))
    assert said.code == 2 and "took more than 1 s and was stopped in line 4 of mine.py" in said.err


def test_a_network_that_is_endless_when_it_is_built_is_stopped_after_run_timeout(file, options, bakeoff, tmp_path):
    path = file(network(GIVES).replace("self.seen = 0", "while True: pass"))
    said = bakeoff("run", "--nets", path, *options, "--run-timeout", "2s")
    assert said.code == 2 and "trying out Net@" in said.err and "--run-timeout" in said.err
    with pytest.raises(api.BakeoffError, match=r"took more than 2 s .* run_timeout$"):
        api.run(nets=path, data="digits", store=tmp_path / "b.db", run_timeout="2s", quiet=True)


def test_numbers_do_not_depend_on_the_number_of_workers(file, options, bakeoff, tmp_path):
    path = file(network(GIVES, "torch.manual_seed(42); torch.rand(1)"))
    found = []
    for workers in ("1", "3"):
        options[-1] = str(tmp_path / f"{workers}.db")
        where = ["--workers", workers, "--threads", "1", "--json"]
        rows = json.loads(bakeoff("run", "--nets", f"lenet-afif,{path}", *options, "--seeds", "2", *where).out)
        found.append([(row["net"], row["test_accuracy"], row["test_loss"]) for row in rows])
    assert found[0] == found[1]


def test_an_edited_neighbour_makes_another_network_and_not_one_that_is_training(file, options, bakeoff, tmp_path):
    file("def scaled(x): return x * 2\n", "helper.py")
    path = file(network("return self.last(scaled(x).flatten(1))", "from helper import scaled"))
    (first,) = json.loads(bakeoff("run", "--nets", path, *options, "--json").out)
    assert (tmp_path / "a.db.files" / first["net"] / "helper.py").read_text() == "def scaled(x): return x * 2\n"
    file("def scaled(x): return x * 3\n", "helper.py")
    (second,) = json.loads(bakeoff("run", "--nets", path, *options, "--json").out)
    assert second["net"] != first["net"]


def test_saved_in_another_encoding_a_file_is_the_same_network(file, bakeoff, tmp_path):
    path = file(network(GIVES, "# é"))
    other = tmp_path / "other.py"
    nets = []
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        other.write_text(Path(path).read_text(), encoding=encoding)
        nets.append(json.loads(bakeoff("show", str(other), "--images", "1x8x8", "--json").out)["net"])
    assert len(set(nets)) == 1


def test_a_study_file_that_names_a_file_is_described_like_any(file, bakeoff):
    file(network(GIVES))
    study = file('name = "mine"\nnets = ["mine.py"]\ndata = ["mnist"]\n', "study.toml")
    told = json.loads(bakeoff("studies", study, "--json").out)
    assert told["estimated_seconds"] > 0 and told["nets"][0].startswith("Net@")
