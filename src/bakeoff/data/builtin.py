"""Loads a built-in data set: fetched and packed the first time, opened in milliseconds afterwards."""

import hashlib
from collections.abc import Iterator

import numpy as np

from bakeoff.data.catalogue import Entry, Labelled
from bakeoff.data.dataset import Dataset, Progress
from bakeoff.data.fetch import fetch
from bakeoff.data.local_folders import data_folders
from bakeoff.data.pack import Meta, Split, open_pack, pack_folder, write_pack
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.values import digest

CHUNK = 4096
"""Images copied at once."""


def load_builtin(entry: Entry, progress: Progress | None = None) -> Dataset:
    """Return the data set; the checksums of its files are verified once, before it is packed.

    Raises:
        BakeoffError: a file is missing and cannot be downloaded, is damaged, or has unexpected content.
    """
    folder = pack_folder(entry.name)
    if packed := open_pack(folder):
        return packed
    classes, train, test = entry.read(*(fetch(entry.folder, remote, progress) for remote in entry.files))
    info = DataInfo(
        name=entry.name,
        shape=ImageShape(*train[0][0].shape[1:]),
        classes=classes,
        content_hash=content_hash(classes, {"train": train, "test": test}),
        train_images=len(train[1]),
        validation_images=0,
        test_images=len(test[1]),
        photographs=entry.photographs,
    )
    found = (info.shape, len(classes), info.train_images, info.test_images)
    expected = (entry.shape, entry.classes, entry.train_images, entry.test_images)
    if found != expected:
        raise BakeoffError(
            f"{entry.name}: expected shape, classes, training and test images "
            f"{' '.join(map(str, expected))}, found {' '.join(map(str, found))}"
        )
    meta = Meta(info=info, source=entry.source, licence=entry.licence, citation=entry.citation)
    splits = {"train": train, "test": test}
    return write_pack(folder, meta, {name: Split(_chunks(images), labels) for name, (images, labels) in splits.items()})


def is_cached(entry: Entry) -> bool:
    """Return whether the data set can be loaded without downloading anything."""
    if open_pack(pack_folder(entry.name)):
        return True
    places = [folder / entry.folder for folder in data_folders()]
    return all(any((place / remote.name).is_file() for place in places) for remote in entry.files)


def content_hash(classes: tuple[str, ...], splits: dict[str, Labelled]) -> str:
    """Return the SHA-256 of class names, splits, shapes, pixels and labels, in hexadecimal."""
    parts = []
    for name, (images, labels) in splits.items():
        pixels = hashlib.sha256()
        for chunk in _chunks(images):
            pixels.update(chunk.data)
        parts.append((name, (len(labels), *images[0].shape[1:]), pixels.hexdigest(), labels.tolist()))
    return digest([classes, parts])


def _chunks(pieces: tuple[np.ndarray, ...]) -> Iterator[np.ndarray]:
    """Yield the images in small contiguous arrays: `svhn-extra` has 1.9 GB, too much to copy at once."""
    for piece in pieces:
        for start in range(0, len(piece), CHUNK):
            yield np.ascontiguousarray(piece[start : start + CHUNK])
