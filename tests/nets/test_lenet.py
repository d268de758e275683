import torch

from bakeoff.nets.lenet import TABLE, RadialBasis, TableConv, lenet5
from bakeoff.spec.data import ImageShape


def test_the_table_is_that_of_the_paper():
    """Table I: 6 maps with 3 contiguous inputs, 6 with 4 contiguous, 3 with 4 not, 1 with all; 1,516 values."""
    assert [len(channels) for channels in TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len(set(TABLE)) == 16
    assert sum(parameter.numel() for parameter in TableConv().parameters()) == 1516


def test_maps_outside_the_table_do_not_matter():
    layer, x = TableConv(), torch.randn(1, 6, 8, 8)
    before = layer(x)
    x[:, 5] += 1
    changed = (layer(x) - before).abs().amax((0, 2, 3)) > 0
    assert changed.tolist() == [5 in channels for channels in TABLE]


def test_the_nearest_code_wins():
    layer = RadialBasis(7)
    assert set(layer.codes.unique().tolist()) == {-1.0, 1.0}
    logits = layer(layer.codes + 0.1 * torch.randn(7, 84))
    assert logits.argmax(1).tolist() == list(range(7))
    assert (logits <= 0).all()


def test_digits_stand_in_the_middle_of_32_pixels():
    torch.manual_seed(0)
    small = lenet5(ImageShape(1, 28, 28), 10)
    torch.manual_seed(0)
    large = lenet5(ImageShape(1, 32, 32), 10)
    digits = torch.randn(2, 1, 28, 28)
    assert torch.allclose(small(digits), large(torch.nn.functional.pad(digits, (2, 2, 2, 2))), atol=1e-5)
