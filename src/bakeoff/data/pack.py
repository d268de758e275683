"""Packed data sets: arrays as `.npy` files with a `meta.json`, written once, then memory-mapped.

A pack is written to a temporary folder that is renamed when complete, so a killed process leaves no partial pack. If
two processes write the same pack, the second to finish uses the first one's.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.depth import Depth
from bakeoff.data.local_folders import cache_folder, tag_cache_folder
from bakeoff.data.manifest import Manifest
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.paths import move_folder, replace_folder
from bakeoff.spec.values import Value

FORMAT = 2
"""Version of the layout and the decoding; part of every pack's name."""
ABANDONED = 24 * 3600
"""Age in seconds after which a temporary folder counts as left over from a killed process."""


class Meta(Value, frozen=True, kw_only=True):
    """The content of `meta.json`."""

    info: DataInfo
    source: str
    licence: str
    citation: str
    skipped: tuple[tuple[str, str], ...] = ()
    sizes: tuple[tuple[int, int, int], ...] = ()
    manifest: Manifest = {}
    depth: Depth | None = None
    made_test: bool = False


class Split(NamedTuple):
    """Images of one split to be packed."""

    chunks: Iterable[np.ndarray]
    """The images in pieces, (n, C, H, W) uint8."""
    labels: np.ndarray
    """(N,)"""
    files: tuple[str, ...] = ()
    """The file each image comes from, if every image has one."""
    groups: tuple[str, ...] = ()
    """The group of each image, if any image has one; see `Images.groups`."""


def pack_folder(key: str) -> Path:
    """Return the folder of the pack `key`, whether or not it exists."""
    return cache_folder() / "packs" / f"{key}-{FORMAT}"


def open_pack(folder: Path) -> Dataset | None:
    """Return the data set packed in `folder`, or None if there is no intact pack."""
    try:
        meta = msgspec.json.decode((folder / "meta.json").read_bytes(), type=Meta)
        info = meta.info
        return Dataset(
            info=info,
            train=_open_split(folder, "train", info.shape, info.train_images),
            validation=_open_split(folder, "validation", info.shape, info.validation_images)
            if info.validation_images
            else None,
            test=_open_split(folder, "test", info.shape, info.test_images),
            source=meta.source,
            licence=meta.licence,
            citation=meta.citation,
            skipped=meta.skipped,
            sizes=meta.sizes,
            manifest=meta.manifest,
            depth=meta.depth,
            pack=folder,
            made_test=meta.made_test,
        )
    except (OSError, ValueError, EOFError, msgspec.MsgspecError):
        return None


def _open_split(folder: Path, name: str, shape: ImageShape | None, count: int) -> Images:
    labels = np.load(folder / f"{name}-labels.npy", allow_pickle=False)
    # Copy-on-write ("c") shares the pages and avoids torch.from_numpy's warning about read-only arrays.
    images = np.load(folder / f"{name}-images.npy", mmap_mode="c", allow_pickle=False).view(np.ndarray)
    expected = (count, shape.channels, shape.height, shape.width) if shape else ()
    if images.shape != expected or images.dtype != np.uint8 or labels.shape != (count,):
        raise ValueError(f"{name}: the arrays do not match meta.json")
    groups = folder / f"{name}-groups.json"
    return Images(images, labels, _read_texts(groups) if groups.exists() else ())


def write_pack(folder: Path, meta: Meta, splits: Mapping[str, Split]) -> Dataset:
    """Write a pack to `folder` and return the data set, opened from there.

    Raises:
        BakeoffError: the cache folder cannot be written or the disk is full.
    """
    with scratch() as temporary:
        for name, split in splits.items():
            _write_images(temporary / f"{name}-images.npy", split, meta.info.shape)
            with (temporary / f"{name}-labels.npy").open("wb") as file:
                np.save(file, split.labels.astype(np.int64))
                _to_disk(file)
            for what, texts in {"files": split.files, "groups": split.groups}.items():
                if texts:
                    _write(temporary / f"{name}-{what}.json", msgspec.json.encode(texts))
        _write(temporary / "meta.json", msgspec.json.format(msgspec.json.encode(meta)))
        place = replace_folder if folder.exists() and open_pack(folder) is None else move_folder
        place(temporary, folder)
    dataset = open_pack(folder)
    if dataset is None:
        raise BakeoffError(f"{folder} cannot be read although it was just written: check the disk")
    return dataset


def _write_images(path: Path, split: Split, shape: ImageShape | None) -> None:
    assert shape is not None, "images of several sizes are resized before they are packed"
    header = {
        "descr": "|u1",
        "fortran_order": False,
        "shape": (len(split.labels), shape.channels, shape.height, shape.width),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in split.chunks:
            file.write(np.ascontiguousarray(chunk, np.uint8).data)
        _to_disk(file)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        _to_disk(file)


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def scratch() -> Iterator[Path]:
    """Create a temporary folder next to the packs, and remove it at the end unless it was renamed.

    Raises:
        BakeoffError: the cache folder cannot be written or the disk is full.
    """
    parent = cache_folder() / "packs"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        tag_cache_folder()
        for old in parent.glob(".*.tmp"):
            if time.time() - old.stat().st_mtime > ABANDONED:
                shutil.rmtree(old, ignore_errors=True)
        temporary = parent / f".{secrets.token_hex(8)}.tmp"
        temporary.mkdir()
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise BakeoffError(
            f"cannot write packed data to {parent} ({error.strerror}): "
            "free space there, or set $BAKEOFF_CACHE to another folder"
        ) from error


def file_names(dataset: Dataset, split: str) -> tuple[str, ...]:
    """Return the file of each image of `split`, relative to the image folder; () for built-in data sets."""
    if split in dataset.files:
        return dataset.files[split]
    path = dataset.pack / f"{split}-files.json" if dataset.pack else None
    if path is None or not path.exists():
        return ()
    return _read_texts(path)


def _read_texts(path: Path) -> tuple[str, ...]:
    return msgspec.json.decode(path.read_bytes(), type=tuple[str, ...])
