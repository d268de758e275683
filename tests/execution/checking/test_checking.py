"""Each check finds what it is for, and says so."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from bakeoff import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.execution.checking.dataset import check_dataset
from bakeoff.execution.checking.file import check_file
from bakeoff.execution.checking.network import check_network
from bakeoff.execution.checking.recipe import check_recipe
from bakeoff.nets import user_file
from bakeoff.nets.sources import gather_file
from bakeoff.spec.data import ImageShape
from bakeoff.studies.general_recipes import quick

SHAPE = ImageShape(1, 8, 8)

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, images, classes):
        super().__init__()
        self.last = nn.Linear(64, classes)
        {init}

    def forward(self, x):
        {forward}
"""
FINE = "return self.last(x.flatten(1))"


def outcomes(checks) -> dict[str, str]:
    return {check.name: check.state for check in checks}


@pytest.fixture
def network(tmp_path):
    """Check a network that differs from a working one in some lines."""

    def check(init: str = "pass", forward: str = FINE):
        path = tmp_path / "mine.py"
        path.write_text(NET.format(init=init, forward=forward))
        texts = gather_file(Path(path))
        with torch.random.fork_rng():
            return tuple(check_network(user_file.register_net(texts, user_file.read_contents(texts).names), SHAPE, 4))

    return check


def test_a_network_without_problems_passes_all_checks(network):
    checks = network()
    assert set(outcomes(checks).values()) == {"passed"}
    assert "260 parameters" in checks[-1].message


@pytest.mark.parametrize(
    ("change", "name", "state", "why"),
    [
        ({"init": "torch.manual_seed(3)"}, "weights are drawn from the seed", "failed", "sets the seed of torch"),
        ({"init": "raise KeyError('size')"}, "weights are drawn from the seed", "failed", "line 9"),
        ({"init": "self.idle = nn.Linear(2, 2)"}, "gradients reach every parameter", "failed", "idle.weight"),
        (
            {"forward": "return self.last(x.squeeze().flatten(1)) if len(x) > 1 else self.last(x.squeeze().flatten())"},
            "logits in evaluation, also of a last batch of one image",
            "failed",
            "1 images",
        ),
        (
            {"forward": "return self.last(x.flatten(1)) * float('nan')"},
            "finite logits in training, the same for the same seed",
            "failed",
            "not finite",
        ),
        (
            {"forward": "return self.last(x.flatten(1)) * 0"},
            "gradients reach every parameter",
            "failed",
            "do not depend on its weights",
        ),
        (
            {"forward": "return self.last(x.flatten(1)).detach()"},
            "gradients reach every parameter",
            "failed",
            "no gradient reaches the weights",
        ),
        (
            {"forward": "return self.last(x.flatten(1))[:, :3]"},
            "logits in evaluation, also of a last batch of one image",
            "failed",
            "expected 2 × 4 logits for 2 images in evaluation, got 2 × 3",
        ),
        (
            {"init": "import os; self.last.bias.data += int.from_bytes(os.urandom(4), 'big')"},
            "weights are drawn from the seed",
            "failed",
            "not reproducible",
        ),
        (
            {"init": "self.calls = 0", "forward": "self.calls += 1; return self.last(x.flatten(1)) * self.calls"},
            "finite logits in training, the same for the same seed",
            "failed",
            "not reproducible",
        ),
        (
            {"forward": "return self.last(x.flatten(1)) if float(x.sum()) > 0 else self.last(x.flatten(1)) * 1.0"},
            "can be exported with torch.export",
            "note",
            "mine.py, line 12",
        ),
        (
            {"forward": "return self.last(x.flatten(1)), x"},
            "can be exported with torch.export",
            "note",
            "nothing but logits",
        ),
        (
            {"forward": "return self.last(x.flatten(1) * (x.sum().item() > -1e9))"},
            "can be built on the meta device",
            "note",
            "on the CPU",
        ),
    ],
)
def test_a_problem_of_a_network_is_found_by_its_check(network, change, name, state, why):
    checks = network(**change)
    (found,) = (check for check in checks if check.name == name)
    assert found.state == state
    assert why in found.message


def test_what_cannot_be_exported_is_said_in_one_line_and_nothing_else(network, capfd):
    branch = "return self.last(x.flatten(1)) if float(x.sum()) > 0 else self.last(x.flatten(1)) * 1.0"
    (found,) = (check for check in network(forward=branch) if "export" in check.name)
    assert "\n" not in found.message and len(found.message) < 200
    assert "".join(capfd.readouterr()) == ""


def test_a_network_that_changes_its_input_can_be_exported(network):
    found = outcomes(network(forward="x.mul_(0.5); return self.last(x.flatten(1))"))
    assert found["can be exported with torch.export"] == "passed"


def test_a_network_that_cannot_be_built_is_not_tried_further(network):
    checks = network(init="raise ValueError('no')")
    assert [check.state for check in checks] == ["failed", "skipped"]


def images(seed: int, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, 255, (count, 4, 4), dtype=np.uint8), np.arange(count) % 2


@pytest.mark.parametrize(
    ("make", "failed"),
    [
        (lambda: Dataset.from_arrays(images(0), test=images(1)), set()),
        (
            lambda: Dataset.from_arrays(images(np.random.default_rng().integers(1 << 30)), test=images(1)),
            {"returns the same images on every call"},
        ),
        (lambda: Dataset.from_arrays(images(0), test=images(0)), {"no image is in two splits"}),
        (
            lambda: Dataset.from_arrays(images(0), test=(images(1)[0], np.zeros(20, int)), classes=["a", "b"]),
            {"every class has images"},
        ),
        (lambda: images(0), {"returns the same images on every call"}),
    ],
    ids=["none", "drawn anew", "copies", "empty class", "no data set"],
)
def test_a_problem_of_a_data_set_is_found_by_its_check(make, failed):
    found = outcomes(check_dataset(make))
    assert {name for name, state in found.items() if state == "failed"} == failed


def test_a_recipe_must_be_one_always_the_same_and_train():
    assert set(outcomes(check_recipe(quick, SHAPE, 3)).values()) == {"passed"}

    calls = []

    def unsteady(net, data):
        calls.append(net)
        return replace(quick(net, data), batch_size=len(calls))

    found = outcomes(check_recipe(unsteady, SHAPE, 3))
    assert found["returns a recipe for every network and data set"] == "failed"
    assert found["says where its settings come from"] == "note"
    assert "failed" in outcomes(check_recipe(lambda net, data: 3, SHAPE, 3)).values()


def test_a_file_with_nothing_to_check_is_refused(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 3\n")
    with pytest.raises(BakeoffError, match="has no network, data set or recipe"):
        check_file(str(path), SHAPE, 3)
