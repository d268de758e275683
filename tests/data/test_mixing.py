import msgspec
import numpy as np
import pytest
import torch

import tiny
from bakeoff.data.batches import ImageSource, train_batches
from bakeoff.data.mixing import Mixed, draw_mixing, mix_batch
from bakeoff.data.normalize import fit_normalizer
from bakeoff.spec.recipe import Augment


def noise(n=6, channels=3, height=7, width=10) -> torch.Tensor:
    return torch.randn(n, channels, height, width, generator=torch.Generator().manual_seed(0))


LABELS = torch.arange(6)


def test_an_image_of_share_one_stays_as_it_is():
    """The identity: nothing of another image, nothing of another label."""
    empty = torch.tensor([[3, 4, 3, 4]] * 6)
    images, labels = mix_batch(noise(), LABELS, {"mixup": torch.ones(6), "cutmix": empty})
    assert torch.equal(images, noise())
    assert torch.equal(labels.probabilities(6), torch.eye(6))


def test_mixup_takes_the_share_of_pixels_and_labels():
    share = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0, 0.1])
    images, labels = mix_batch(noise(), LABELS, {"mixup": share})
    for i in range(6):
        expected = share[i] * noise()[i] + (1 - share[i]) * noise()[i - 1]
        torch.testing.assert_close(images[i], expected, rtol=1e-5, atol=1e-6)
        probabilities = labels.probabilities(6)[i]
        assert float(probabilities[i]) == pytest.approx(float(share[i]))
        assert float(probabilities[i - 1]) == pytest.approx(1 - float(share[i]))
        assert float(probabilities.sum()) == pytest.approx(1)


def test_cutmix_pastes_the_rectangle_and_counts_its_area():
    boxes = torch.tensor([[0, 0, 7, 10], [2, 3, 4, 8], [0, 0, 1, 1], [5, 5, 5, 5], [6, 0, 7, 10], [0, 9, 7, 10]])
    images, labels = mix_batch(noise(), LABELS, {"cutmix": boxes})
    for i, (top, left, bottom, right) in enumerate(boxes.tolist()):
        expected = noise()[i].clone()
        expected[:, top:bottom, left:right] = noise()[i - 1, :, top:bottom, left:right]
        assert torch.equal(images[i], expected)
        assert float(labels.share[i]) == pytest.approx(1 - (bottom - top) * (right - left) / 70)


def test_two_images_of_one_class_keep_their_label():
    mixed = Mixed(torch.tensor([2, 1]), torch.tensor([2, 0]), torch.tensor([0.3, 0.3]))
    assert mixed.probabilities(3).tolist() == [[0, 0, 1], pytest.approx([0.7, 0.3, 0])]


def test_shares_have_the_beta_distribution():
    """Beta(a, a) has mean ½ and variance 1 / (4·(2a + 1)); rectangles have the shape of the image."""
    changes = draw_mixing(Augment(mixup=0.2), 20_000, (9, 9), 0, 1)
    assert float(changes["mixup"].mean()) == pytest.approx(0.5, abs=0.01)
    assert float(changes["mixup"].var()) == pytest.approx(1 / 5.6, abs=0.005)
    boxes = draw_mixing(Augment(cutmix=1.0), 20_000, (900, 600), 0, 1)["cutmix"]
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= torch.tensor([900, 600])).all()
    assert (boxes[:, 2:] >= boxes[:, :2]).all()
    inside = (boxes[:, 0] > 0) & (boxes[:, 1] > 0) & (boxes[:, 2] < 900) & (boxes[:, 3] < 600)
    height, width = (boxes[inside, 2:] - boxes[inside, :2]).double().unbind(1)
    assert float((height / 900 - width / 600).abs().max()) < 2 / 600


def test_with_both_each_image_is_changed_by_one():
    changes = draw_mixing(Augment(mixup=0.8, cutmix=1.0), 4000, (50, 50), 3, 1)
    is_cut = changes["cutmix"][:, 2] > changes["cutmix"][:, 0]
    assert not (is_cut & (changes["mixup"] < 1)).any()
    assert float(is_cut.float().mean()) == pytest.approx(0.5, abs=0.06)


def test_draws_follow_seed_and_epoch_and_nothing_without_settings():
    both = Augment(mixup=0.8, cutmix=1.0)
    one, again, later = (draw_mixing(both, 9, (8, 8), 0, epoch) for epoch in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) and not torch.equal(one[name], later[name]) for name in one)
    assert draw_mixing(Augment(), 9, (8, 8), 0, 1) == {}


def test_batches_bring_both_labels():
    split = tiny.images(40, 0)
    recipe = msgspec.structs.replace(tiny.RECIPE, augment=Augment(mixup=1.0))
    normalizer = fit_normalizer(split.images, np.arange(40), recipe.image, "unit")
    whole = list(train_batches(ImageSource.on(split, "cpu"), torch.arange(40), recipe, normalizer, 0, 1))
    assert [len(images) for images, _ in whole] == [16, 16, 8]
    for _, labels in whole:
        assert isinstance(labels, Mixed)
        assert torch.equal(labels.second, labels.first.roll(1))
