import math

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from bakeoff.data.augment import augment, cutout, draw_changes, grey
from bakeoff.spec.recipe import Augment

EVERYTHING = Augment(
    shift=0.2, crop=2, flip=True, rotation=20, shear=10, zoom=(0.7, 1.4), brightness=0.3, contrast=0.3,
    saturation=0.3, cutout=3,
)  # fmt: skip


def random_images(n=6, channels=3, height=7, width=10, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, height, width), dtype=torch.uint8, generator=generator)


def apply(images, how, seed=0, epoch=1):
    return augment(images, draw_changes(how, len(images), tuple(images.shape[2:]), seed, epoch), how)


def test_without_settings_nothing_is_drawn_and_nothing_changes():
    images = random_images()
    assert draw_changes(Augment(), 6, (7, 10), 0, 1) == {}
    assert apply(images, Augment()) is images


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_everything_at_once_keeps_shape_and_range(channels):
    images = random_images(channels=channels)
    changed = apply(images, EVERYTHING)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert changed.min() >= 0 and changed.max() <= 255


@given(st.integers(1, 500), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**63 - 1))
@settings(max_examples=30, deadline=None)
def test_draws_stay_within_the_settings(count, height, width, seed):
    changes = draw_changes(EVERYTHING, count, (height, width), seed, 3)
    assert changes["flip"].dtype == torch.bool
    assert (changes["rotation"].abs() <= math.radians(20) + 1e-6).all()
    assert (changes["shear"].abs() <= math.radians(10) + 1e-6).all()
    assert ((changes["zoom"] >= 0.7 - 1e-6) & (changes["zoom"] <= 1.4 + 1e-6)).all()
    assert (changes["shift"].abs() <= 0.2 * torch.tensor([height, width]) + 1e-5).all()
    assert ((changes["crop"] >= 0) & (changes["crop"] <= 4)).all()
    assert ((changes["contrast"] >= 0.7 - 1e-6) & (changes["contrast"] <= 1.3 + 1e-6)).all()
    assert ((changes["cutout"] >= 0) & (changes["cutout"] < torch.tensor([height, width]))).all()


def test_the_largest_random_number_still_rounds_below_the_side():
    largest = torch.tensor(1 - 2**-24)
    sides = torch.arange(1, 70_000)
    assert ((largest * sides).long() < sides).all()


def test_half_of_the_images_are_mirrored_and_shifts_reach_the_ends():
    changes = draw_changes(Augment(flip=True, shift=0.5, crop=4), 20_000, (10, 20), 0, 1)
    assert changes["flip"].float().mean() == pytest.approx(0.5, abs=0.02)
    assert changes["shift"].amin(0).tolist() == pytest.approx([-5, -10], abs=0.05)
    assert changes["shift"].amax(0).tolist() == pytest.approx([5, 10], abs=0.05)
    assert changes["crop"].unique().tolist() == list(range(9))


def test_each_augmentation_has_its_own_stream_per_epoch_and_seed():
    alone = draw_changes(Augment(flip=True), 50, (8, 8), 1, 1)["flip"]
    assert torch.equal(alone, draw_changes(EVERYTHING, 50, (8, 8), 1, 1)["flip"])
    assert torch.equal(alone[:20], draw_changes(EVERYTHING, 20, (8, 8), 1, 1)["flip"])
    assert not torch.equal(alone, draw_changes(Augment(flip=True), 50, (8, 8), 1, 2)["flip"])
    assert not torch.equal(alone, draw_changes(Augment(flip=True), 50, (8, 8), 2, 1)["flip"])


def test_flip_mirrors_the_chosen_images_and_twice_is_the_identity():
    images, changes = random_images(n=2), {"flip": torch.tensor([True, False])}
    once = augment(images, changes, Augment(flip=True))
    assert once.dtype == torch.uint8
    assert torch.equal(once[0], images[0].flip(2)) and torch.equal(once[1], images[1])
    assert torch.equal(augment(once, changes, Augment(flip=True)), images)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 5), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_crop_equals_a_loop_over_padded_images(height, width, margin, seed):
    images = random_images(4, 3, height, width, seed)
    changes = draw_changes(Augment(crop=margin), 4, (height, width), seed, 1)
    cropped = augment(images, changes, Augment(crop=margin))
    for image, (top, left), result in zip(images.numpy(), changes["crop"].tolist(), cropped.numpy(), strict=True):
        padded = np.pad(image, ((0, 0), (margin, margin), (margin, margin)))
        assert np.array_equal(result, padded[:, top : top + height, left : left + width])


