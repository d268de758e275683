"""Exported preprocessing gives the pixels of the training to the last bit."""

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.data.decode import decode_picture
from bakeoff.data.resize import resize
from bakeoff.inference.graph import Decoded, Resized, without_adaptive_maximum
from bakeoff.spec.recipe import Image

FITS = st.sampled_from(["stretch", "crop", "pad"])
FILTERS = st.sampled_from(["bilinear", "bicubic"])
SIDES = st.tuples(st.integers(1, 90), st.integers(1, 90))
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))
OWN = st.tuples(st.integers(4, 64), st.integers(4, 64))
"""torch 2.13 fails on images of one pixel in width."""


def pixels(size: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@settings(max_examples=60)
@given(SIDES, SIZES, FITS, FILTERS, st.integers(0, 99))
def test_images_of_any_size_become_what_the_decoder_makes_of_them(own, size, fit, interpolation, seed):
    image = pixels(own, seed)
    expected = decode_picture(PIL.Image.fromarray(image), size, fit, interpolation=interpolation)
    found = Decoded(size, fit, interpolation)(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
    assert np.array_equal(found[0].numpy(), expected)


@settings(max_examples=60)
@given(OWN, OWN, FITS, FILTERS, st.integers(0, 99))
def test_images_of_one_size_become_what_the_input_pipeline_makes_of_them(own, size, fit, interpolation, seed):
    images = torch.from_numpy(pixels(own, seed).transpose(2, 0, 1).copy())[None]
    expected = resize(images, Image(size=size, fit=fit, interpolation=interpolation)).double()
    assert torch.equal(Resized(own, size, fit, interpolation)(images.double()), expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_large_photographs_too(fit, interpolation):
    image = np.asarray(PIL.Image.fromarray(pixels((30, 40), 1)).resize((1283, 977), PIL.Image.Resampling.BICUBIC))
    expected = decode_picture(PIL.Image.fromarray(image), (224, 224), fit, interpolation=interpolation)
    found = Decoded((224, 224), fit, interpolation)(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])
    assert np.array_equal(found[0].numpy(), expected)


@pytest.mark.parametrize(("side", "size"), [((7, 9), (5, 4)), ((2, 2), (5, 5)), ((10, 10), (5, 5))])
def test_adaptive_maxima_area_by_area(side, size):
    class Pooling(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.adaptive_max_pool2d(images, size)

    images = torch.randn(2, 3, *side)
    program = without_adaptive_maximum(torch.export.export(Pooling(), (images,)))
    assert "adaptive_max_pool2d" not in str(program.graph)
    assert torch.equal(program.module()(images), Pooling()(images))
