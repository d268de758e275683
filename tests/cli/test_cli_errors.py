"""Every mistake a user can make is one sentence on standard error and exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.store.store import Store

RUN = ["run", "--nets", "lenet-afif", "--data", "digits"]

MISTAKES = {
    "unknown command": (["rnu"], "unknown command 'rnu': did you mean run?"),
    "unknown network": (["run", "--nets", "conf", "--data", "digits"], "unknown network 'conf': did you mean conv"),
    "almost a collection": (["run", "--nets", "tim:resnet18"], "network 'tim:resnet18': did you mean timm:resnet18?"),
    "thawing what is not frozen": ([*RUN, "--set", "thaw_after=1"], "nothing is frozen"),
    "unknown data set": (["run", "--data", "digit"], "unknown data set 'digit': did you mean digits?"),
    "unknown recipe": ([*RUN, "--recipe", "quik"], "unknown recipe 'quik': did you mean quick?"),
    "unknown field": ([*RUN, "--set", "epocs=3"], "unknown recipe field 'epocs': did you mean epochs"),
    "unknown inner field": ([*RUN, "--set", "optimizer.rate=3"], "unknown recipe field 'optimizer.rate'"),
    "impossible value": ([*RUN, "--set", "optimizer.lr=fast"], "optimizer.lr: expected float, got str"),
    "no validation in figures": ([*RUN, "--set", "validation=0.0"], "validation: expected float > 0.0, or none"),
    "contradiction": ([*RUN, "--set", "validation=none", "--set", "select=best-validation-loss"], "validation is none"),
    "impossible value beside the demonstration's own": (
        ["run", "--set", "optimizer.lr=fast"],
        "cannot set optimizer.lr=fast: optimizer.lr: expected float",
    ),
    "more epochs than anybody waits for": ([*RUN, "--epochs", "1" + 20 * "0"], "epochs: expected int <= 1000000"),
    "more seeds than anybody waits for": ([*RUN, "--seeds", "1000000"], "seeds: expected int <= 10000"),
    "more pixels than memory": (
        ["run", "--nets", "conv", "--data", "digits", "--scale", "100000", "--dry-run"],
        "cannot time conv on 1x800000x800000 images here: out of memory",
    ),
    "no value": ([*RUN, "--set", "epochs"], "--set takes FIELD=VALUE, such as epochs=3 or optimizer.lr=0.01"),
    "wrong size": ([*RUN, "--size", "big"], "--size takes a side such as 64, or HEIGHTxWIDTH such as 48x64; got 'big'"),
    "no epochs": ([*RUN, "--epochs", "0"], "Invalid value for '--epochs': 0 is not in the range x>=1"),
    "no names of data": (["run", "--data", ""], "add --data"),
    "an empty study": (["run", ""], "unknown study ''"),
    "an empty size": ([*RUN, "--size", ""], "--size takes a side such as 64"),
    "seeds of thousands of digits": ([*RUN, "--seeds", "9" * 5000], "Invalid value for '--seeds'"),
    "nested too deeply": (
        [*RUN, "--set", "epochs=" + "[" * 20_000],
        "nested too deeply",
    ),
    "a number of thousands of digits": ([*RUN, "--set", "epochs=" + "9" * 5000], "too many digits"),
    "a size of thousands of digits": ([*RUN, "--size", "9" * 5000], "--size takes a side such as 64"),
    "unknown option": ([*RUN, "--neds", "a"], "No such option '--neds'"),
    "too many arguments": (["run", "a", "b"], "unexpected extra argument"),
    "too small images": (
        ["run", "--nets", "conv", "--data", "digits"],
        "conv needs at least 18×18 pixels; these images are 8×8: add --scale 3 to enlarge them",
    ),
    "no networks": (["run", "--nets", ",", "--data", "digits"], "add --nets"),
    "networks twice": (["run", "--nets", "nin,nin", "--data", "digits"], "names the same nets twice"),
    "unknown device": ([*RUN, "--device", "tpu"], "unknown device 'tpu': choose auto, cpu, cuda or mps"),
    "unknown study": (["run", "demmo"], "unknown study 'demmo': did you mean demo? (or the path of a .toml file)"),
    "absent study": (["run", "absent.toml"], "cannot read the study absent.toml"),
    "absent folder of images": (["run", "--data", "folder:absent"], "absent does not exist"),
    "folder without images": (["run", "--data", "."], "one sub-folder of images per class"),
    "no folder for the store": ([*RUN, "--store", "absent/a.db"], "the folder absent of the store does not exist"),
    "no store": (["results", "--store", "absent.db"], "no store at absent.db: `bakeoff run --store absent.db`"),
    "no store for a report": (["report", "--store", "absent.db"], "no store at absent.db"),
    "unknown format": (["results", "--format", "xml"], "Invalid value for '--format': 'xml' is not one of"),
    "an empty path for the store": (["results", "--store", ""], "expected a path, found nothing"),
    "an empty path for the page": (["report", "-o", ""], "expected a path, found nothing"),
    "more threads than any machine has": ([*RUN, "--threads", "99999999", "--dry-run"], "threads must be 1 to 1024"),
    "more workers than any machine has": ([*RUN, "--workers", "99999999", "--dry-run"], "workers must be 1 to 1024"),
    "larger images than there are": (["nets", "--images", "9999x9999x9999"], "has too many values"),
    "more classes than there are": (["nets", "--classes", "9" * 20], "is not in the range"),
    "levels that are no numbers": (
        ["dial", "digits", "--turn", "contrast", "--levels", "nan,1", "--nets", "lenet-afif", "--dry-run"],
        "--levels takes numbers from 0",
    ),
    "more steps than anybody looks at": (
        ["dial", "digits", "--turn", "contrast", "--steps", "100000000", "--nets", "lenet-afif", "--dry-run"],
        "at most 100 steps",
    ),
    "unknown network to show": (["show", "conf"], "unknown network 'conf': did you mean conv"),
    "no shape": (["show", "conv", "--images", "32x32"], "'32x32' is not an image shape: write CHANNELSxHEIGHTxWIDTH"),
    "too small shape": (["show", "conv", "--images", "3x8x8"], "conv needs at least 18×18 pixels"),
    "nothing to show": (["show"], "Missing argument 'NET'"),
    "unknown data set to describe": (["data", "digit"], "unknown data set 'digit': did you mean digits?"),
    "unknown recipe to show": (["recipes", "quik"], "unknown recipe 'quik': did you mean quick?"),
}


MEANT = {
    "run my-photos --epochs 3": "bakeoff run --data folder:my-photos --epochs 3",
    "run folder:my-photos": "bakeoff run --data folder:my-photos",
    "run conv": "bakeoff run --nets conv",
    "run ResNet56": "bakeoff run --nets resnet56",
    "run --nets conv resnet20": "bakeoff run --nets conv,resnet20",
    "run --nets conv resnet20 drop --epochs 3": "bakeoff run --nets conv,resnet20,drop --epochs 3",
    "run conv resnet20": "bakeoff run --nets conv,resnet20",
    "run conv ResNet20 --epochs=3 drop --dry-run": "bakeoff run --nets conv,resnet20,drop --epochs 3 --dry-run",
    "run conv --nets conv nin": "bakeoff run --nets conv,nin",
    "run conv mnist --nets=nin": "bakeoff run --data mnist --nets nin,conv",
    "run my-photos digits": "bakeoff run --data folder:my-photos,digits",
    "run demo conv --seeds 2": "bakeoff run demo --nets conv --seeds 2",
    "reproduce afif2018 lenet-afif mnist": "bakeoff reproduce afif2018 --nets lenet-afif --data mnist",
    "run conv --store conv": "bakeoff run --nets conv --store conv",
    "run --data digits MNIST": "bakeoff run --data digits,mnist",
    "run mnist~contrast=0.5": "bakeoff run --data 'mnist~contrast=0.5'",
    "run Quick": "bakeoff run --recipe quick",
    "run net.py:mine": "bakeoff run --nets net.py:mine",
    "reproduce conv": "bakeoff run --nets conv",
    "run a.db --nets nin": "bakeoff run --store a.db --nets nin",
    "results a.db": "bakeoff results --store a.db",
    "run --nets nin --lr=0.1 --epochs 3": "bakeoff run --nets nin --set optimizer.lr=0.1 --epochs 3",
    "run --batch-size 32": "bakeoff run --set batch_size=32",
    "run --flip": "--set 'augment.flip=…'",
    "run --data folder:my_photo": "did you mean my-photos?",
    "run --set lr=0.1 --nets nin": "optimizer.lr=0.1",
    "run --set learning_rate=0.1": "optimizer.lr=0.1",
    "run --set size=64": "image.size=64",
}


@pytest.mark.parametrize("typed", MEANT)
def test_names_the_command_that_was_meant(typed, bakeoff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-photos").mkdir()
    Store(tmp_path / "a.db", create=True).close()
    said = bakeoff(*typed.split())
    assert (said.code, said.out) == (2, "")
    assert MEANT[typed] in said.err and said.err.count("\n") == 1


@pytest.mark.parametrize(
    "typed",
    [
        "run --nets LeNet_Afif,resnet-20 --data Digits --recipe Quick --scale 4",
        "run DEMO",
        "recipes Quick --net ResNet20 --data Digits",
    ],
)
def test_capitals_and_hyphens_are_understood(typed, bakeoff, tmp_path):
    dry = ["--dry-run", "--store", str(tmp_path / "a.db")] if typed.startswith("run") else []
    told = json.loads(bakeoff(*typed.split(), *dry, "--json").out)
    assert told["name" if typed.startswith("recipes") else "study"] in ("quick", "run", "demo")
    assert {cell["data"] for cell in told.get("cells", [])} <= {"digits"}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_is_one_sentence(mistake, bakeoff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, words = MISTAKES[mistake]
    said = bakeoff(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("bakeoff: ")
    assert words in said.err
    assert len(said.err.splitlines()) == 1 and len(said.err) < 600
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "a"\nnets = "conv"\ndata = ["digits"]', "study.toml, line 2: nets: expected array, got str"),
        ('name = "a"\nnets = ["conv"]\ndata = ["digits"]\n\nsedes = 3', "study.toml, line 5: unknown field 'sedes'"),
        ('name = "a"\nnets = ["conv"]\ndata = ["digits"]\nseeds = 0', "study.toml, line 4: seeds: expected int >= 1"),
        ('name = "a"\nnets = ["conv"', "study.toml is not valid TOML"),
        ('nets = ["conv"]', "study.toml: object missing required field name"),
        (
            'name = "a"\nnets = ["conv"]\ndata = ["digits"]\n[set]\nepocs = 3',
            "study.toml, line 5: unknown recipe field",
        ),
    ],
)
def test_in_a_study_file_is_reported_with_its_line(text, words, bakeoff, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(text)
    said = bakeoff("run", str(path), "--dry-run")
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("command", [[*RUN, "--store"], ["results", "--store"], ["report", "--store"]])
def test_in_the_choice_of_a_store_destroys_nothing(command, bakeoff, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100)
    said = bakeoff(*command, str(path))
    assert said.code == 2
    assert f"{path} is not a bakeoff store (file is not a database): choose another file" in said.err
    assert path.read_text() == "Dear reader, " * 100


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_gives_one_sentence():
    command = f"{sys.executable} -m bakeoff datasets --json > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("bakeoff: No space left on device")
    assert 'Traceback (most recent call last):\n  File "<frozen runpy>' not in done.stderr


@pytest.mark.parametrize("arguments", ["datasets", "datasets --json", "--help"])
def test_a_reader_that_has_seen_enough_is_not_an_error(arguments):
    command = f"{sys.executable} -m bakeoff {arguments} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
