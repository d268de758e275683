"""Where networks look: on images whose only informative pixels are known."""

import numpy as np
import pytest

from bakeoff.errors import BakeoffError
from bakeoff.inference.attribution import attribute, last_map
from bakeoff.inference.choice import load_model
from bakeoff.inference.drawing import draw_explanation, overlay, to_image
from bakeoff.inference.explanation import explain, suitable
from bakeoff.inference.neighbours import open_neighbours
from bakeoff.nets import NETS
from bakeoff.nets.summary import apply_to_new
from bakeoff.spec.data import ImageShape

pytest.importorskip("captum", reason="captum is not installed: pip install 'bakeoff[explain]'")


def with_one_informative_patch(model):
    """Set all weights of a linear network to 0, but those of a patch of 4×4 pixels, which speak for class 1."""
    import torch

    weight = torch.zeros(2, *model.inputs(np.zeros((1, 3, 16, 16), np.uint8))[0].shape[1:])
    weight[1, :, 8:12, 4:8] = 1.0
    layer = next(part for part in model.module.modules() if isinstance(part, torch.nn.Linear))
    layer.weight.data = weight.flatten(1)
    return model


@pytest.mark.parametrize("method", ["gradients", "occlusion"])
def test_finds_the_only_pixels_that_matter(method, store):
    model = with_one_informative_patch(load_model("linear", store))
    heat = attribute(model, np.full((3, 16, 16), 255, np.uint8), 1, method)
    assert heat.shape == (16, 16) and heat.max() == pytest.approx(1)
    inside = heat[8:12, 4:8].sum()
    assert inside > 0.75 * heat.sum()  # windows of occlusion reach beyond the patch


def test_single_pixels_do_not_hide_the_others():
    import torch

    from bakeoff.inference.attribution import BRIGHT, _scaled

    found = torch.rand(100, 100, generator=torch.Generator().manual_seed(0))
    found[3, 4] = 1000
    scaled = _scaled(found, BRIGHT)
    assert scaled.max() == 1 and scaled.min() >= 0 and scaled.mean() > 0.4
    assert _scaled(torch.zeros(4, 4), BRIGHT).max() == 0
    alone = torch.zeros(100, 100)
    alone[1, 2] = 5
    assert torch.equal(_scaled(alone, BRIGHT), alone / 5)


def test_grad_cam_is_the_weighted_sum_of_the_maps(store):
    """Computed here by hand: weights are the mean gradients, and what speaks against the class is cut off."""
    import torch

    model = load_model("lenet-afif", store)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.uint8)
    image = model.inputs(pixels[None])[0]
    kept = []
    layer = model.module.get_submodule(last_map(model.module, image))
    hook = layer.register_forward_hook(lambda _, given, output: kept.append(output))
    logit = model.module(image.clone().requires_grad_())[0, 1]
    hook.remove()
    (gradient,) = torch.autograd.grad(logit, kept)
    own = (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1).clamp(min=0)
    large = torch.nn.functional.interpolate(own[None], (16, 16), mode="bilinear")[0, 0].detach()
    assert attribute(model, pixels, 1, "gradcam") == pytest.approx((large / large.max()).numpy(), abs=1e-5)


WITHOUT_MAPS = {"linear", "mlp"}
SIDES = (32, 64, 224)


def layer_of_grad_cam(name):
    """At the smallest size that the network takes; nothing is computed."""
    for side in SIDES:
        try:
            return apply_to_new(name, ImageShape(3, side, side), 10, 1, last_map)
        except BakeoffError:
            if side == SIDES[-1]:
                raise
    raise AssertionError


@pytest.mark.parametrize("name", sorted(NETS))
def test_every_network_has_a_layer_for_grad_cam_or_no_maps(name):
    assert bool(layer_of_grad_cam(name)) == (name not in WITHOUT_MAPS)


def test_methods_are_those_that_suit(store):
    linear, lenet = load_model("linear", store), load_model("lenet-afif", store)
    assert suitable(linear) == ("gradients",) and suitable(lenet) == ("gradcam", "gradients")
    assert suitable(linear, ["occlusion"]) == ("occlusion",)
    with pytest.raises(BakeoffError, match="gradcam does not suit linear"):
        suitable(linear, ["gradcam"])
    with pytest.raises(BakeoffError, match="gradients"):
        suitable(lenet, ["gradient"])


def test_nearest_training_images_are_training_images(store, photos):
    model = load_model("linear", store)
    near = open_neighbours(model)
    row = int(near.rows[7])
    own = near.dataset.train.images[row]
    first, *others = near.nearest(np.stack([own]), 4)[0]
    assert (first.place.index, first.place.split) == (row, "train") and first.similarity == pytest.approx(1, abs=1e-3)
    assert np.array_equal(first.pixels, own) and (photos / first.place.file).is_file()
    assert len(others) == 3 and all(one.place.index in near.rows for one in others)
    assert [one.similarity for one in others] == sorted((one.similarity for one in others), reverse=True)
    assert len(near.nearest(np.stack([own]), 10_000)[0]) == len(near.rows)


def test_the_nearest_are_those_of_a_search_through_all(store):
    model = load_model("lenet-afif", store)
    near = open_neighbours(model)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, 16, 16)).astype(np.uint8)
    values = near.features.values[near.rows].astype(np.float64)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    own = near._features_of(pixels)
    expected = near.rows[np.argsort(-(own @ values.T), axis=1)[:, :3]]
    assert [[one.place.index for one in row] for row in near.nearest(pixels, 3)] == expected.tolist()


def test_images_that_have_changed_are_reported(store, photos, monkeypatch):
    from dataclasses import replace

    import msgspec

    model = load_model("linear", store)
    member = model.members[0]
    run = msgspec.structs.replace(member.bundle.run, data_hash="0" * 64)
    other = replace(model, members=(replace(member, bundle=msgspec.structs.replace(member.bundle, run=run)),))
    monkeypatch.chdir(photos.parent)  # the store has no such run: its file says which folder it was
    with pytest.raises(BakeoffError, match="have changed"):
        open_neighbours(other)


def test_an_explanation_is_drawn(store, photos):
    model = load_model("lenet-afif", store)
    pixels = model.decode(photos / "cold" / "5.jpg")
    found = explain(model, pixels, suitable(model), target="warm", neighbours=open_neighbours(model), number=3)
    assert found.target == "warm" and found.maps.keys() == {"gradcam", "gradients"} and len(found.neighbours) == 3
    assert found.prediction.probabilities == model.predict(photos / "cold" / "5.jpg")[0].probabilities
    sheet = draw_explanation(found, model.classes)
    assert sheet.mode == "RGB" and sheet.width > 3 * 288 and len(sheet.getcolors(2**24)) > 100
    with pytest.raises(BakeoffError, match="warm"):
        explain(model, pixels, (), target="wrm")


def test_grey_images_and_bright_spots_are_drawn():
    pixels, heat = np.full((1, 5, 5), 100, np.uint8), np.zeros((5, 5), np.float32)
    heat[2, 3] = 1
    shown = np.asarray(overlay(pixels, heat)).astype(int)
    brightness = shown.sum(2)
    assert np.unravel_index(brightness.argmax(), (5, 5)) == (2, 3)
    assert to_image(pixels, 50).size == (50, 50) and to_image(pixels).getpixel((0, 0)) == (100, 100, 100)
