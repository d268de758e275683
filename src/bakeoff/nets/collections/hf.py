"""Image classifiers of Hugging Face transformers: `hf:microsoft/resnet-50` from the hub, `hf:resnet` from scratch.

A name without "/" is a type of model in its default configuration. Code from the hub is never run.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.collections.shared import Guarded, fetch_from_hub, load_package, unknown_name
from bakeoff.nets.net import Net
from bakeoff.nets.pretrained import start_from
from bakeoff.nets.user_weights import sha256_of
from bakeoff.nets.weights import Weights
from bakeoff.spec.data import ImageShape

CONFIG, WEIGHTS, IMAGES = "config.json", "model.safetensors", "preprocessor_config.json"
INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers."""


class Logits(nn.Module):
    """A model of transformers that returns its logits alone: (N, C, H, W) → (N, classes)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.model(pixel_values=x).logits
        return logits


def names() -> list[str]:
    """Return the names of the types of models; the hub has thousands of models of these types."""
    return [f"hf:{name}" for name in _types()]


def find(given: str, name: str) -> Net:
    """Return the network `given` of transformers, called `name` here; raises as `find_in_collection`."""
    source = f"transformers {_package().__version__}, {given}"
    if "/" not in given:
        if given not in _types():
            raise unknown_name(name, names())
        return Net(Guarded(name, FromType(given)), "transformers", 0, source, smallest=1)
    config = fetch_from_hub(name, given, CONFIG)
    net = Net(Guarded(name, FromConfig(config)), "transformers", 0, source, smallest=1)
    return start_from(_weights(given, name, config), net, name)


@dataclass(frozen=True)
class FromType:
    """Builds a type of model in its default configuration, for the size of the images."""

    type: str

    def __call__(self, shape: ImageShape, classes: int) -> nn.Module:
        """Return the network for images of this shape."""
        config = _package().AutoConfig.for_model(self.type)
        if hasattr(config, "image_size"):
            is_square = shape.height == shape.width
            config.image_size = shape.height if is_square else (shape.height, shape.width)
        return _from_config(config, shape, classes)


@dataclass(frozen=True)
class FromConfig:
    """Builds the model of a configuration, without its weights."""

    path: Path

    def __call__(self, shape: ImageShape, classes: int) -> nn.Module:
        """Return the network for images of this shape."""
        return _from_config(_package().AutoConfig.from_pretrained(self.path), shape, classes)


@dataclass(frozen=True)
class HubWeights:
    """Reads weights with transformers, which converts older files."""

    folder: Path

    def __call__(self) -> dict[str, Any]:
        """Return the entries, with those of the published classifier."""
        load = _package().AutoModelForImageClassification.from_pretrained
        model = load(self.folder, use_safetensors=True, local_files_only=True)
        return {f"model.{name}": value for name, value in model.state_dict().items()}


def _from_config(config: Any, shape: ImageShape, classes: int) -> nn.Module:
    config.num_labels = classes
    if hasattr(config, "num_channels"):
        config.num_channels = shape.channels
    return Logits(_package().AutoModelForImageClassification.from_config(config))


def _weights(given: str, name: str, config: Path) -> Weights:
    """Return the weights of a repository; their digest is that of the configuration and the file."""
    path = fetch_from_hub(name, given, WEIGHTS)
    try:
        images = json.loads(fetch_from_hub(name, given, IMAGES).read_text(encoding="utf-8"))
    except BakeoffError:  # some have none
        images = {}
    size = images.get("size", images.get("crop_size"))
    height, width = _height_and_width(size)
    return Weights(
        given,
        hashlib.sha256(f"{sha256_of(config)}{sha256_of(path)}".encode()).hexdigest(),
        f"https://huggingface.co/{given}",
        HubWeights(path.parent),
        channels=json.loads(config.read_text(encoding="utf-8")).get("num_channels", 3),
        size=(height, width) if height else None,
        mean=tuple(images.get("image_mean", ())),
        std=tuple(images.get("image_std", ())),
        interpolation=INTERPOLATIONS.get(images.get("resample"), ""),
    )


def _height_and_width(size: Any) -> tuple[int, int]:
    """Return the size in a preprocessor's configuration, which has had several forms; zeros if there is none."""
    if isinstance(size, dict):
        shortest = int(size.get("shortest_edge") or 0)
        return int(size.get("height") or shortest), int(size.get("width") or shortest)
    return (size, size) if isinstance(size, int) else (0, 0)


def _types() -> list[str]:
    auto = load_package("transformers.models.auto.modeling_auto", "hf")
    return sorted(auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES)


def _package() -> Any:
    return load_package("transformers", "hf")
