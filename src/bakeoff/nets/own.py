"""Networks from a user's own files: `my_net.py`, or `my_net.py:TinyNet` where a file has several.

Such a network is called by its name and the content of its file, `TinyNet@1a2b3c4d`: another text is another network.
The text is kept beside the store, where workers read it, so that a study ends with the network it began with.
"""

import hashlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bakeoff.errors import BakeoffError
from bakeoff.nets.net import Net
from bakeoff.spec import ImageShape

CALLED = re.compile(r"\w+@[0-9a-f]{8}")

OWN: dict[str, "OwnNet"] = {}
"""Networks from files, by what they are called."""
FOLDERS: list[Path] = []
"""Where texts were kept: a worker looks there for what it does not have."""


@dataclass(frozen=True)
class OwnNet(Net):
    """A network from a file."""

    text: str = ""
    """The whole file."""
    file: str = ""
    """Where it was read."""


def add(given: str) -> str:
    """Read a network from a file and return what it is called from now on.

    Args:
        given: "my_net.py" or "my_net.py:TinyNet": a class or function that is called with the shape of one image
            (`images.channels`, `images.height`, `images.width`) and the number of classes, and gives a module from
            (N, C, H, W) float images to (N, classes) logits.

    Raises:
        BakeoffError: there is no such file, it fails, or it has no such network, or several.
    """
    stem, _, name = given.rpartition(".py")
    path = Path(f"{stem}.py").expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BakeoffError(f"cannot read the network {given}: {why}") from error
    return _add(text, path, name.removeprefix(":") or None)


def find(called: str) -> "OwnNet":
    """Return the network that is called so.

    Raises:
        BakeoffError: no file with it was given.
    """
    name, _, digest = called.partition("@")
    for folder in [] if called in OWN else FOLDERS:
        with suppress(FileNotFoundError):
            text = kept_path(folder, called).read_text(encoding="utf-8")
            if digest_of(text) != digest:
                raise BakeoffError(f"{kept_path(folder, called)} is not the text it was: start the command again")
            _add(text, kept_path(folder, called), name)
    if called not in OWN:
        raise BakeoffError(f"{called} comes from a file: give that, such as my_net.py:{name}")
    return OWN[called]


def keep(called: str, folder: Path) -> None:
    """Write the text of a network where workers look for it; nothing if it is not one from a file."""
    if called in OWN:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{called}.{os.getpid()}.tmp"  # another command's workers may be reading the file
        part.write_text(OWN[called].text, encoding="utf-8")
        part.replace(kept_path(folder, called))


def digest_of(text: str) -> str:
    """Return what tells one text of a file from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def kept_path(folder: Path, called: str) -> Path:
    """Return the file beside a store that has the text of a network."""
    return folder / f"{called}.py"


def try_out(called: str, shape: ImageShape, classes: int) -> None:
    """Send two black images through a network from a file, to know before the training that it gives logits.

    Raises:
        BakeoffError: it cannot be built for these images, fails on them, or gives something else.
    """
    net = OWN[called]
    black = torch.zeros(2, shape.channels, shape.height, shape.width)
    failing = f"{called} fails on {shape} images with {classes} classes"
    with torch.random.fork_rng([]), torch.no_grad(), told(failing, net.file):
        outputs: Any = net.build(shape, classes)(black)
    logits = outputs[0] if isinstance(outputs, tuple) else outputs
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if found != (2, classes):
        raise BakeoffError(f"{called} must give 2 × {classes} logits for 2 images of {shape}, and gives {found}")


def _add(text: str, path: Path, wanted: str | None) -> str:
    module = ModuleType(f"bakeoff_own_{digest_of(text)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickling look there
    with told(f"cannot read the network {path}", str(path)):
        exec(compile(text, str(path), "exec"), module.__dict__)
    builders = {name: value for name, value in vars(module).items() if _builds(value, module)}
    if not builders:
        raise BakeoffError(f"{path} has no network: no function or class of (shape of an image, number of classes)")
    if wanted is None and len(builders) > 1:
        raise BakeoffError(f"{path} has several networks: write {' or '.join(f'{path}:{name}' for name in builders)}")
    name = wanted or next(iter(builders))
    if name not in builders:
        raise BakeoffError(f"{path} has no network {name!r}; there are: {', '.join(builders)}")
    called = f"{name}@{digest_of(text)}"
    OWN[called] = OwnNet(builders[name], "own", 0, str(path), 1, text=text, file=str(path))
    return called


def _builds(value: Any, module: ModuleType) -> bool:
    """Tell whether something defined in the file can be called with two arguments, and is not private."""
    if not callable(value) or getattr(value, "__module__", "") != module.__name__ or value.__name__.startswith("_"):
        return False
    try:
        inspect.signature(value).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


@contextmanager
def told(what: str, file: str) -> Iterator[None]:
    """Turn whatever goes wrong in a user's file into one sentence with its line.

    Raises:
        BakeoffError: something did.
    """
    try:
        yield
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        at, why = lines[-1] if lines else None, str(error)
        if isinstance(error, SyntaxError):
            at, why = error.lineno, error.msg
        raise BakeoffError(f"{what}: {type(error).__name__}: {why}{f' (line {at})' if at else ''}") from error
