import shutil
import subprocess
import sys
from importlib import metadata

import pytest
from click.shell_completion import ShellComplete

from bakeoff.cli import cli, main
from bakeoff.cli.complete import network_names
from bakeoff.nets import NETS, PRETRAINED


def offered(arguments: str, typed: str) -> list[str]:
    """What the Tab key offers."""
    complete = ShellComplete(cli, {}, "bakeoff", "_BAKEOFF_COMPLETE")
    return [item.value for item in complete.get_completions(arguments.split(), typed)]


@pytest.mark.parametrize(
    ("arguments", "typed", "some"),
    [
        ("", "re", ["results", "report", "reproduce", "recipes"]),
        ("run --nets", "lenet", ["lenet5", "lenet-afif"]),
        ("run --nets", "conv,resnet1", ["conv,resnet18"]),
        ("run --data", "digits,fash", ["digits,fashion-mnist"]),
        ("run --recipe", "afif", ["afif2018"]),
        ("run", "demo", ["demo"]),
        ("reproduce", "clark", ["clark2020"]),
        ("studies", "sriv", ["srivastava2020"]),
        ("show", "densenet", ["densenet-bc-100-12"]),
        ("ablate drop --from", "con", ["conv"]),
        ("dial mnist --turn", "contrast,clu", ["contrast,clutter"]),
        ("data", "mni", ["mnist"]),
        ("recipes", "qui", ["quick"]),
        ("audit --study", "afif", ["afif2018"]),
    ],
)
def test_names_complete(arguments, typed, some):
    found = offered(arguments, typed)
    assert set(some) <= set(found)
    assert all(name.startswith(typed) for name in found)


def test_own_images_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dogs" / ".hidden").mkdir(parents=True)
    for name in ("labels.csv", "scans.npz", "dogs/meta.parquet", "notes.txt"):
        (tmp_path / name).touch()
    assert offered("data", "cs") == ["csv:"]
    assert offered("data", "csv:") == ["csv:dogs/", "csv:labels.csv"]
    assert offered("run --data", "digits,csv:dogs/") == ["digits,csv:dogs/meta.parquet"]
    assert offered("data", "npz:") == ["npz:dogs/", "npz:scans.npz"]
    assert offered("data", "folder:d") == ["folder:dogs/"]
    assert offered("data", "hf:gone/") == []


def test_names_given_already_are_not_offered_again():
    assert "resnet18,resnet18" not in offered("run --nets", "resnet18,resnet1")


def test_networks_of_a_collection_complete_once_it_is_typed(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    monkeypatch.setattr(metadata, "version", lambda package: {"timm": "1.0"}[package])
    assert offered("run --nets", "tim") == ["timm:"]
    assert offered("run --nets", "timm:r") == []  # it is not installed
    (tmp_path / "networks-timm-1.0.json").write_text('["timm:resnet18", "timm:resnet18.a1_in1k", "timm:vit"]')
    assert offered("run --nets", "conv,timm:r") == ["conv,timm:resnet18", "conv,timm:resnet18.a1_in1k"]
    assert offered("nets", "tor") == ["torchvision"]


def test_networks_are_known_the_second_time_without_loading_them(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    assert network_names() == [*NETS, *PRETRAINED]
    monkeypatch.setattr("bakeoff.nets.BUILTIN", {})
    assert network_names() == [*NETS, *PRETRAINED]
    (tmp_path / "networks.json").write_text("{")
    assert network_names() == list(PRETRAINED)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def test_one_command_installs_completion(bakeoff, home):
    (home / ".bashrc").write_text("export A=1")
    assert bakeoff("complete", "--install").code == 0
    once = (home / ".bashrc").read_text()
    assert bakeoff("complete", "--install").code == 0
    assert (home / ".bashrc").read_text() == once and once.startswith("export A=1\n") and once.count("\n") == 2
    assert "_BAKEOFF_COMPLETE=bash_complete" in (home / ".config/bakeoff/complete.bash").read_text()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
def test_a_new_shell_completes(bakeoff, home):
    assert bakeoff("complete", "--install").code == 0
    asked = "shopt -s expand_aliases; . ~/.bashrc; complete -p bakeoff"
    done = subprocess.run(["bash", "--norc", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("bakeoff") and "_bakeoff_completion" in done.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(bakeoff, home, shell):
    printed = bakeoff("complete", shell)
    assert printed.code == 0 and f"_BAKEOFF_COMPLETE={shell}_complete" in printed.out
    assert bakeoff("complete", shell, "--install").code == 0
    place = home / (".config/fish/completions/bakeoff.fish" if shell == "fish" else ".config/bakeoff/complete.zsh")
    assert place.read_text().strip() == printed.out.strip()


def test_a_shell_that_is_not_known_must_be_named(bakeoff, home, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    said = bakeoff("complete")
    assert said.code == 2 and "bakeoff complete bash" in said.err


def test_the_module_is_the_command():
    """`python -m bakeoff` does what `bakeoff` does, and calls itself so."""
    entry = next(point for point in metadata.entry_points(group="console_scripts") if point.name == "bakeoff")
    assert entry.load() is main
    done = subprocess.run([sys.executable, "-m", "bakeoff", "run", "--sedes"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("bakeoff: ") and "bakeoff run" in done.stderr
