"""Reader of CIFAR's binary version, straight from the archive (https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label byte (CIFAR-100: a coarse one before the fine one) and 3,072 pixels, planes of red, green
and blue in turn, row by row.
"""

import tarfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bakeoff.errors import BakeoffError

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32


class Layout(NamedTuple):
    """Where an archive keeps what."""

    names: str
    """The member with one class name per line."""
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    """Label bytes of a record; the last one is the class."""


CIFAR10 = Layout(
    names="batches.meta.txt",
    train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test=("test_batch.bin",),
    label_bytes=1,
)
CIFAR100 = Layout(names="fine_label_names.txt", train=("train.bin",), test=("test.bin",), label_bytes=2)


class Content(NamedTuple):
    """What an archive holds: class names, and (N, 3, 32, 32) uint8 images with (N,) int64 labels."""

    classes: tuple[str, ...]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def read_cifar(path: Path, layout: Layout) -> Content:
    """Return what the `.tar.gz` archive `path` holds; nothing is written to disk.

    Raises:
        BakeoffError: the archive is damaged, lacks a file, or a file does not consist of whole records.
    """
    members = _read_members(path, {layout.names, *layout.train, *layout.test})
    names = members[layout.names].decode("utf-8", "replace").split()

    def split(files: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        parts = [read_records(members[file], layout.label_bytes, len(names), f"{path}: {file}") for file in files]
        images, labels = zip(*parts, strict=True)
        return np.concatenate(images), np.concatenate(labels)

    return Content(tuple(names), split(layout.train), split(layout.test))


def read_records(content: bytes, label_bytes: int, classes: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and labels (N,) int64 of the records in `content`.

    Raises:
        BakeoffError: the length is no multiple of a record's, or a label is no class; `where` names the place.
    """
    record = label_bytes + PIXELS
    if not content or len(content) % record:
        raise BakeoffError(f"{where}: expected whole records of {record} bytes, found {len(content)} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    labels = records[:, label_bytes - 1].astype(np.int64)
    if labels.max() >= classes:
        raise BakeoffError(f"{where}: expected labels below {classes}, found {labels.max()}")
    return records[:, label_bytes:].reshape(-1, *SHAPE), labels


def _read_members(path: Path, wanted: set[str]) -> dict[str, bytes]:
    """Return the contents of the regular files in the archive that are called one of `wanted`."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if member.isfile() and name in wanted:
                    file = archive.extractfile(member)
                    members[name] = file.read() if file else b""
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise BakeoffError(f"{path} is a damaged archive ({error}): delete it to have it downloaded again") from error
    if missing := sorted(wanted - members.keys()):
        raise BakeoffError(f"{path}: expected {', '.join(missing)} in the archive, found no such file")
    return members
