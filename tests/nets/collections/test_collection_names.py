"""Names of collections, and what is said where one is missing: none of this needs a collection."""

import importlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_network
from bakeoff.execution.tryout import is_foreign
from bakeoff.nets import find_net
from bakeoff.nets.collections import COLLECTIONS, shared
from bakeoff.nets.collections.shared import Guarded, fetch_from_web, load_package
from bakeoff.spec import run
from bakeoff.spec.data import ImageShape

SHAPE = ImageShape(3, 32, 32)


def test_every_collection_has_a_name_that_others_do_not():
    assert tuple(COLLECTIONS) == run.COLLECTIONS


@given(rest=st.text(min_size=1))
def test_names_of_collections_are_left_as_they_are(rest):
    name = f"hf:{rest}"
    assert run.collection_of(name) == "hf"
    if not name.endswith((".safetensors", ".pth", ".pt")):
        assert known_network(name) == name
    assert is_foreign(name)


@pytest.mark.parametrize(
    "name", ["timm", "conv", "efficientnet-lite0:imagenet", "Net@1a2b3c4d:my@1a2b3c4d", "arrays:a"]
)
def test_other_names_are_of_no_collection(name):
    assert run.collection_of(name) == ""


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("timm:resnet18", "timm", "timm"),
        ("torchvision:resnet18", "torchvision", "torchvision"),
        ("hf:resnet", "transformers", "hf"),
    ],
)
def test_a_missing_collection_says_how_to_install_it(monkeypatch, name, package, extra):
    def missing(module: str):
        raise ModuleNotFoundError(f"No module named {module!r}", name=package)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(BakeoffError, match=rf"is not installed: .*bakeoff\[{extra}\]"):
        find_net(name)


def test_a_collection_for_another_torch_says_so(monkeypatch):
    def broken(module: str):
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(
        BakeoffError, match=r"does not work with torch .* \(operator torchvision::nms does not exist\): install"
    ):
        load_package("timm", "timm")


def test_errors_of_a_builder_name_network_and_images():
    def fails(shape, classes):
        raise ValueError("too small")

    with pytest.raises(BakeoffError, match="timm:a cannot be built for 3x32x32 images: ValueError: too small"):
        Guarded("timm:a", fails)(SHAPE, 3)
    with pytest.raises(BakeoffError, match="32×32: add --size 224"):
        Guarded("timm:a.b", fails, (224, 224))(SHAPE, 3)


def test_a_file_that_is_here_is_not_downloaded(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(shared, "is_reachable", lambda url: False)
    url = "https://weights.example/models/net-0a1b2c3d.pth"
    with pytest.raises(
        BakeoffError, match=r"weights\.example cannot be reached: download https.* copy it to .*net-0a1b2c3d\.pth"
    ):
        fetch_from_web("torchvision:net:A", url)
    path = tmp_path / "checkpoints" / "net-0a1b2c3d.pth"
    path.parent.mkdir()
    path.touch()
    assert fetch_from_web("torchvision:net:A", url) == path
