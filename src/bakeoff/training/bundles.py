"""Bundles: a file of weights with everything needed to use them, without the store and the training images.

A bundle is a safetensors file. Its tensors are the network's state dict, and its metadata has one entry, `bakeoff`: the
`Bundle` as JSON. Any program that reads safetensors can load the weights.
"""

import json
import math
import zlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bakeoff.data.dataset import Dataset
from bakeoff.data.depth import Depth
from bakeoff.data.normalize import Normalizer
from bakeoff.data.source_name import portable_name, public_name
from bakeoff.errors import BakeoffError
from bakeoff.measure.quality import quality
from bakeoff.nets import build, find_net, user_file
from bakeoff.nets.collections import COLLECTIONS
from bakeoff.nets.fast import to_device
from bakeoff.nets.sources import Source
from bakeoff.nets.user_file import OwnNet
from bakeoff.spec.data import ImageShape
from bakeoff.spec.run import Run, collection_of
from bakeoff.spec.values import Value, to_dict
from bakeoff.training.bundle_checks import check_values, check_weights
from bakeoff.training.bundle_values import Noted, Numbers, Text

KEY = "bakeoff"
"""Entry of a file's metadata."""


class Bundle(Value, frozen=True, kw_only=True):
    """What a trained network needs besides its weights."""

    run: Run
    """Network, data set, recipe and seed."""
    classes: tuple[str, ...]
    images: ImageShape
    """Of the images after decoding; the recipe's `image` says how they are resized after that."""
    is_folder: bool
    """Whether images come from files of any size, which are decoded at the size of `images`."""
    depth: Depth | None = None
    """How values of more than 8 bits become bytes."""
    scale: Numbers
    """Pixels x of 0–255 become scale·x + bias."""
    bias: Numbers
    sources: dict[str, Text] = {}
    """Modules of a user's own network, by name; "" is its file."""
    versions: dict[str, str] = {}
    measures: dict[str, float] = {}
    """Of the finished run: accuracy on the test images, cost and more; empty in files of older versions."""
    confusion: tuple[tuple[int, int, int], ...] = ()
    """(class, predicted class, test images) for each pair that occurs. It shows what makes a run unusable, such as a
    class that is never predicted. What only a comparison of runs can show is in the findings."""
    findings: tuple[Noted, ...] | None = None
    """What the audit of its store found about the run when the file was exported; None if it was not exported."""

    @property
    def input_shape(self) -> ImageShape:
        """Shape of the network's input."""
        return self.run.recipe.image.shape(self.images)

    @property
    def data_name(self) -> str:
        """The data set without the folder that it lies in: "my-photos"."""
        return public_name(self.run.data)

    def normalizer(self) -> Normalizer:
        """Return the normaliser of the training."""
        shape = (self.input_shape.channels, self.input_shape.height, self.input_shape.width)
        parts = (part.tensor().expand(shape) for part in (self.scale, self.bias))
        return Normalizer(*(part[None].contiguous(memory_format=torch.channels_last)[0] for part in parts))

    def confusion_matrix(self) -> np.ndarray:
        """Return the (K, K) int64 counts of test images of class [row] predicted as class [column]."""
        matrix = np.zeros((len(self.classes), len(self.classes)), np.int64)
        for true, said, images in self.confusion:
            matrix[true, said] = images
        return matrix


def make_bundle(run: Run, data: Dataset, normalizer: Normalizer) -> Bundle:
    """Return the bundle of a run."""
    return Bundle(
        run=portable(run),
        classes=tuple(map(str, data.info.classes)),
        images=ImageShape(*data.train.images.shape[1:]),
        is_folder=bool(data.sizes),
        depth=data.depth,
        scale=Numbers.of(normalizer.scale),
        bias=Numbers.of(normalizer.bias),
        sources=_sources(run.net),
        versions=_versions(run.net),
    )


def portable(run: Run) -> Run:
    """Return a run without local paths; its id is the same."""
    return msgspec.structs.replace(run, data=portable_name(run.data))


def _versions(net: str) -> dict[str, str]:
    """Return the versions of the packages that build a network; the name of a plug-in's network has its package's."""
    collection = COLLECTIONS.get(collection_of(net))
    packages = ["bakeoff", collection.package] if collection else ["bakeoff"]
    return {name: version(name) for name in packages} | {"torch": str(torch.__version__)}


