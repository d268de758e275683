"""Networks of timm, the PyTorch image models of Ross Wightman: `timm:resnet18` and `timm:resnet18.a1_in1k`.

Without a tag, the network is trained from scratch; with one, it starts from the weights of that tag.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from bakeoff.nets.collections.shared import Guarded, fetch_from_hub, fetch_from_web, load_package, unknown_name
from bakeoff.nets.net import Net
from bakeoff.nets.pretrained import start_from
from bakeoff.nets.user_weights import sha256_of
from bakeoff.nets.weights import Weights
from bakeoff.spec.data import ImageShape

SAFE = "model.safetensors"
"""The file of weights in timm's repositories."""


def names() -> list[str]:
    """Return the names of all networks, without and with tag."""
    package = _package()
    return [f"timm:{name}" for name in (*package.list_models(), *_tagged())]


def find(given: str, name: str) -> Net:
    """Return the network `given` of timm, called `name` here; raises as `find_in_collection`."""
    package = _package()
    architecture, _, tag = given.partition(".")
    if not package.is_model(architecture) or (tag and given not in _tagged()):
        raise unknown_name(name, names())
    facts = package.get_pretrained_cfg(given)
    is_fixed = bool(facts and facts.fixed_input_size)
    weights = _weights(given, name, facts) if tag else None
    size = weights.size if weights and is_fixed else None
    build = Guarded(name, TimmBuilder(architecture, is_fixed), size)
    net = Net(build, "timm", 0, f"timm {package.__version__}, {architecture}", smallest=1)
    return start_from(weights, net, name) if weights else net


@dataclass(frozen=True)
class TimmBuilder:
    """Builds a network without weights."""

    name: str
    is_fixed: bool
    """Whether it is built for one size of images, as vision transformers are."""

    def __call__(self, shape: ImageShape, classes: int) -> nn.Module:
        """Return the network for images of this shape."""
        options: dict[str, Any] = {"num_classes": classes, "in_chans": shape.channels}
        if self.is_fixed:
            with suppress(TypeError):  # a few have a fixed size that cannot be chosen
                return _create(self.name, img_size=(shape.height, shape.width), **options)
        return _create(self.name, **options)


def _create(name: str, **options: Any) -> nn.Module:
    created: nn.Module = _package().create_model(name, **options)
    return created


@dataclass(frozen=True)
class TimmWeights:
    """Reads weights with timm, which converts older files."""

    name: str
    path: Path

    def __call__(self) -> dict[str, Any]:
        """Return the entries, with those of the published classifier."""
        return _create(self.name, pretrained=True, pretrained_cfg_overlay={"file": str(self.path)}).state_dict()


def _weights(given: str, name: str, facts: Any) -> Weights:
    if facts.hf_hub_id:
        path = fetch_from_hub(name, facts.hf_hub_id, facts.hf_hub_filename or SAFE)
        place = f"https://huggingface.co/{facts.hf_hub_id}"
    else:
        path, place = fetch_from_web(name, facts.url), facts.url
    channels, height, width = facts.input_size
    return Weights(
        given.partition(".")[2],
        sha256_of(path),
        f"{place}, trained at {height}×{width}",
        TimmWeights(given, path),
        channels=channels,
        size=(height, width),
        mean=tuple(facts.mean),
        std=tuple(facts.std),
        interpolation=facts.interpolation,
    )


def _package() -> Any:
    return load_package("timm", "timm")


@lru_cache
def _tagged() -> frozenset[str]:
    return frozenset(_package().list_pretrained())
