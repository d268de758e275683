import torch
from torch import nn

import tiny
from bakeoff.measure.determinism import varying_operations
from bakeoff.nets import build
from bakeoff.spec.data import ImageShape

SHAPE = ImageShape(1, 8, 8)


class Puts(nn.Module):
    """Uses an operation that torch cannot do deterministically, even on CPUs."""

    def __init__(self):
        super().__init__()
        self.linear, self.drop = nn.Linear(64, 3), nn.Dropout()

    def forward(self, images):
        flat = self.drop(images.flatten(1))
        return self.linear(flat.clone().put_(torch.zeros(2, dtype=torch.int64), torch.zeros(2)))


def test_operations_that_vary_are_named():
    net = Puts().eval()
    before = torch.get_rng_state()
    assert varying_operations(net, SHAPE, tiny.MACHINE) == ["put_"]
    assert (torch.get_rng_state() == before).all()
    assert not torch.are_deterministic_algorithms_enabled()
    assert not net.training
    assert net.linear.weight.grad is None


def test_on_a_processor_no_network_has_any():
    assert varying_operations(build("resnet20", SHAPE, 3), SHAPE, tiny.MACHINE) == []
