import numpy as np
import pytest
import torch
from torch import nn

import tiny
from bakeoff.data.batches import ImageSource
from bakeoff.data.normalize import fit_normalizer
from bakeoff.measure import robustness as module
from bakeoff.measure.corruptions import CORRUPTIONS, SEVERITIES
from bakeoff.measure.robustness import corrupted, robustness
from bakeoff.spec.recipe import Image

DATA = tiny.dataset(test=40)
TEST = ImageSource.on(DATA.test, "cpu")


def measure(net: nn.Module, scale: int = 1) -> dict[str, float]:
    image = Image(scale=scale)
    return robustness(net, TEST, image, fit_normalizer(DATA.train.images, np.arange(60), image, "unit"), tiny.MACHINE)


class Rows(nn.Module):
    """Knows the class by the brightest row; notes the images it was shown."""

    def __init__(self, rows: int = 8):
        super().__init__()
        self.seen: list[bytes] = []
        self.each = rows // 8

    def forward(self, images):
        self.seen.append(images.numpy().tobytes())
        return images.mean((1, 3))[:, :: self.each][:, :3]


class Constant(nn.Module):
    """Says the same of all images."""

    def __init__(self, answer: int):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return nn.functional.one_hot(torch.full((len(images),), self.answer), 4).float()


def test_means_are_those_of_the_counts():
    measures = measure(Rows())
    under = [measures[f"accuracy_under_{name}"] for name in CORRUPTIONS]
    assert measures["accuracy_under_corruption"] == pytest.approx(np.mean(under))
    assert measures["robustness"] == pytest.approx(np.mean(under))  # clean, it is always right
    assert measures["accuracy_under_brightness"] > measures["accuracy_under_shift"] > 0.2
    assert all((value * 40 * 5) == pytest.approx(round(value * 40 * 5)) for value in under)


def test_what_does_not_look_loses_nothing():
    share = float((TEST.labels == 1).double().mean())
    measures = measure(Constant(1))
    assert measures["robustness"] == pytest.approx(1)
    assert measures["accuracy_under_fog"] == pytest.approx(share)


def test_what_is_never_right_has_none():
    assert measure(Constant(3)).keys() == {*(f"accuracy_under_{name}" for name in [*CORRUPTIONS, "corruption"])}


def test_all_networks_meet_the_same_images(monkeypatch):
    one, other = Rows(), Rows()
    measure(one)
    torch.rand(3)
    measure(other)
    assert one.seen == other.seen
    assert len(one.seen) == 1 + len(CORRUPTIONS) * len(SEVERITIES)
    monkeypatch.setattr(module, "BATCH", 16)
    measure(several := Rows())
    assert len(several.seen) == 3 * len(one.seen)


def test_images_are_corrupted_before_they_are_enlarged():
    enlarged = Rows(24)
    assert measure(enlarged, scale=3) == pytest.approx(measure(Rows()))
    assert len(enlarged.seen[0]) == 9 * len(DATA.test.images.astype(np.float32).tobytes())


def test_pixels_stay_bytes():
    pixels = torch.from_numpy(DATA.test.images)
    for name in CORRUPTIONS:
        changed = corrupted(pixels, name, 5, 0)
        assert changed.dtype == torch.uint8
        assert (changed == corrupted(pixels, name, 5, 0)).all()
        assert (changed != pixels).any()


def test_no_image_is_evaluated_alone(monkeypatch):
    """A network that squeezes its maps fails on one image; the noise of each image stays the same."""
    monkeypatch.setattr(module, "BATCH", 13)
    net = Rows()
    whole = measure(net)
    sizes = {len(seen) / len(net.seen[0]) for seen in net.seen}
    assert 40 % 13 == 1 and sizes <= {1} | {14 / 13}
    last = corrupted(TEST.images[26:], "noise", 2, 26)
    assert (last[13:] == corrupted(TEST.images[39:], "noise", 2, 39)).all() and len(last) == 14
    assert 0 < whole["robustness"] <= 1
