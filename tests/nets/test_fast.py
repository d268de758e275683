import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from bakeoff.nets import build, fast
from bakeoff.nets.fast import BITS, Dropout, Linear, MaxPool2d, speed_up, to_device
from bakeoff.spec.data import ImageShape


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.7])
@pytest.mark.parametrize("shape", [(50, 1001), (8, 16, 20, 21)])
def test_dropout_drops_its_share_and_keeps_the_mean(rate, shape):
    torch.manual_seed(0)
    kept = Dropout(rate)(torch.ones(shape))
    n, scale = kept.numel(), 1 / (1 - rate)
    assert set(kept.unique().tolist()) == {0.0, torch.tensor(scale).item()}
    deviations = ((kept == 0).double().mean() - rate) / (rate * (1 - rate) / n) ** 0.5
    assert abs(deviations) < 4


@pytest.mark.parametrize("rate", [0.2, 0.3])
def test_dropout_in_bfloat16_drops_no_more_and_no_less(rate):
    """The random bits, compared in bfloat16, would be rounded first."""
    torch.manual_seed(0)
    fine = Dropout(rate)(torch.ones(1_000_000))
    torch.manual_seed(0)
    coarse = Dropout(rate)(torch.ones(1_000_000, dtype=torch.bfloat16))
    assert coarse.dtype == torch.bfloat16
    assert torch.equal(coarse == 0, fine == 0)


def test_dropout_is_exact_to_its_bits():
    """Of all patterns of bits as many are dropped as the rate says, rounded."""
    patterns = torch.arange(-(2 ** (BITS - 1)), 2 ** (BITS - 1)).float()
    for rate in (0.25, 0.4, 0.5):
        kept = (patterns >= round(rate * 2**BITS) - 2 ** (BITS - 1)).double().mean()
        assert 1 - kept == pytest.approx(rate, abs=2.0 ** -(BITS + 1))


def test_dropout_masks_are_independent_and_follow_the_seed():
    x = torch.ones(100_000)
    torch.manual_seed(0)
    first, second = Dropout(0.5)(x), Dropout(0.5)(x)
    torch.manual_seed(0)
    assert torch.equal(Dropout(0.5)(x), first)
    agreement = (first == second).double().mean()
    neighbours = (first[1:] == first[:-1]).double().mean()
    assert agreement == pytest.approx(0.5, abs=0.01)
    assert neighbours == pytest.approx(0.5, abs=0.01)


def test_dropout_passes_the_gradient_of_what_it_kept():
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.ones(2, 3, 4, 5).contiguous(memory_format=layout).requires_grad_()
        y = Dropout(0.5)(x)
        y.sum().backward()
        assert y.stride() == x.stride()
        assert torch.equal(x.grad, y.detach())


def test_dropout_does_nothing_outside_training_and_at_rate_0():
    x = torch.rand(3, 4)
    assert Dropout(0.5).eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert not Dropout(1.0)(x).any()
    assert Dropout(0.5)(torch.empty(0, 3)).shape == (0, 3)


def test_dropout_takes_strided_input():
    x = torch.ones(6, 8)[:, ::2]
    assert set(Dropout(0.5)(x).unique().tolist()) <= {0.0, 2.0}


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(2, 9), st.integers(2, 9)),
    seed=st.integers(0, 99),
    channels_last=st.booleans(),
)
def test_max_pool_is_torchs_with_its_gradient_ties_included(shape, seed, channels_last):
    """Values of one digit, so that many windows have several largest values."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(-3, 4, shape, generator=random).float()
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    pooled, expected = MaxPool2d(2)(ours), F.max_pool2d(theirs, 2)
    assert torch.equal(pooled, expected)
    gradient = torch.randn(expected.shape, generator=random)
    pooled.backward(gradient)
    expected.backward(gradient)
    assert torch.equal(ours.grad, theirs.grad)


def test_max_pool_hands_on_what_is_not_a_number():
    x = torch.zeros(1, 1, 2, 2)
    x[0, 0, 1, 0] = torch.nan
    assert MaxPool2d(2)(x).isnan().all()


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch without oneDNN")
@pytest.mark.parametrize("bias", [True, False])
def test_dense_layer_is_torchs_with_its_gradients(bias):
    torch.manual_seed(0)
    theirs, x = nn.Linear(300, 70, bias=bias), torch.randn(9, 300)
    ours = copy.deepcopy(theirs)
    ours.__class__ = Linear
    gradient = torch.randn(9, 70)
    results = []
    for layer in (ours, theirs):
        images = x.clone().requires_grad_()
        y = layer(images)
        y.backward(gradient)
        results.append([y.detach(), images.grad, *(parameter.grad for parameter in layer.parameters())])
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_large_dense_layers_are_replaced_where_that_is_faster(monkeypatch):
    for faster in (True, False):
        monkeypatch.setattr(fast, "onednn_is_faster", lambda faster=faster: faster)
        net = speed_up(nn.Sequential(nn.Linear(256, 256), nn.Linear(256, 10)))
        assert [type(layer) for layer in net] == [Linear if faster else nn.Linear, nn.Linear]


def test_speed_up_replaces_what_has_a_faster_form_and_nothing_else():
    kept = [nn.MaxPool2d(3, 2), nn.MaxPool2d(2, 1), nn.MaxPool2d(2, padding=1), nn.MaxPool2d(2, ceil_mode=True)]
    net = nn.Sequential(nn.Sequential(nn.MaxPool2d(2), nn.Dropout(0.3)), nn.MaxPool2d((2, 2), (2, 2)), *kept).eval()
    fast = speed_up(net)
    assert [type(layer) for layer in fast[0]] == [MaxPool2d, Dropout]
    assert type(fast[1]) is MaxPool2d
    assert list(fast[2:]) == kept
    assert fast[0][1].p == 0.3
    assert not any(layer.training for layer in fast.modules())


def test_a_network_computes_the_same_and_keeps_its_weights_names():
    torch.manual_seed(0)
    net = build("lenet-afif", ImageShape(1, 28, 28), 10)
    images, names = torch.rand(4, 1, 28, 28), list(net.state_dict())
    expected = net(images)
    torch.testing.assert_close(speed_up(net)(images), expected)
    assert list(net.state_dict()) == names


def test_networks_move_to_the_layout_that_convolutions_like():
    net = to_device(nn.Conv2d(3, 8, 3), "cpu")
    assert net.weight.is_contiguous(memory_format=torch.channels_last)
