"""Each operation of TrivialAugment and RandAugment against Pillow, whose functions the papers' code calls."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from bakeoff.data.operations import OPERATIONS
from bakeoff.data.policies import BINS, SIGNED, amounts_of, apply_operations, draw_operations
from bakeoff.spec.recipe import Augment


def photographs(n=5, height=23, width=30, seed=0) -> torch.Tensor:
    """Smooth images with noise, of a few grey levels, and one that is even."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / random.uniform(2, 9) + y / random.uniform(2, 9)) for _ in range(3 * n)]
    pixels = 120 + 90 * np.array(waves).reshape(n, 3, height, width) + random.normal(0, 9, (n, 3, height, width))
    pixels[-1] = 77
    return torch.from_numpy(pixels.clip(0, 255).astype(np.uint8))


def by_affine(matrix):
    return lambda image, amount: image.transform(image.size, Image.Transform.AFFINE, matrix(amount), fillcolor=0)


PILLOW = {
    "identity": lambda image, amount: image,
    "shear_x": by_affine(lambda amount: (1, amount, 0, 0, 1, 0)),
    "shear_y": by_affine(lambda amount: (1, 0, 0, amount, 1, 0)),
    "translate_x": by_affine(lambda amount: (1, 0, -math.trunc(amount), 0, 1, 0)),
    "translate_y": by_affine(lambda amount: (1, 0, 0, 0, 1, -math.trunc(amount))),
    "rotate": lambda image, amount: image.rotate(amount),
    "brightness": lambda image, amount: ImageEnhance.Brightness(image).enhance(1 + amount),
    "color": lambda image, amount: ImageEnhance.Color(image).enhance(1 + amount),
    "contrast": lambda image, amount: ImageEnhance.Contrast(image).enhance(1 + amount),
    "sharpness": lambda image, amount: ImageEnhance.Sharpness(image).enhance(1 + amount),
    "posterize": lambda image, amount: ImageOps.posterize(image, round(amount)),
    "solarize": ImageOps.solarize,
    "autocontrast": lambda image, amount: ImageOps.autocontrast(image),
    "equalize": lambda image, amount: ImageOps.equalize(image),
}
MOVES = {"shear_x", "shear_y", "translate_x", "translate_y", "rotate"}


@pytest.mark.parametrize("settings", [Augment(policy="trivial"), Augment(policy="rand")], ids=["trivial", "rand"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_is_that_of_pillow(name, settings):
    """Moves take the same pixels, colours differ by one grey level at most.

    Amounts are odd ones, since Pillow's fixed point decides otherwise where a place lies exactly between two pixels.
    """
    images = photographs()
    amounts = amounts_of(settings, (23, 30))[list(OPERATIONS).index(name)] * 0.99937
    for amount in [*amounts[::6].tolist(), *((-amounts[1::6]).tolist() if name in SIGNED else [])]:
        ours = OPERATIONS[name](images, torch.full((len(images),), amount)).permute(0, 2, 3, 1).numpy()
        pillow = [PILLOW[name](Image.fromarray(image), amount) for image in images.permute(0, 2, 3, 1).numpy()]
        apart = np.abs(ours.astype(int) - np.array([np.asarray(image) for image in pillow]))
        if name in MOVES:
            assert (apart > 0).mean() < 0.003, amount
        else:
            assert apart.max() <= 1, amount


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_treats_each_image_by_itself(name, channels):
    images = photographs()[:, :channels]
    amounts = torch.linspace(0.1, 7.9, len(images))
    before = images.clone()
    together = OPERATIONS[name](images, amounts)
    alone = [OPERATIONS[name](images[i : i + 1], amounts[i : i + 1]) for i in range(len(images))]
    assert torch.equal(together, torch.cat(alone))
    assert together.dtype == torch.uint8 and together.shape == images.shape
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", OPERATIONS)
def test_works_on_a_single_pixel(name):
    assert OPERATIONS[name](torch.full((2, 3, 1, 1), 9, dtype=torch.uint8), torch.ones(2)).shape == (2, 3, 1, 1)


def test_amounts_run_from_nothing_to_those_of_the_papers():
    trivial, rand = (
        amounts_of(settings, (20, 331)) for settings in (Augment(policy="trivial"), Augment(policy="rand"))
    )
    ends = {name: (trivial[i, 0], trivial[i, -1], rand[i, -1]) for i, name in enumerate(OPERATIONS)}
    assert {name: tuple(round(float(value), 3) for value in values) for name, values in ends.items()} == {
        "identity": (0, 0, 0),
        "shear_x": (0, 0.99, 0.3),
        "shear_y": (0, 0.99, 0.3),
        "translate_x": (0, 32, 150),
        "translate_y": (0, 32, 9.063),
        "rotate": (0, 135, 30),
        "brightness": (0, 0.99, 0.9),
        "color": (0, 0.99, 0.9),
        "contrast": (0, 0.99, 0.9),
        "sharpness": (0, 0.99, 0.9),
        "posterize": (8, 2, 4),
        "solarize": (255, 0, 0),
        "autocontrast": (0, 0, 0),
        "equalize": (0, 0, 0),
    }


def drawn(settings: Augment, count: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def uniform(name, low, high, columns):
        return torch.rand(count, columns, generator=generator) * (high - low) + low

    return draw_operations(settings, (20, 20), uniform)


def test_trivial_augment_draws_every_operation_and_strength_alike():
    changes = drawn(Augment(policy="trivial"), 14 * 2000)
    kinds, counts = changes["operation"].unique(return_counts=True)
    assert kinds.tolist() == list(range(14)) and (counts - 2000).abs().max() < 250
    turned = changes["amount"][changes["operation"] == list(OPERATIONS).index("rotate")]
    assert len(turned.unique()) == 2 * BINS - 1
    assert (turned < 0).float().mean() == pytest.approx(0.5 * (BINS - 1) / BINS, abs=0.05)
    assert (changes["amount"][changes["operation"] == list(OPERATIONS).index("solarize")] >= 0).all()


def test_rand_augment_draws_several_operations_of_one_strength():
    changes = drawn(Augment(policy="rand", rand_operations=3, rand_magnitude=15), 500)
    assert changes["operation"].shape == changes["amount"].shape == (500, 3)
    sheared = changes["amount"][changes["operation"] == 1]
    assert sheared.abs().unique().tolist() == pytest.approx([0.15])


def test_operations_of_one_image_are_applied_in_turn():
    images = photographs(2)
    kinds = torch.tensor([[list(OPERATIONS).index("solarize"), list(OPERATIONS).index("posterize")], [0, 0]])
    changed = apply_operations(images, kinds, torch.tensor([[100.0, 3.0], [0.0, 0.0]]))
    one_by_one = OPERATIONS["posterize"](OPERATIONS["solarize"](images[:1], torch.tensor([100.0])), torch.tensor([3.0]))
    assert torch.equal(changed[0], one_by_one[0])
    assert torch.equal(changed[1], images[1])
