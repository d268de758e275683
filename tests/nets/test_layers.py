import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bakeoff.nets.layers import PreResidual, Residual, SamePad, flat_size, he_initial, keras_he_initial
from bakeoff.spec.data import ImageShape


@given(size=st.integers(1, 40), kernel=st.integers(1, 11), stride=st.integers(1, 4))
def test_same_padding_is_that_of_tensorflow(size, kernel, stride):
    """⌈size / stride⌉ windows, no pixel left out, at most one more pixel at the right than at the left."""
    images = torch.ones(1, 1, size, size)
    padded = SamePad(kernel, stride)(images)
    assert (padded.shape[-1] - kernel) // stride + 1 == math.ceil(size / stride)
    before = padded[0, 0].diagonal().tolist().index(1)
    after = padded.shape[-1] - size - before
    assert before <= after <= before + 1
    assert padded.sum() == size * size


@given(size=st.integers(1, 12), stride=st.integers(1, 3), kernel=st.sampled_from([1, 3, 5, 7]))
def test_same_padding_at_stride_one_is_torchs(size, stride, kernel):
    if stride == 1:
        images = torch.rand(1, 1, size, size)
        assert SamePad(kernel, 1)(images).shape == torch.nn.functional.pad(images, [kernel // 2] * 4).shape


def test_keras_he_normal_is_cut_off_and_keeps_its_variance():
    torch.manual_seed(0)
    weight = keras_he_initial(nn.Conv2d(64, 512, 3)).weight
    deviation = math.sqrt(2 / (64 * 9))
    assert weight.std().item() == pytest.approx(deviation, rel=0.01)
    assert weight.abs().max() <= 2 * deviation / 0.8796 * 1.001


def test_he_normal_counts_the_inputs():
    torch.manual_seed(0)
    layer = he_initial(nn.Conv2d(64, 512, 3))
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.01)
    assert not layer.bias.any()


def test_flat_size_leaves_the_random_state_and_the_mode_alone():
    body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Dropout(), nn.MaxPool2d(2), nn.Flatten())
    state = torch.get_rng_state()
    assert flat_size(body, ImageShape(3, 32, 20)) == 5 * 15 * 9
    assert torch.equal(state, torch.get_rng_state())
    assert body.training
    assert body[1].running_mean.device.type == "cpu"


def test_residual_blocks_add():
    x = torch.randn(2, 4, 3, 3)
    double, negative = nn.Conv2d(4, 4, 1, bias=False), nn.Conv2d(4, 4, 1, bias=False)
    nn.init.dirac_(double.weight).data.mul_(2)
    nn.init.dirac_(negative.weight).data.neg_()
    assert torch.allclose(Residual(double)(x), 3 * x)
    assert torch.allclose(Residual(double, negative, nn.ReLU())(x), x.relu())
    assert torch.allclose(PreResidual(nn.ReLU(), double)(x), x + 2 * x.relu())
    assert torch.allclose(PreResidual(nn.ReLU(), double, negative)(x), x.relu())
