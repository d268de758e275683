import torch

from bakeoff.nets import build
from bakeoff.nets.airbench import Norm, Patches, cosines, whitening
from bakeoff.spec.data import ImageShape


def test_the_basis_is_orthonormal():
    for size in (1, 2, 3, 5):
        basis = cosines(size)
        assert torch.allclose(basis @ basis.T, torch.eye(size), atol=1e-6)
    filters = Patches(3).filters.flatten(1)
    assert torch.allclose(filters @ filters.T, torch.eye(12), atol=1e-6)


def test_the_first_layer_whitens_smooth_images():
    """Neighbouring pixels and colours that go together leave the layer with unit variance, hardly correlated."""
    torch.manual_seed(0)
    grey = torch.nn.functional.avg_pool2d(torch.randn(64, 1, 40, 40), 5, 1)
    images = 10 * grey + 2 * torch.nn.functional.avg_pool2d(torch.randn(64, 3, 40, 40), 5, 1)
    before = torch.nn.functional.unfold(images, 2).transpose(0, 1).flatten(1).corrcoef()
    after = torch.nn.Sequential(*whitening(3))(images)[:, :12].transpose(0, 1).flatten(1).detach()
    assert torch.allclose(after.std(1), torch.ones(12), atol=0.01)
    assert before.tril(-1).abs().max() > 0.9
    assert after.corrcoef().tril(-1).abs().max() < 0.1


def test_shifts_learn_64_times_as_fast():
    norm, x = Norm(4), torch.randn(8, 4, 5, 5)
    norm(x).sum().backward()
    assert torch.allclose(norm.bias.grad, torch.full((4,), 8.0 * 8 * 25))
    with torch.no_grad():
        norm.bias -= 0.01 * norm.bias.grad
    assert torch.allclose(norm(x).mean((0, 2, 3)), torch.full((4,), -0.01 * 64 * 8 * 25), rtol=1e-4)


def test_convolutions_hand_their_inputs_on():
    net = build("airbench", ImageShape(3, 32, 32), 10)
    first = next(layer for layer in net if isinstance(layer, torch.nn.Conv2d))
    x = torch.randn(1, 24, 8, 8)
    assert torch.allclose(first(x)[:, :24], x, atol=1e-5)