@given(
    st.sampled_from(["nearest", "zero"]),
    st.integers(1, 16),
    st.integers(1, 16),
    st.floats(0.01, 1),
    st.booleans(),
    st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_a_shift_alone_equals_the_interpolation_that_also_turns_and_zooms(fill, height, width, amount, flip, seed):
    images = random_images(5, 3, height, width, seed)
    how = Augment(shift=amount, flip=flip, fill=fill)
    changes = draw_changes(how, 5, (height, width), seed, 1)
    separable = augment(images, changes, how)
    general = augment(images, changes | {"rotation": torch.zeros(5)}, how)
    torch.testing.assert_close(separable, general, atol=0.02, rtol=0)


def test_a_whole_shift_moves_content_down_and_right():
    images = random_images(1, 1, 4, 5)
    how = Augment(shift=0.5)
    moved = augment(images, {"shift": torch.tensor([[1.0, 2.0]])}, how)
    assert torch.equal(moved[0, 0, 1:, 2:], images[0, 0, :-1, :-2].float())
    assert torch.equal(moved[0, 0, :, 0], moved[0, 0, :, 1])  # the edge is repeated
    black = augment(images, {"shift": torch.tensor([[1.0, 2.0]])}, Augment(shift=0.5, fill="zero"))
    assert not black[0, 0, 0].any() and not black[0, 0, :, :2].any()


def test_a_quarter_turn_is_clockwise_and_exact_for_squares():
    images = random_images(2, 3, 6, 6)
    turned = augment(images, {"rotation": torch.full((2,), math.pi / 2)}, Augment(rotation=90))
    torch.testing.assert_close(turned, images.rot90(-1, (2, 3)).float(), atol=0.01, rtol=0)


def test_magnification_two_enlarges_the_middle():
    images = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    images[:, :, 3:5, 3:5] = 200
    enlarged = augment(images, {"zoom": torch.tensor([2.0])}, Augment(zoom=(2, 2)))
    assert enlarged.sum() == pytest.approx(4 * images.sum().item(), rel=1e-4)


@pytest.mark.parametrize("fill", ["nearest", "zero"])
@given(
    st.tuples(st.integers(3, 14), st.integers(3, 14)),
    st.floats(-90, 90),
    st.floats(-40, 40),
    st.floats(0.5, 2),
    st.floats(-4, 4),
    st.floats(-4, 4),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_affine_changes_equal_scipys(fill, size, rotation, shear, zoom, down, right, flip):
    rotation, shear = math.radians(rotation), math.radians(shear)
    images = random_images(2, 2, *size)
    changes = {
        "rotation": torch.full((2,), rotation),
        "shear": torch.full((2,), shear),
        "zoom": torch.full((2,), zoom),
        "shift": torch.tensor([[down, right]] * 2),
        "flip": torch.tensor([flip] * 2),
    }
    result = augment(images, changes, Augment(fill=fill))
    turn = np.array([[math.cos(rotation), -math.sin(rotation)], [math.sin(rotation), math.cos(rotation)]])
    forward = turn @ np.array([[1, math.tan(shear)], [0, 1]]) @ np.diag([zoom, zoom]) @ np.diag([1 - 2 * flip, 1])
    back = np.linalg.inv(forward)[::-1, ::-1]  # scipy counts rows before columns
    centre = (np.array(size) - 1) / 2
    offset = centre - back @ (centre + np.array([down, right]))
    mode = "nearest" if fill == "nearest" else "grid-constant"
    for image, changed in zip(images.numpy().reshape(-1, *size), result.numpy().reshape(-1, *size), strict=True):
        expected = ndimage.affine_transform(image.astype(float), back, offset, order=1, mode=mode)
        np.testing.assert_allclose(changed, expected, atol=0.05)


def test_colour_changes_follow_their_definitions():
    images = random_images(2).float()
    factor = torch.tensor([0.5, 1.5])
    f = factor.view(2, 1, 1, 1)
    brighter = augment(images, {"brightness": factor}, Augment())
    torch.testing.assert_close(brighter, (images * f).clamp(0, 255))
    weighted = (images * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(grey(images), weighted)
    contrast = augment(images, {"contrast": factor}, Augment())
    expected = (images * f + weighted.mean((2, 3), keepdim=True) * (1 - f)).clamp(0, 255)
    torch.testing.assert_close(contrast, expected)
    saturation = augment(images, {"saturation": factor}, Augment())
    torch.testing.assert_close(saturation, (images * f + weighted * (1 - f)).clamp(0, 255))


def test_saturation_leaves_grey_images_alone():
    images = random_images(channels=1).float()
    assert torch.equal(augment(images, {"saturation": torch.full((6,), 0.2)}, Augment()), images)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 15), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_cutout_sets_one_square_around_the_middle_to_zero(height, width, side, seed):
    centres = draw_changes(Augment(cutout=side), 3, (height, width), seed, 1)["cutout"]
    images = torch.ones(3, 2, height, width).contiguous(memory_format=torch.channels_last)
    result = cutout(images, centres, side)
    assert result.is_contiguous(memory_format=torch.channels_last)
    for (row, column), image in zip(centres.tolist(), result.numpy(), strict=True):
        top, left = row - side // 2, column - side // 2
        expected = np.ones((2, height, width))
        expected[:, max(0, top) : top + side, max(0, left) : left + side] = 0
        assert np.array_equal(image, expected)


def test_the_callers_images_are_never_changed():
    images = random_images().float()
    before = images.clone()
    apply(images, EVERYTHING)
    assert torch.equal(images, before)


class TestResizedCrop:
    HOW = Augment(resized_crop=(0.1, 0.9), resized_crop_ratio=(0.5, 2.0))

    @pytest.mark.parametrize("size", [(30, 44), (9, 9), (64, 20)])
    def test_is_pillows_crop_and_resize(self, size):
        """Pillow rounds to whole grey levels after each of the two directions."""
        images = random_images(20, height=size[0], width=size[1])
        changes = draw_changes(self.HOW, 20, size, 0, 1)
        ours = augment(images, changes, self.HOW)
        for image, (top, left, height, width), changed in zip(
            images, changes["resized_crop"].tolist(), ours, strict=True
        ):
            whole = Image.fromarray(image.permute(1, 2, 0).numpy())
            box = (left, top, left + width, top + height)
            pillow = np.asarray(whole.crop(box).resize(size[::-1], Image.Resampling.BILINEAR)).transpose(2, 0, 1)
            assert np.abs(changed.numpy() - pillow).max() < 1.05

    def test_windows_have_the_areas_and_ratios_asked_for(self):
        top, left, height, width = draw_changes(self.HOW, 5000, (200, 200), 0, 1)["resized_crop"].double().unbind(1)
        area, ratio = height * width / 200**2, width / height
        assert area.min() == pytest.approx(0.1, abs=0.005) and area.max() <= 0.91
        assert ratio.min() >= 0.49 and ratio.max() <= 2.04
        assert ratio.log().mean() == pytest.approx(0, abs=0.03)
        assert ((top + height <= 200) & (left + width <= 200) & (top >= 0) & (left >= 0)).all()

    def test_takes_the_largest_window_where_none_fits(self):
        how = Augment(resized_crop=(1.0 - 1e-9, 1.0), resized_crop_ratio=(1.0, 1.0))
        windows = draw_changes(how, 50, (30, 70), 0, 1)["resized_crop"]
        assert (windows[:, 2:] == 30).all()
        assert windows[:, 1].unique().numel() > 5

    def test_of_the_whole_image_changes_nothing(self):
        images = random_images(height=9, width=9)
        whole = torch.tensor([[0, 0, 9, 9]] * len(images))
        torch.testing.assert_close(
            augment(images, {"resized_crop": whole}, Augment()), images.float(), atol=1e-3, rtol=0
        )


@pytest.mark.parametrize("how", [Augment(policy="trivial"), Augment(policy="rand")])
def test_operations_follow_the_moves_in_bytes(how):
    images = random_images(40, height=12, width=12)
    changed = apply(images, how)
    assert changed.dtype == torch.uint8
    assert not torch.equal(changed, images)
    moved = msgspec.structs.replace(how, shift=0.1, brightness=0.1, resized_crop=(0.5, 1.0))
    assert apply(images, moved).dtype == torch.uint8
