"""One run on several devices, which are processes here."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

import tiny
from bakeoff import data
from bakeoff.execution.worker import Placement, train_run
from bakeoff.spec.paths import checkpoint_path
from bakeoff.spec.recipe import Image
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.training.devices import ALONE, Devices, joined


def run_of(net: str, **changes) -> Run:
    recipe = msgspec.structs.replace(tiny.RECIPE, images_per_class=20, validation=50, epochs=3, **changes)
    return Run(net, "digits", data.info("digits").content_hash, recipe, 0)


def trained(run: Run, devices: int, folder: Path) -> list:
    return [content for content, _ in train_run(run, Placement(1, 1, devices=devices), folder)]


def test_parts_of_a_batch_are_the_batch():
    for images in (1, 2, 7, 64):
        parts = [Devices(rank, 4).part_of(images) for rank in range(4)]
        rows = [row for part, weight in parts if weight for row in range(images)[part]]
        assert rows == list(range(images))
        means = [weight * np.mean(range(images)[part]) for part, weight in parts]
        assert np.mean(means) == pytest.approx(np.mean(range(images)))


def test_a_single_device_has_everything():
    assert ALONE.part_of(10) == (slice(0, 10), 1.0)
    assert ALONE.leads and ALONE.agree("a") == "a"


def test_two_devices_train_as_one_up_to_rounding_and_resume(tmp_path):
    """Of a network without batch normalisation; batches of 150 images with a rest that does not divide."""
    run = run_of("lenet-afif", batch_size=33)
    one, two = trained(run, 1, tmp_path / "one"), trained(run, 2, tmp_path / "two")
    assert isinstance(two[-1], Outcome), two[-1]
    assert two[-1].environment["devices"] == 2 and "devices" not in one[-1].environment
    np.testing.assert_allclose(two[-1].probabilities, one[-1].probabilities, atol=2e-3)
    for a, b in zip(one[:-1], two[:-1], strict=True):
        assert isinstance(a, Epoch)
        assert b.train_loss == pytest.approx(a.train_loss, rel=1e-4)
        assert b.train_accuracy == pytest.approx(a.train_accuracy, abs=0.02)
    shorter = msgspec.structs.replace(run, recipe=msgspec.structs.replace(run.recipe, epochs=2))
    trained(shorter, 2, tmp_path / "resumed")
    checkpoint_path(tmp_path / "resumed", shorter.id).rename(checkpoint_path(tmp_path / "resumed", run.id))
    resumed = trained(run, 2, tmp_path / "resumed")
    assert resumed[-1].probabilities.tobytes() == two[-1].probabilities.tobytes()


def test_batches_smaller_than_the_devices_are_refused(tmp_path):
    (failure,) = trained(run_of("lenet-afif", batch_size=1), 2, tmp_path)
    assert isinstance(failure, Failure) and "2 devices" in failure.message


def test_synchronized_normalisation_is_that_of_torch(tmp_path):
    """On one device, where the whole batch is its own part, forwards, backwards and in its running statistics."""
    torch.manual_seed(0)
    theirs, ours = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    values = [torch.randn(5, 3, 4, 4, requires_grad=True) for _ in range(2)]
    values[1].data.copy_(values[0].data)
    with joined(0, 1, tmp_path / "meeting", "cpu"):
        Devices(0, 2).synchronize_norms(ours)
        outputs = [theirs(values[0]), ours(values[1])]
        for output in outputs:
            (output * torch.arange(4.0)).sin().sum().backward()
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(values[0].grad, values[1].grad)
    for a, b in zip(theirs.state_dict().values(), ours.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)
    assert theirs.state_dict().keys() == ours.state_dict().keys()


@pytest.mark.faults
def test_synchronized_normalisation_makes_two_devices_train_as_one(tmp_path):
    run = run_of("conv", sync_batch_norm=True, image=Image(scale=3))
    one, two = trained(run, 1, tmp_path / "one"), trained(run, 2, tmp_path / "two")
    assert two[0].train_loss == pytest.approx(one[0].train_loss, rel=0.05)  # dropout masks differ