def with_results(
    bundle: Bundle, measures: dict[str, float], labels: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray
) -> Bundle:
    """Return the bundle with the results of the run.

    Args:
        bundle: the bundle without results.
        measures: of the finished run.
        labels: (N,), those of the test images.
        predicted: (N,), the classes that they were given.
        probabilities: (N, K), those of all classes.
    """
    found = quality(labels, predicted, probabilities)
    cells = tuple((int(k), int(j), int(found.confusion[k, j])) for k, j in zip(*found.confusion.nonzero(), strict=True))
    calibration = {"test_brier": found.brier, "test_calibration_error": found.reliability.error}
    finite = {name: value for name, value in (measures | calibration).items() if math.isfinite(value)}
    return msgspec.structs.replace(bundle, measures=finite, confusion=cells)


def _sources(net: str) -> dict[str, Text]:
    """Return the source text of a user's own network; empty for others."""
    own = find_net(net)
    sources = own.sources if isinstance(own, OwnNet) else {}
    return {name: Text(source.text, Path(source.file).name) for name, source in sources.items()}


def to_metadata(bundle: Bundle) -> dict[str, str]:
    """Return the metadata of a bundle's file."""
    return {KEY: json.dumps(to_dict(bundle) | {"run": to_dict(bundle.run) | {"protocol": bundle.run.protocol}})}


def with_bundle(path: Path, bundle: Bundle) -> bytes:
    """Return the content of a file of weights with another description.

    Raises:
        OSError: the file cannot be read.
    """
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return safetensors.torch.save(tensors, to_metadata(bundle))


@dataclass(frozen=True)
class Loaded:
    """A bundle with its weights."""

    bundle: Bundle
    net: nn.Module
    """On the CPU, for evaluation."""


def has_bundle(path: Path) -> bool:
    """Return whether a file of weights is a bundle: older versions wrote the weights alone."""
    try:
        with safe_open(path, "pt") as file:
            return KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def read_description(path: Path) -> Bundle:
    """Read a bundle without its weights.

    Raises:
        BakeoffError: the file cannot be read, or is not a bundle.
    """
    return _read(path, with_tensors=False)[0]


def read_bundle(path: Path) -> Loaded:
    """Read a bundle and build its network.

    Code of a user's own network in it is executed: read only files that you trust.

    Raises:
        BakeoffError: the file cannot be read, is not a bundle, or does not fit the network.
    """
    bundle, tensors = _read(path, with_tensors=True)
    net = to_device(load_net(bundle, tensors, path), "cpu")  # as in training, for the same bits
    return Loaded(bundle, net.eval())


def _read(path: Path, *, with_tensors: bool) -> tuple[Bundle, dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
            names = file.keys() if with_tensors else ()
            # Copied: the length of the file's header decides how they are aligned, and that changes last bits.
            tensors = {name: file.get_tensor(name).clone() for name in names}
    except FileNotFoundError:
        raise BakeoffError(f"{path} does not exist") from None
    except (OSError, SafetensorError) as error:
        raise BakeoffError(f"cannot read the model {path}: {error}") from error
    if text is None:
        raise BakeoffError(f"{path} holds weights without classes and image settings: it is from an older version")
    try:
        bundle = msgspec.convert({"run": None} | dict(json.loads(text)), Bundle)
        check_values(bundle)
    except (ValueError, TypeError, RecursionError, zlib.error) as error:
        raise BakeoffError(
            f"cannot read the model {path}: it is damaged, or was written by another version ({error})"
        ) from error
    return bundle, tensors


def load_net(bundle: Bundle, tensors: dict[str, Tensor], path: Path) -> nn.Module:
    """Build the network of a bundle and load its weights.

    Raises:
        BakeoffError: the weights do not fit the network.
    """
    name = bundle.run.net
    if bundle.sources:
        sources = {part: Source(text.text, text.file) for part, text in bundle.sources.items()}
        user_file.register_net(sources, [name.partition("@")[0]])
    try:
        net = _empty_net(name, bundle)
        check_weights(net.state_dict(), tensors, name, str(path))
        net.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        raise BakeoffError(f"the weights in {path} do not fit {name}: {error}") from error
    return net


def _empty_net(name: str, bundle: Bundle) -> nn.Module:
    """Build the network without the weights that it started from, which need not be on this machine."""
    with torch.random.fork_rng([]):
        try:
            with torch.device("meta"):
                net = build(name, bundle.input_shape, len(bundle.classes))
        except BakeoffError:
            architecture, started, _ = name.rpartition(":")
            if not started or architecture in COLLECTIONS:
                raise
            return _empty_net(architecture, bundle)
        except Exception:  # not every network can be built on the meta device
            return build(name, bundle.input_shape, len(bundle.classes))
        missing = {key for key, value in [*net.named_parameters(), *net.named_buffers()] if value.is_meta}
        if missing <= net.state_dict().keys():
            return net
        return build(name, bundle.input_shape, len(bundle.classes))  # some buffers are not part of the state
