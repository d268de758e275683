import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from bakeoff.measure.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    blur,
    contrast,
    jpeg,
    means,
    pixelation,
    rotation,
    shift,
)

RANDOM = {"noise", "fog", "rotation", "shift"}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(channels: int = 3, height: int = 32, width: int = 32, count: int = 4) -> torch.Tensor:
    """Whole numbers in 0–255 that look like pictures: coarse noise, enlarged."""
    coarse = torch.rand(count, channels, 6, 6, generator=generator(5)) * 255
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 255).round()


@pytest.mark.parametrize("name", CORRUPTIONS)
class TestEvery:
    @pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 17, 40), (1, 8, 8), (2, 5, 9)])
    def test_keeps_the_shape_and_is_finite(self, name, shape):
        images = smooth(*shape)
        for severity in SEVERITIES:
            changed = CORRUPTIONS[name](images, severity, generator())
            assert changed.shape == images.shape
            assert changed.dtype == torch.float32
            assert changed.isfinite().all()

    def test_moves_further_from_the_image_the_severer_it_is(self, name):
        images = smooth(count=16)
        distances = [
            float((CORRUPTIONS[name](images, severity, generator()).clamp(0, 255) - images).abs().mean())
            for severity in SEVERITIES
        ]
        assert distances == sorted(distances)
        assert 0 < distances[0] < distances[-1]

    def test_is_decided_by_its_generator(self, name):
        images = smooth()
        before = images.clone(), torch.get_rng_state()
        one, same, other = (CORRUPTIONS[name](images, 3, generator(seed)) for seed in (1, 1, 2))
        assert (one == same).all()
        assert (one == other).all() != (name in RANDOM)
        assert (images == before[0]).all()
        assert (torch.get_rng_state() == before[1]).all()

    def test_takes_flat_images(self, name):
        for level in (0.0, 255.0):
            changed = CORRUPTIONS[name](torch.full((2, 3, 16, 16), level), 5, generator())
            assert changed.isfinite().all()


class TestJpeg:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_loses_what_a_real_file_loses(self, channels, severity):
        """Pillow's result is met far closer than the image itself; the rest is libjpeg's integer arithmetic."""
        images = smooth(channels, 40, 27)
        ours = jpeg(images, severity, generator()).round().clamp(0, 255).numpy()
        real = np.empty_like(ours)
        for image, result in zip(images.numpy().astype(np.uint8), real, strict=True):
            file = io.BytesIO()
            picture = Image.fromarray(image[0] if channels == 1 else image.transpose(1, 2, 0))
            picture.save(file, "JPEG", quality=(80, 65, 58, 50, 40)[severity - 1])
            pixels = np.asarray(Image.open(file), dtype=np.float32)
            result[:] = pixels if channels == 1 else pixels.transpose(2, 0, 1)
        lost = np.abs(real - images.numpy()).mean()
        assert np.abs(ours - real).mean() < max(0.5, lost / 3)


def test_blur_keeps_the_light_and_spreads_a_point_by_its_deviation():
    images = torch.zeros(1, 1, 33, 33)
    images[0, 0, 16, 16] = 255
    blurred = blur(images, 5, generator())[0, 0] / 255
    place = torch.arange(33) - 16.0
    assert float(blurred.sum()) == pytest.approx(1)
    assert float((blurred.sum(0) * place**2).sum()) == pytest.approx((33 / 32) ** 2, rel=0.02)
    assert float((blurred.sum(1) * place**2).sum()) == pytest.approx((33 / 32) ** 2, rel=0.02)


def test_contrast_keeps_the_mean_of_each_channel():
    images = smooth()
    changed = contrast(images, 5, generator())
    torch.testing.assert_close(changed.mean((2, 3)), images.mean((2, 3)))
    torch.testing.assert_close(changed.std((2, 3)), 0.15 * images.std((2, 3)))


def test_pixelation_leaves_fewer_different_rows():
    images = torch.rand(1, 1, 40, 40, generator=generator())
    changed = pixelation(images, 5, generator())[0, 0]
    assert changed.unique(dim=0).shape[0] == changed.unique(dim=1).shape[1] == 26


def test_means_are_of_what_a_pixel_covers():
    assert means(3, 2).tolist() == [
        [pytest.approx(2 / 3), pytest.approx(1 / 3), 0],
        [0, pytest.approx(1 / 3), pytest.approx(2 / 3)],
    ]
    assert means(4, 2).tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    for old, new in ((32, 30), (28, 18), (7, 1), (5, 5)):
        torch.testing.assert_close(means(old, new).sum(1), torch.ones(new))
        torch.testing.assert_close(means(old, new).sum(0), torch.full((old,), new / old))


def test_rotation_and_shift_move_a_point_as_far_as_they_say():
    images = torch.zeros(64, 1, 41, 41)
    images[:, :, 20, 35] = 255

    def moved(changed: torch.Tensor) -> np.ndarray:
        weight = changed[:, 0] / changed.sum((1, 2, 3))[:, None, None]
        place = torch.arange(41) - 20.0
        return torch.stack([(weight.sum(2) * place).sum(1), (weight.sum(1) * place).sum(1)], 1).numpy()

    angles = np.degrees(np.arctan2(*moved(rotation(images, 3, generator())).T))
    assert np.abs(angles) == pytest.approx(18, abs=1)
    assert {-1, 1} == set(np.sign(angles))
    images = images.roll(-15, 3)
    far = np.hypot(*moved(shift(images, 3, generator())).T)
    assert far == pytest.approx(0.12 * 41, abs=0.3)
    assert math.isclose(far.std(), 0, abs_tol=0.1)
