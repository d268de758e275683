import time

import pytest
import torch
from torch import nn

import bakeoff.nets.summary
import tiny
from bakeoff.measure import cost
from bakeoff.measure.cost import activation_bytes, inference_cost, milliseconds
from bakeoff.nets import build
from bakeoff.spec.data import ImageShape

TIMED = {"latency_ms_median", "latency_ms_p95"}
BATCHED = {"batch256_ms_median", "batch256_ms_p95", "inference_images_per_second"}
SMALL = ImageShape(1, 8, 8)


class Sleeper(nn.Module):
    """Takes as long as it is told to, and records its batches."""

    def __init__(self, seconds: float, per_image: float = 0.0):
        super().__init__()
        self.seconds, self.per_image, self.seen = seconds, per_image, []

    def forward(self, images):
        self.seen.append(len(images))
        time.sleep(self.seconds + self.per_image * len(images))
        return images


class TestInferenceCost:
    def test_is_the_time_of_a_pass(self):
        measures = inference_cost(Sleeper(0.01), SMALL, tiny.MACHINE, train_seconds=3600)
        assert measures.keys() == TIMED | BATCHED
        assert 10 <= measures["latency_ms_median"] < 50
        assert measures["latency_ms_median"] <= measures["latency_ms_p95"]
        assert measures["inference_images_per_second"] == pytest.approx(256_000 / measures["batch256_ms_median"])

    def test_warms_up_first_and_soon_ends(self, monkeypatch):
        net = Sleeper(0.0)
        with monkeypatch.context() as patch:
            patch.setattr(cost, "SECONDS", 60)
            inference_cost(net, SMALL, tiny.MACHINE, train_seconds=3600)
        assert net.seen == [1] * (2 + cost.MOST) + [8] * 4 + [256] * (2 + cost.MOST)
        net = Sleeper(0.03)
        inference_cost(net, SMALL, tiny.MACHINE)
        assert net.seen.count(1) in (2 + cost.FEWEST, 2 + cost.FEWEST + 1)
        net = Sleeper(0.06)
        inference_cost(net, SMALL, tiny.MACHINE)
        assert net.seen.count(1) == 1 + cost.FEWEST

    def test_leaves_out_batches_that_take_too_long(self):
        """Too long compared with the training: what is expensive after seconds is cheap after hours."""
        net = Sleeper(0.0, per_image=0.001)
        assert inference_cost(net, SMALL, tiny.MACHINE).keys() == TIMED
        assert 256 not in net.seen
        assert inference_cost(net, SMALL, tiny.MACHINE, train_seconds=3600).keys() == TIMED | BATCHED

    def test_leaves_out_batches_that_do_not_fit(self, monkeypatch):
        monkeypatch.setattr(cost, "free_memory", lambda _: 256 * 64 * 4 * cost.LIVE / cost.MEMORY_SHARE - 1)
        assert inference_cost(Sleeper(0.0), SMALL, tiny.MACHINE).keys() == TIMED
        monkeypatch.setattr(cost, "free_memory", lambda _: 256 * 64 * 4 * cost.LIVE / cost.MEMORY_SHARE)
        assert inference_cost(Sleeper(0.0), SMALL, tiny.MACHINE, train_seconds=3600).keys() == TIMED | BATCHED

    def test_changes_neither_network_nor_generator(self):
        net = build("nin", SMALL, 3)
        before = {name: value.clone() for name, value in net.state_dict().items()}, torch.get_rng_state()
        inference_cost(net, SMALL, tiny.MACHINE)
        torch.testing.assert_close(dict(net.state_dict()), before[0], rtol=0, atol=0)
        assert (torch.get_rng_state() == before[1]).all()
        assert not any(module._forward_hooks for module in net.modules())

    def test_of_a_small_network_takes_well_under_a_second(self):
        net = build("lenet-afif", ImageShape(1, 28, 28), 10)
        clock = time.process_time()
        inference_cost(net, ImageShape(1, 28, 28), tiny.MACHINE)
        assert time.process_time() - clock < 1.0


def test_percentiles_are_of_all_passes():
    times = [number / 1000 for number in range(101)]
    assert milliseconds("latency", times) == {
        "latency_ms_median": pytest.approx(50),
        "latency_ms_p95": pytest.approx(95),
    }


class TestActivationBytes:
    def test_are_those_a_training_step_keeps(self, monkeypatch):
        """By hand: a convolution keeps its input, ReLU its output, pooling its input's indices, a dense layer its
        input; what two layers share is kept once."""
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 4 * 4, 3)
        )
        monkeypatch.setattr(bakeoff.nets.summary, "build", lambda *_: net.to("meta"))
        image, after_relu, pooled, indices = 64 * 4, 4 * 64 * 4, 4 * 16 * 4, 4 * 16 * 8
        assert activation_bytes("lenet-afif", SMALL, 3) == image + after_relu + pooled + indices

    @pytest.mark.parametrize("name", ["lenet-afif", "resnet20", "nin"])
    def test_grow_with_the_image(self, name):
        small, large = (activation_bytes(name, ImageShape(3, side, side), 10) for side in (16, 32))
        assert 3.3 < large / small < 4.8

    def test_agree_with_what_is_allocated(self):
        """Storages that a real forward pass leaves behind, on a real device."""
        net, images = build("resnet20", ImageShape(3, 16, 16), 10).train(), torch.randn(2, 3, 16, 16)
        kept = {}

        def note(tensor):
            kept[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            outputs = net(images)
        own = {value.untyped_storage().data_ptr() for value in (*net.parameters(), *net.buffers())}
        real = sum(tensor.untyped_storage().nbytes() for pointer, tensor in kept.items() if pointer not in own) / 2
        assert activation_bytes("resnet20", ImageShape(3, 16, 16), 10) == pytest.approx(real, rel=0.02)
        assert outputs.requires_grad

    def test_leave_the_generator_alone(self):
        before = torch.get_rng_state()
        activation_bytes("nin", SMALL, 3)
        assert (torch.get_rng_state() == before).all()
