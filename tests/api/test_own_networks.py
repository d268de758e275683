"""Networks given to Python as classes and functions."""

import pytest
from torch import nn

import bakeoff
import tiny
from bakeoff.errors import BakeoffError

WIDTH = 4


class Head(nn.Linear):
    pass


class TinyNet(nn.Module):
    """A network with a part and a constant of this file."""

    def __init__(self, images, classes):
        super().__init__()
        self.convolution = nn.Conv2d(images.channels, WIDTH, 3)
        self.head = Head(WIDTH, classes)

    def forward(self, images):
        return self.head(self.convolution(images).relu().mean((2, 3)))


def tiny_net(images, classes):
    features = nn.Sequential(nn.Conv2d(images.channels, WIDTH, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return nn.Sequential(features, nn.Flatten(), nn.Linear(WIDTH, classes))


def test_classes_and_functions_are_trained_and_their_runs_kept(tmp_path):
    given = {"data": "digits", "seeds": 1, "changes": tiny.DIGITS, "store": tmp_path / "a.db", "quiet": True}
    results = bakeoff.run(nets=[TinyNet, tiny_net], **given)
    assert [result.state for result in results.results] == ["done", "done"]
    names = {run.net.partition("@")[0] for run in results.runs}
    assert names == {"TinyNet", "tiny_net"}
    alone = bakeoff.run(nets=TinyNet, **given)
    assert alone.results[0] in results.results
    assert results.confusion(TinyNet).equals(alone.confusion(alone.runs[0].net))
    assert results.confusion("TinyNet").equals(alone.confusion(TinyNet))


def test_names_may_come_in_one_text(tmp_path):
    given = {"seeds": 1, "changes": tiny.DIGITS, "store": tmp_path / "a.db", "quiet": True}
    results = bakeoff.run(nets="lenet-afif, nin", data="digits", **given)
    assert [run.net for run in results.runs] == ["lenet-afif", "nin"]
    with pytest.raises(BakeoffError, match="classes and functions; got 3"):
        bakeoff.run(nets=[3], data="digits", **given)
    for changes in ("epochs=3", ["epochs"]):
        with pytest.raises(BakeoffError, match=r"changes takes fields and values: \{\"epochs\": 3\}"):
            bakeoff.run(nets="nin", data="digits", changes=changes)
    with pytest.raises(BakeoffError, match="workers takes a whole number; got '2'"):
        bakeoff.run(nets="nin", data="digits", workers="2")
