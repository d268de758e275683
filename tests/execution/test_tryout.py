"""Networks of users' files, tried out before hours of training."""

import os
import random
import time
from pathlib import Path

import pytest
import torch

import tiny
from bakeoff.errors import BakeoffError, BakeoffWarning
from bakeoff.execution import isolate, tryout, user_networks
from bakeoff.execution.isolate import run_isolated
from bakeoff.execution.rehearsal import random_dataset, rehearse
from bakeoff.execution.tryout import try_out
from bakeoff.execution.user_networks import add_network
from bakeoff.nets import user_file
from bakeoff.nets.sources import gather_file
from bakeoff.spec.data import ImageShape
from bakeoff.spec.records import Epoch
from bakeoff.studies.recipes import RECIPES
from bakeoff.training.loop import fit

SHAPE = ImageShape(3, 8, 8)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(user_file, "OWN", {})
    monkeypatch.setattr(user_networks, "READ", {})
    monkeypatch.setattr(tryout, "TRIED", set())


def net(init: str = "", forward: str = "return self.last(x.mean((2, 3)))", head: str = "", layers: str = "") -> str:
    """The text of an ordinary network, except for some lines."""
    return f"""
import os, random, sys, threading, time
import numpy as np
import torch
from torch import nn
{head}
class Net(nn.Module):
    def __init__(self, images, classes):
        super().__init__()
        self.last = nn.Linear(images.channels, classes)
        {layers or "pass"}
        {init or "pass"}
    def forward(self, x):
        {forward}
"""


LINE_OF_INIT, LINE_OF_FORWARD = 12, 14


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(text: str) -> str:
        path = tmp_path / "mine.py"
        path.write_text(text)
        return str(path)

    return write


def rehearsed(path: str) -> list[str]:
    """Rehearse in this process, as the process apart would."""
    texts = gather_file(Path(path))
    called = user_file.register_net(texts, user_file.read_contents(texts).names)
    with torch.random.fork_rng():
        return rehearse(user_file.OWN[called], called, SHAPE, 5, tiny.RECIPE)


