"""Loading a built-in data set: fetched, read and packed the first time, opened in milliseconds afterwards."""

import hashlib

import numpy as np

from bakeoff.data.catalogue import Entry, Labelled
from bakeoff.data.dataset import Dataset, Progress
from bakeoff.data.fetch import fetch
from bakeoff.data.pack import Meta, Split, open_pack, pack_folder, write_pack
from bakeoff.errors import BakeoffError
from bakeoff.spec import DataInfo, ImageShape, digest


def load_builtin(entry: Entry, progress: Progress | None = None) -> Dataset:
    """Return the data set; its files' checksums are verified once, before it is packed.

    Raises:
        BakeoffError: a file is missing and cannot be downloaded, is damaged, or is not what it should be.
    """
    folder = pack_folder(entry.name)
    if packed := open_pack(folder):
        return packed
    folder_of_files = "svhn" if entry.name == "svhn-extra" else entry.name
    classes, train, test = entry.read(*(fetch(folder_of_files, remote, progress) for remote in entry.files))
    info = DataInfo(
        name=entry.name,
        shape=ImageShape(*train[0].shape[1:]),
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
    return write_pack(folder, meta, {"train": Split([train[0]], train[1]), "test": Split([test[0]], test[1])})


def content_hash(classes: tuple[str, ...], splits: dict[str, Labelled]) -> str:
    """Return the SHA-256 over class names, splits, shapes, pixels and labels, in hexadecimal."""
    parts = [
        (name, images.shape, hashlib.sha256(np.ascontiguousarray(images).data).hexdigest(), labels.tolist())
        for name, (images, labels) in splits.items()
    ]
    return digest([classes, parts])
