from pathlib import Path

import pytest
import torch
from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets import build, check, find_net, own
from bakeoff.nets.fast import move
from bakeoff.nets.summary import summarize
from bakeoff.session import choose_study, known_network
from bakeoff.spec import ImageShape

SHAPE = ImageShape(3, 8, 8)
LINEAR = """
from torch import nn

def linear(images, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(images.channels * images.height * images.width, classes))
"""


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(own, "OWN", {})
    monkeypatch.setattr(own, "FOLDERS", [])


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


class TestNames:
    def test_are_those_of_the_network_and_its_text(self, file):
        called = own.add(str(file(LINEAR)))
        name, _, digest = called.partition("@")
        assert name == "linear" and len(digest) == 8
        assert own.add(f"{file(LINEAR, 'copy.py')}:linear") == called
        assert own.add(str(file(LINEAR + "# another text\n"))) != called

    def test_stand_in_a_study_wherever_networks_are_named(self, file, tmp_path):
        path, study = file(LINEAR), tmp_path / "study.toml"
        study.write_text(
            f'name = "mine"\nnets = ["{path}", "conv"]\ndata = ["digits"]\n[[cells]]\nnets = ["{path}:linear"]\n'
            "set = { epochs = 3 }\n"
        )
        called = own.add(str(path))
        made = choose_study(str(study))
        assert made.nets == (called, "conv")
        assert made.cells[0].nets == (called,)
        assert choose_study(nets=[f"{path}:linear"]).nets == (called,)
        assert known_network("conv") == "conv"


class TestNetworks:
    def test_are_built_counted_and_sped_up_like_any(self, file):
        called = own.add(str(file(LINEAR)))
        check(called, SHAPE, 5)
        net = build(called, SHAPE, 5)
        assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 5)
        assert summarize(called, SHAPE, 5).total == 3 * 64 * 5 + 5
        assert isinstance(move(net, "cpu"), nn.Module)
        assert find_net(called).source == str(file(LINEAR))

    def test_may_be_classes_with_more_arguments_beside_their_parts(self, file):
        path = file(
            "from torch import nn\n"
            "class _Part(nn.Module):\n    def __init__(self, inputs, outputs):\n        super().__init__()\n"
            "class Net(nn.Module):\n    def __init__(self, images, classes, width=4):\n"
            "        super().__init__()\n        self.layer = nn.Linear(images.width, classes)\n"
            "    def forward(self, x):\n        return self.layer(x.mean((1, 2)))\n"
            "def helper(x):\n    return x\n"
        )
        called = own.add(str(path))
        assert called.startswith("Net@")
        check(called, SHAPE, 5)

    def test_draw_nothing_from_the_stream_when_tried_out(self, file):
        called = own.add(str(file(LINEAR)))
        torch.manual_seed(0)
        expected = torch.rand(3)
        torch.manual_seed(0)
        check(called, SHAPE, 5)
        assert torch.equal(torch.rand(3), expected)


class TestKept:
    def test_texts_are_found_where_they_were_kept(self, file, tmp_path, monkeypatch):
        called = own.add(str(file(LINEAR)))
        own.keep(called, tmp_path / "kept")
        own.keep("conv", tmp_path / "kept")
        assert [path.name for path in (tmp_path / "kept").iterdir()] == [f"{called}.py"]
        monkeypatch.setattr(own, "OWN", {})  # as in a worker
        own.FOLDERS.append(tmp_path / "kept")
        assert build(called, SHAPE, 5)(torch.zeros(1, 3, 8, 8)).shape == (1, 5)

    def test_texts_that_were_changed_are_not_run(self, file, tmp_path, monkeypatch):
        called = own.add(str(file(LINEAR)))
        own.keep(called, tmp_path)
        monkeypatch.setattr(own, "OWN", {})
        own.FOLDERS.append(tmp_path)
        own.kept_path(tmp_path, called).write_text("raise SystemExit")
        with pytest.raises(BakeoffError, match="is not the text it was"):
            find_net(called)

    def test_nowhere_are_asked_for(self):
        with pytest.raises(
            BakeoffError, match=r"linear@12345678 comes from a file: give that, such as my_net.py:linear"
        ):
            find_net("linear@12345678")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_there\n", r"ModuleNotFoundError: No module named 'nothing_there' \(line 1\)"),
        ("x = 1\ndef f(:\n", r"SyntaxError: invalid syntax \(line 2\)"),
        ("x = 1\n", "has no network: no function or class of"),
        ("def a(x, y): ...\ndef b(x, y): ...\n", r"has several networks: write .*mine.py:a or .*mine.py:b"),
    ],
)
def test_files_that_will_not_do_are_told(text, words, file):
    with pytest.raises(BakeoffError, match=words):
        own.add(str(file(text)))


def test_files_and_networks_that_are_not_there_are_told(file):
    with pytest.raises(BakeoffError, match=r"cannot read the network absent\.py: No such file"):
        own.add("absent.py")
    with pytest.raises(BakeoffError, match="has no network 'square'; there are: linear"):
        own.add(f"{file(LINEAR)}:square")
    with pytest.raises(BakeoffError, match="has no network 'two words'; there are: linear"):
        known_network(f"{file(LINEAR)}:two words")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "nn.Sequential(nn.Flatten(), nn.Linear(7, classes))",
            "fails on 3x8x8 images with 5 classes: RuntimeError: mat1",
        ),
        ("nn.Flatten()", r"must give 2 × 5 logits for 2 images of 3x8x8, and gives \(2, 192\)"),
        ("nn.Linear(0 / 0, 1)", r"ZeroDivisionError: division by zero \(line 3\)"),
        ("None", "TypeError: 'NoneType' object is not callable"),
    ],
)
def test_networks_that_give_no_logits_are_told_before_training(body, words, file):
    called = own.add(str(file(f"from torch import nn\ndef net(images, classes):\n    return {body}\n")))
    with pytest.raises(BakeoffError, match=words):
        check(called, SHAPE, 5)