GOOD = {
    "plain": net(),
    "numbers taken from tensors": net("self.rates = [x.item() for x in torch.linspace(0, 0.1, 4)]"),
    "numpy in a buffer": net("self.register_buffer('w', torch.from_numpy(np.hanning(8)).float())"),
    "numpy in forward": net(forward="return self.last(x.mean((2, 3))) * float(np.ones(1)[0])"),
    "an item in forward": net(forward="return self.last(x.mean((2, 3))) * x.abs().max().item() ** 0"),
    "tied weights": net(
        "self.other.weight = self.one.weight",
        "return self.last(self.other(self.one(x.mean((2, 3)))))",
        layers="self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 3)",
    ),
    "an LSTM": net("self.lstm = nn.LSTM(3, 3)", "return self.last(self.lstm(x.mean(2).permute(2, 0, 1))[0][-1])"),
    "auxiliary logits in training": net(
        forward="y = self.last(x.mean((2, 3))); return (y, y * 2) if self.training else y"
    ),
    "a coin in training": net(forward="return self.last(x.mean((2, 3))) * (1 + random.random() + np.random.rand())"),
    "batch normalisation": net("self.norm = nn.BatchNorm2d(3)", "return self.last(self.norm(x).mean((2, 3)))"),
    "prints": net("print('made')", "print('seen', x.shape); return self.last(x.mean((2, 3)))"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=list(GOOD))
def test_common_networks_simply_work(text, file):
    assert rehearsed(file(text)) == []


BAD = {
    "no module": ("def net(images, classes):\n    return None\n", "must return a torch module, but returns NoneType"),
    "wrong shape": (net(forward="return x"), "expected 2 × 5 logits for 2 images in evaluation, got 2 × 3 × 8"),
    "a tuple": (net(forward="y = self.last(x.mean((2, 3))); return y, None"), "only the logits in evaluation"),
    "a dict": (net(forward="return {'logits': self.last(x.mean((2, 3)))}"), "got a dict"),
    "one image": (
        net(forward="return self.last(x.squeeze().mean((-2, -1)))"),
        "expected 1 × 5 logits for 1 images in evaluation, got 5",
    ),
    "a fixed batch": (
        net(forward="return self.last(x.view(2, 3, -1).mean(2))"),
        "fails on 3x8x8 images with 5 classes",
    ),
    "an error": (net(forward="raise ValueError('no')"), rf"ValueError: no \(mine.py, line {LINE_OF_FORWARD}\)"),
    "an error when built": (net("1 / 0"), rf"ZeroDivisionError: .* \(mine.py, line {LINE_OF_INIT}\)"),
    "an error in training alone": (
        net(forward="assert not self.training; return self.last(x.mean((2, 3)))"),
        rf"AssertionError: .* \(mine.py, line {LINE_OF_FORWARD}\)",
    ),
    "the end when built": (net("sys.exit(0)"), rf"it ends the program .*line {LINE_OF_INIT}"),
    "the end in forward": (net(forward="sys.exit(0)"), rf"it ends the program .*line {LINE_OF_FORWARD}"),
    "no gradient": (net(forward="return self.last(x.mean((2, 3))).detach()"), "no gradient reaches the weights"),
    "no weights": (
        "from torch import nn\ndef net(images, classes):\n    return nn.Flatten()\n",
        "has no weights to train",
    ),
    "no numbers": (net(forward="return self.last(x.mean((2, 3))) / 0 * 0"), "not finite numbers"),
    "its own seed when built": (net("torch.manual_seed(1)"), "sets the seed of torch when it is built"),
    "numpy's seed when built": (net("np.random.seed(1)"), "sets the seed of numpy.random when it is built"),
    "its own seed in forward": (
        net(forward="torch.manual_seed(1); return self.last(x.mean((2, 3)))"),
        "sets the seed of torch in forward",
    ),
    "gradients for all in forward": (
        net(forward="torch.set_grad_enabled(True); return self.last(x.mean((2, 3)))"),
        "changes torch.set_grad_enabled in forward",
    ),
    "a wrong backward pass": (
        net(
            forward="return Bad.apply(self.last(x.mean((2, 3))))",
            head="class Bad(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(c, x):\n        return x * 2\n"
            "    @staticmethod\n    def backward(c, g):\n        raise KeyError('lost')\n",
        ),
        r"KeyError: 'lost' \(mine.py, line 12\)",
    ),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=list(BAD))
def test_later_failures_are_reported_before_training(text, words, file):
    with pytest.raises(BakeoffError, match=words):
        rehearsed(file(text))


def test_weights_without_gradients_are_reported(file):
    (told,) = rehearsed(file(net("self.idle = nn.Linear(2, 2)")))
    assert "2 of the 4 weights" in told and "idle.weight, idle.bias" in told


def test_what_building_changes_for_all_is_reported(file):
    (told,) = rehearsed(file(net("torch.set_num_threads(torch.get_num_threads() + 1)")))
    assert "torch.set_num_threads" in told and "undone" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (net("self.last.weight.data += float(np.random.default_rng().random())"), "initial weights"),
        (
            net(forward="return self.last(x.mean((2, 3))) * float(np.random.default_rng().random())"),
            "logits",
        ),
    ],
)
def test_what_cannot_be_repeated_is_reported(text, words, file):
    (told,) = rehearsed(file(text))
    assert words in told


@pytest.mark.parametrize("recipe", [RECIPES[name] for name in RECIPES if name != "finetune"])
def test_any_recipe_can_be_rehearsed(recipe, file):
    texts = gather_file(Path(file(net())))
    called = user_file.register_net(texts, user_file.read_contents(texts).names)
    with torch.random.fork_rng():
        assert rehearse(user_file.OWN[called], called, SHAPE, 5, recipe(called, random_dataset(SHAPE, 5).info)) == []


