import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from bakeoff.data.resize import resize
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import Image


def random_images(n=3, channels=3, height=9, width=12):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("image", [Image(), Image(size=(9, 12)), Image(size=(9, 12), fit="crop")])
def test_images_that_have_the_size_are_returned_as_they_are(image):
    images = random_images()
    assert resize(images, image) is images


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(2, 20), st.integers(2, 20)),
    st.sampled_from(["stretch", "crop", "pad"]),
    st.integers(1, 3),
    st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_the_result_has_the_shape_the_recipe_says(own, size, fit, scale, channels):
    image = Image(size=size, fit=fit, scale=scale)
    resized = resize(random_images(2, channels, *own), image)
    shape = image.shape(ImageShape(channels, *own))
    assert resized.shape[1:] == (shape.channels, shape.height, shape.width)
    assert resized.dtype == torch.uint8


@pytest.mark.parametrize("size", [(5, 6), (18, 24), (9, 5), (20, 7), (7, 1)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_stretching_agrees_with_pillow(size, channels, interpolation):
    images = random_images(channels=channels)
    resized = resize(images, Image(size=size, interpolation=interpolation)).numpy().astype(int)
    for image, result in zip(images.numpy(), resized, strict=True):
        for plane, ours in zip(image, result, strict=True):
            theirs = Picture.fromarray(plane).resize(size[::-1], Picture.Resampling[interpolation.upper()])
            assert np.abs(ours - np.asarray(theirs, dtype=int)).max() <= 1


def test_pad_adds_black_borders_on_both_sides():
    images = torch.full((1, 1, 4, 8), 200, dtype=torch.uint8)
    padded = resize(images, Image(size=(8, 8), fit="pad"))[0, 0]
    assert (padded[2:6] == 200).all()
    assert not padded[:2].any() and not padded[6:].any()


def test_crop_cuts_the_middle_out():
    images = torch.zeros(1, 1, 4, 8, dtype=torch.uint8)
    images[..., 2:6] = 200
    assert (resize(images, Image(size=(4, 4), fit="crop")) == 200).all()


def test_scale_repeats_pixels():
    images = random_images()
    expected = images.repeat_interleave(3, 2).repeat_interleave(3, 3)
    assert torch.equal(resize(images, Image(scale=3)), expected)
