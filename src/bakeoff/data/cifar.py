"""Reads the binary version of CIFAR directly from its archive (https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label byte (two for CIFAR-100: coarse, then fine) and 3,072 bytes of pixels: the red, green and blue
plane, each row by row.
"""

import tarfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bakeoff.errors import BakeoffError

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
LARGEST = 2**28
"""Upper limit on the bytes of a member; the largest, CIFAR-100's training images, has 154 MB."""


class FileNames(NamedTuple):
    """The members of an archive."""

    names: str
    """The member with one class name per line."""
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    """Label bytes per record; the last one is the class."""


CIFAR10 = FileNames(
    names="batches.meta.txt",
    train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test=("test_batch.bin",),
    label_bytes=1,
)
CIFAR100 = FileNames(names="fine_label_names.txt", train=("train.bin",), test=("test.bin",), label_bytes=2)


class CifarFiles(NamedTuple):
    """Class names, and (N, 3, 32, 32) uint8 images with (N,) int64 labels."""

    classes: tuple[str, ...]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def read_cifar(path: Path, layout: FileNames) -> CifarFiles:
    """Return the content of the `.tar.gz` archive `path`; nothing is written to disk.

    Raises:
        BakeoffError: the archive is damaged, lacks a file, or a file has an incomplete record.
    """
    members = _read_members(path, {layout.names, *layout.train, *layout.test})
    names = members[layout.names].decode("utf-8", "replace").split()

    def split(files: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        parts = [read_records(members[file], layout.label_bytes, len(names), f"{path}: {file}") for file in files]
        images, labels = zip(*parts, strict=True)
        return np.concatenate(images), np.concatenate(labels)

    return CifarFiles(tuple(names), split(layout.train), split(layout.test))


def read_records(content: bytes, label_bytes: int, classes: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and labels (N,) int64 of the records in `content`.

    Raises:
        BakeoffError: a record is incomplete or a label is not a class; the message starts with `where`.
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
    """Return the contents of the regular files in the archive whose names are in `wanted`."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if member.isfile() and name in wanted and member.size <= LARGEST:
                    file = archive.extractfile(member)
                    members[name] = file.read() if file else b""
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise BakeoffError(f"{path} is a damaged archive ({error}): delete it to download it again") from error
    if missing := sorted(wanted - members.keys()):
        raise BakeoffError(f"{path} is incomplete, {', '.join(missing)} missing: delete it to download it again")
    return members
