"""Weights from a user's own file, for any network: `resnet20:my.safetensors`, also .pth and .pt.

The network is named by the file's name and a hash of its content, `resnet20:my@1a2b3c4d`. Like the sources of users'
networks, the file is copied next to the store, so that workers and resumed studies find it even if it was moved.
"""

import hashlib
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from bakeoff.errors import BakeoffError
from bakeoff.nets import user_file
from bakeoff.nets.weights import Weights
from bakeoff.spec.paths import written_whole

ADDED: dict[str, Weights] = {}
"""Weights from files, by the part of a network's name after the colon."""
ENDINGS = (".safetensors", ".pth", ".pt")
NESTED = ("state_dict", "model_state_dict", "model", "net")
"""Names under which .pth files keep the weights, next to the epoch and other values."""
WRAPPED = "module."
"""Prefix that torch's DataParallel adds to all names."""


@dataclass(frozen=True)
class WeightsFile:
    """A file and what it must contain."""

    path: Path
    sha256: str

    def __call__(self) -> dict[str, Any]:
        """Return the entries of the file.

        Raises:
            BakeoffError: it has changed since, cannot be read, or holds anything but tensors.
        """
        if sha256_of(self.path) != self.sha256:
            raise BakeoffError(f"{self.path} has changed: run the command again")
        return read_weights(self.path)


def is_name(name: str) -> bool:
    """Return whether this is the name of a weights file, such as `my@1a2b3c4d`."""
    return re.fullmatch(r"[\w.-]+@[0-9a-f]{8}", name) is not None


def register_weights(path: Path) -> str:
    """Register a weights file and return its name.

    Raises:
        BakeoffError: it cannot be read, or holds anything but tensors.
    """
    path = path.expanduser().absolute()
    sha256 = sha256_of(path)
    read_weights(path)
    stem = re.sub(r"[^\w.-]", "-", path.stem)[:40]
    return _enter(f"{stem}@{sha256[:8]}", path, sha256)


def _enter(name: str, path: Path, sha256: str) -> str:
    ADDED[name] = Weights(name, sha256, f"the weights of {path}", WeightsFile(path, sha256), channels=None)
    return name


def find_registered_weights(name: str, architecture: str) -> Weights:
    """Return the weights with this name.

    Raises:
        BakeoffError: no file with this name and content was given.
    """
    stem, _, digest = name.partition("@")
    for folder in [] if name in ADDED else user_file.FOLDERS:
        for path in (copy_path(folder, name, ending) for ending in ENDINGS):
            if path.exists():
                sha256 = sha256_of(path)
                if not sha256.startswith(digest):
                    raise BakeoffError(f"{path} has changed: run the command again")
                _enter(name, path, sha256)
    if name not in ADDED:
        raise BakeoffError(f"{name} comes from a file of weights: give that, such as {architecture}:{stem}.safetensors")
    return ADDED[name]


def save_copy(name: str, folder: Path) -> None:
    """Copy a file of weights to where workers look for it; nothing if it is there, or is not one that was given.

    Raises:
        BakeoffError: the file has changed since, or the copy cannot be written.
    """
    weights = ADDED.get(name)
    if weights is None or not isinstance(weights.read, WeightsFile):
        return
    source = weights.read
    target = copy_path(folder, name, source.path.suffix.lower())
    if target.exists() and sha256_of(target) == source.sha256:
        return
    try:
        with source.path.open("rb") as given, written_whole(target) as copy:
            shutil.copyfileobj(given, copy)
    except OSError as error:
        raise BakeoffError(f"cannot copy {source.path} to {target}: {error.strerror or error}") from error
    if sha256_of(target) != source.sha256:
        target.unlink()
        raise BakeoffError(f"{source.path} has changed: run the command again")


def copy_path(folder: Path, name: str, ending: str) -> Path:
    """Return the file beside a store that has these weights."""
    return folder / f"{name}{ending}"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        BakeoffError: it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise BakeoffError(f"cannot read the weights {path}: it is not a file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BakeoffError(f"cannot read the weights {path}: {error.strerror or error}") from error


def read_weights(path: Path) -> dict[str, Any]:
    """Return the tensors in a file by name, without unpickling anything else.

    Raises:
        BakeoffError: it is damaged, or holds something else.
    """
    is_plain = path.suffix.lower() == ".safetensors"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of versions of pickle before it refuses them
            found = load_file(path) if is_plain else torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except UnpicklingError as error:
        raise BakeoffError(
            f"cannot read the weights {path}: it is damaged or holds more than tensors, and nothing else is unpickled: "
            "save them with torch.save(net.state_dict(), file)"
        ) from error
    except Exception as error:  # a damaged file can raise almost anything
        reason = (str(error) or type(error).__name__) if path.stat().st_size else "the file is empty"
        raise BakeoffError(f"cannot read the weights {path}: {reason}: save them again") from error
    entries = _unwrapped(found)
    if not entries or not any(isinstance(entry, Tensor) for entry in entries.values()):
        raise BakeoffError(f"{path} holds no weights by name: save them with torch.save(net.state_dict(), file)")
    return entries


def _unwrapped(found: Any) -> dict[str, Any]:
    """Return the entries of a state dict, or of one within what training scripts save."""
    if not isinstance(found, Mapping):
        return {}
    for name in NESTED:
        if isinstance(found.get(name), Mapping):
            return _unwrapped(found[name])
    is_wrapped = all(str(name).startswith(WRAPPED) for name in found)
    return {str(name).removeprefix(WRAPPED) if is_wrapped else str(name): entry for name, entry in found.items()}
