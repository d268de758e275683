"""What all collections share: importing their package, downloading weights, and errors that say what to do."""

import importlib
import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import nn

from bakeoff.errors import BakeoffError, install
from bakeoff.lookup import hint
from bakeoff.nets.guard import seed_others
from bakeoff.nets.net import Build
from bakeoff.spec.data import ImageShape

SECONDS = 5.0
"""Time limit for finding out whether a host can be reached."""


def load_package(package: str, extra: str) -> Any:
    """Import the package of a collection.

    Raises:
        BakeoffError: it is not installed, or does not work with this version of torch.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == package.partition(".")[0]:
            raise BakeoffError(f"{package} is not installed: {install(repr(f'bakeoff[{extra}]'))}") from None
        raise BakeoffError(_unusable(package, error)) from error
    except Exception as error:
        raise BakeoffError(_unusable(package, error)) from error


def _unusable(package: str, error: Exception) -> str:
    first = str(error).strip().partition("\n")[0]
    return (
        f"{package} does not work with torch {torch.__version__} ({first}): install torch, torchvision and {package} "
        "together, in compatible versions"
    )


def unknown_name(name: str, known: list[str]) -> BakeoffError:
    """Return the error for a name that a collection does not have, with the nearest ones."""
    near = hint(name, known)
    if not near.startswith("did you mean"):
        near = f"bakeoff nets {name.partition(':')[0]} lists all {len(known):,}"
    return BakeoffError(f"unknown network {name!r}: {near}")


@dataclass(frozen=True)
class Guarded:
    """A builder of a collection, whose errors name the network and the images."""

    name: str
    build: Build
    size: tuple[int, int] | None = None
    """The only height and width that its weights fit, if there is one."""

    def __call__(self, shape: ImageShape, classes: int) -> nn.Module:
        """Build the network with random numbers from the current seed.

        Raises:
            BakeoffError: it cannot be built for these images.
        """
        if self.size and self.size != (shape.height, shape.width):
            height, width = self.size
            size = height if height == width else f"{height}x{width}"
            raise BakeoffError(
                f"{self.name} starts from weights for {height}×{width} pixels and accepts no other size; these images "
                f"are {shape.height}×{shape.width}: add --size {size}"
            )
        seed_others(torch.initial_seed())
        try:
            return self.build(shape, classes)
        except BakeoffError:
            raise
        except Exception as error:  # collections fail in many ways on small images
            reason = f"{type(error).__name__}: {error}"
            raise BakeoffError(f"{self.name} cannot be built for {shape} images: {reason}") from error


def fetch_from_hub(name: str, repository: str, file: str) -> Path:
    """Return a file of a repository on the Hugging Face hub, which is downloaded once to the hub's own cache.

    Raises:
        BakeoffError: it is not in the cache and cannot be downloaded.
    """
    hub = load_package("huggingface_hub", "hf")
    found = hub.try_to_load_from_cache(repository, file)
    if isinstance(found, str):
        return Path(found)
    cache = Path(hub.constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    by_hand = f"run hf download {repository} on a machine with internet access, and copy the folder to {cache}"
    if hub.constants.HF_HUB_OFFLINE:
        raise BakeoffError(
            f"{name} needs {file} of {repository}, which is not here, and HF_HUB_OFFLINE is set: {by_hand}"
        )
    return _download(name, hub.constants.ENDPOINT, by_hand, lambda: Path(hub.hf_hub_download(repository, file)))


def fetch_from_web(name: str, url: str) -> Path:
    """Return a file of torch's own cache, to which it is downloaded once; its name holds digits of its SHA-256.

    Raises:
        BakeoffError: it is not in the cache and cannot be downloaded.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name
    if path.exists():
        return path
    prefix = path.stem.rpartition("-")[2]

    def download() -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), prefix if len(prefix) == 8 else None, progress=False)
        return path

    return _download(name, url, f"download {url} on a machine with internet access, and copy it to {path}", download)


def _download(name: str, url: str, by_hand: str, download: Callable[[], Path]) -> Path:
    host = urlsplit(url).hostname or url
    if not is_reachable(url):
        raise BakeoffError(f"the weights of {name} are not on this machine, and {host} cannot be reached: {by_hand}")
    try:
        return download()
    except Exception as error:  # the clients raise their own errors, and those of the clients they use
        reason = str(error).strip().partition("\n")[0]
        raise BakeoffError(f"the weights of {name} cannot be downloaded from {host} ({reason}): {by_hand}") from error


def is_reachable(url: str) -> bool:
    """Return whether the host of a URL answers; the hub's own client would retry for half a minute."""
    if urllib.request.getproxies():
        return True
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 443), SECONDS):
            return True
    except OSError:
        return False
