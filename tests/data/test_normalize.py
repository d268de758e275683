import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.data.normalize import CHUNK, fit_normalizer
from bakeoff.data.resize import resize
from bakeoff.spec.recipe import Image

CHUNKS_AND_A_REST = CHUNK * 2 + 17


def random_images(n=CHUNKS_AND_A_REST, channels=3, height=4, width=5):
    return np.random.default_rng(0).integers(0, 256, (n, channels, height, width), dtype=np.uint8)


def expected(pixels, how):
    """By numpy, in float64, from all the pixels of the training part at once."""
    pixels = pixels.astype(np.float64)
    axes = (0, 2, 3) if how.startswith("channel") else (0,)
    mean, deviation = pixels.mean(axes, keepdims=True), pixels.std(axes, keepdims=True)
    return (pixels - mean) / (255 if how.endswith("-mean") else deviation)


@pytest.mark.parametrize("how", ["channel", "pixel", "channel-mean", "pixel-mean"])
def test_statistics_are_those_of_the_training_part_alone(how):
    images = random_images()
    indices = np.random.default_rng(1).permutation(len(images))[:300]
    normalizer = fit_normalizer(images, indices, Image(), how)
    result = normalizer(torch.from_numpy(images[indices])).numpy()
    np.testing.assert_allclose(result, expected(images[indices], how), atol=2e-6)


def test_raw_and_unit_only_scale():
    images = random_images(3)
    indices = np.arange(3)
    raw = fit_normalizer(images, indices, Image(), "raw")(torch.from_numpy(images))
    assert raw.dtype == torch.float32
    assert np.array_equal(raw.numpy(), images)
    unit = fit_normalizer(images, indices, Image(), "unit")(torch.from_numpy(images))
    np.testing.assert_allclose(unit.numpy(), images / 255, atol=1e-7)


def test_weights_bring_their_own_statistics():
    images, (mean, std) = random_images(3), ((0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    found = fit_normalizer(images, np.arange(3), Image(scale=2), "weights", (mean, std))
    by_numpy = (images / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    np.testing.assert_allclose(
        found(torch.from_numpy(images.repeat(2, 2).repeat(2, 3))), by_numpy.repeat(2, 2).repeat(2, 3), atol=5e-6
    )


def test_grey_images_are_normalised_by_the_average_of_the_channels_of_weights():
    images = random_images(3, channels=1)
    found = fit_normalizer(images, np.arange(3), Image(), "weights", ((0.4, 0.5, 0.6), (0.1, 0.2, 0.3)))
    np.testing.assert_allclose(found(torch.from_numpy(images)), (images / 255 - 0.5) / 0.2, atol=5e-6)


@pytest.mark.parametrize("how", ["channel", "pixel"])
@pytest.mark.parametrize("image", [Image(scale=3), Image(size=(8, 6)), Image(size=(6, 6), fit="pad", scale=2)])
def test_statistics_are_those_of_the_resized_images(how, image):
    images = random_images(40)
    resized = resize(torch.from_numpy(images), image)
    normalizer = fit_normalizer(images, np.arange(40), image, how)
    assert normalizer.size == tuple(resized.shape[2:])
    with np.errstate(invalid="ignore"):  # 0 / 0 where the border that "pad" adds never changes
        by_numpy = np.nan_to_num(expected(resized.numpy(), how))
    np.testing.assert_allclose(normalizer(resized).numpy(), by_numpy, atol=5e-6)


def test_the_sums_are_exact():
    images = np.full((CHUNK * 4, 1, 2, 2), 255, dtype=np.uint8)
    images[0] = 254
    normalizer = fit_normalizer(images, np.arange(len(images)), Image(), "pixel-mean")
    mean = images.astype(np.int64).sum(0) / len(images)
    np.testing.assert_allclose(-normalizer.bias.double().numpy() * 255, mean, rtol=1e-7)


@given(st.integers(0, 255), st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_a_position_that_never_changes_in_training_stays_bounded(constant, test_value):
    images = random_images(30, 1)
    images[:, :, 0, 0] = constant
    normalizer = fit_normalizer(images, np.arange(30), Image(), "pixel")
    other = torch.full((1, 1, 4, 5), test_value, dtype=torch.uint8)
    assert normalizer(torch.from_numpy(images))[:, :, 0, 0].abs().max() < 1e-4
    assert normalizer(other)[0, 0, 0, 0] == pytest.approx(test_value - constant, abs=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_batches_leave_in_channels_last_float32(channels, dtype):
    images = random_images(5, channels)
    batch = fit_normalizer(images, np.arange(5), Image(), "unit")(torch.from_numpy(images).to(dtype))
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_arrays_and_tensors_give_the_same():
    images = random_images()
    indices = np.arange(0, len(images), 2)
    a = fit_normalizer(images, indices, Image(), "pixel")
    b = fit_normalizer(torch.from_numpy(images), torch.from_numpy(indices), Image(), "pixel")
    assert torch.equal(a.scale, b.scale) and torch.equal(a.bias, b.bias)