def test_a_run_continues_with_the_same_bits_where_python_and_numpy_draw(file, tmp_path):
    texts = gather_file(Path(file(GOOD["a coin in training"])))
    run, images = tiny.run(user_file.register_net(texts, user_file.read_contents(texts).names)), tiny.dataset()

    def losses(folder: Path) -> list[float]:
        random.random()
        return [item.train_loss for item in fit(run, images, tiny.MACHINE, folder) if isinstance(item, Epoch)]

    whole = losses(tmp_path / "whole")
    begun = fit(run, images, tiny.MACHINE, tmp_path / "parts")
    assert next(begun).train_loss == whole[0]
    begun.close()
    assert losses(tmp_path / "parts") == whole


class TestApart:
    def test_files_are_read_and_networks_tried_out(self, file):
        path = file(net(head="torch.manual_seed(3); torch.set_grad_enabled(False)"))
        state = torch.get_rng_state()
        with pytest.warns(BakeoffWarning, match=r"torch\.set_grad_enabled, the seed of torch"):
            called = add_network(path)
        try_out(called, SHAPE, 5, tiny.RECIPE)
        assert torch.is_grad_enabled() and torch.equal(torch.get_rng_state(), state)
        assert add_network(f"{path}:Net") == called
        assert len(user_networks.READ) == len(tryout.TRIED) == 1

    def test_failing_are_reported(self, file):
        called = add_network(file(net(forward="raise ValueError('no')")))
        with pytest.raises(BakeoffError, match=rf"ValueError: no \(mine\.py, line {LINE_OF_FORWARD}\)"):
            try_out(called, SHAPE, 5, tiny.RECIPE)

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("os._exit(0)", r"ended its process \(exit code 0\)"),
            ("os.kill(os.getpid(), 11)", r"ended its process \(signal 11\)"),
            ("sys.exit(0)", r"it ends the program \(0\) \(mine\.py, line 6\)"),
            ("while True: time.sleep(0.01)", r"took more than 1 s and was stopped in line 6 of mine\.py"),
        ],
    )
    def test_end_nothing_else(self, line, words, file, monkeypatch):
        monkeypatch.setattr(isolate, "TIMEOUT_SECONDS", 1.0)
        with pytest.raises(BakeoffError, match=words):
            add_network(file(net(head=line)))

    def test_that_take_long_are_named_before_they_are_stopped(self, file, monkeypatch):
        monkeypatch.setattr(isolate, "TIMEOUT_SECONDS", 2.0)
        monkeypatch.setattr(isolate, "SILENT_SECONDS", 0.1)
        with (
            pytest.warns(BakeoffWarning, match=r"mine\.py takes long: it is stopped after 2 s"),
            pytest.raises(BakeoffError, match=r"took more than 2 s and was stopped in line 6 of mine\.py"),
        ):
            add_network(file(net(head="while True: time.sleep(0.01)")))

    def test_are_stopped_after_the_time_that_a_run_may_take(self, file, monkeypatch):
        called = add_network(file(net("while True: pass")))
        monkeypatch.setattr(isolate, "SILENT_SECONDS", 0.1)
        with (
            isolate.run_timeout("1s"),
            pytest.warns(BakeoffWarning, match=f"{called} takes long: it is stopped after 1 s"),
            pytest.raises(BakeoffError, match=rf"{called} took more than 1 s .* of mine\.py.* --run-timeout"),
        ):
            try_out(called, SHAPE, 5, tiny.RECIPE)

    def test_leave_no_threads_behind(self, file):
        started = time.monotonic()
        called = add_network(file(net(head="threading.Thread(target=time.sleep, args=(300,)).start()")))
        assert called.startswith("Net@") and time.monotonic() - started < 100

    def test_print_where_it_disturbs_nobody(self, file, capfd):
        try_out(add_network(file(GOOD["prints"])), SHAPE, 5, tiny.RECIPE)
        said = capfd.readouterr()
        assert said.out == ""

    def test_our_own_bugs_are_not_user_errors(self):
        with pytest.raises(RuntimeError, match="FileNotFoundError"):
            run_isolated(os.stat, "/there/is/nothing", doing="looking")
