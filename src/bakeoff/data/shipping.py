"""Packed data sets on their way to other machines: described, looked up, and received into their caches."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bakeoff.data.dataset import Dataset, Images
from bakeoff.data.local_folders import cache_folder
from bakeoff.data.pack import Meta, Split, open_pack, pack_folder, scratch, write_pack
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo
from bakeoff.spec.paths import replace_folder
from bakeoff.spec.values import Value

CHUNK = 32 * 2**20
"""Bytes read at a time."""


class PackedFile(Value, frozen=True):
    """A file of a pack."""

    name: str
    size: int
    checksum: int
    """CRC-32."""


class Shipment(Value, frozen=True):
    """A pack, with what is needed to find out whether another machine already has it."""

    folder: str
    """Its name in the cache."""
    files: tuple[PackedFile, ...]
    info: DataInfo
    """Facts about the data set that is opened from it."""

    @property
    def bytes(self) -> int:
        """Its size."""
        return sum(file.size for file in self.files)


def packed(dataset: Dataset, *, is_version: bool, key: str) -> Path:
    """Return a folder with the arrays of a data set.

    A version of another data set (`is_version`), or one whose arrays are not in the cache, is written there first,
    under a name with the key of its pixels.

    Raises:
        BakeoffError: the cache cannot be written.
    """
    if dataset.pack and not is_version and dataset.pack.parent == cache_folder() / "packs":
        return dataset.pack
    folder = pack_folder(f"shipped-{key}")
    if open_pack(folder) is None:
        meta = Meta(info=dataset.info, source=dataset.source, licence=dataset.licence, citation=dataset.citation)
        parts = {
            name: Split(_chunks(images), images.labels, groups=images.groups)
            for name, images in dataset.splits().items()
        }
        write_pack(folder, meta, parts)
    return folder


def _chunks(images: Images, count: int = 4096) -> Iterator:
    return (images.images[start : start + count] for start in range(0, len(images), count))


def shipment(folder: Path, info: DataInfo) -> Shipment:
    """Describe a pack."""
    files = []
    for path in sorted(folder.iterdir()):
        size = checksum = 0
        for chunk in read_chunks(path):
            size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
        files.append(PackedFile(path.name, size, checksum))
    return Shipment(folder.name, tuple(files), info)


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces of `CHUNK` bytes."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def receive(wanted: Shipment, chunks_of: Callable[[str], Iterator[bytes]]) -> Path:
    """Return the folder with a pack in the cache of this machine; fetch it if it is not there.

    Processes that want the same pack at the same time wait for the first one.

    Args:
        wanted: the pack.
        chunks_of: gives the content of a file in pieces.

    Raises:
        BakeoffError: what arrives is not what was sent, or the cache cannot be written.
    """
    from filelock import FileLock

    folder = cache_folder() / "packs" / wanted.folder
    if _has_arrived(wanted, folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{wanted.folder}.lock"))
        with lock:
            if not _has_arrived(wanted, folder):
                _fetch(wanted, folder, chunks_of)
    except OSError as error:
        raise BakeoffError(f"cannot write the images to {folder}: {error.strerror or error}") from error
    return folder


def _has_arrived(wanted: Shipment, folder: Path) -> bool:
    """Return whether a folder has files of these names and sizes, and the same description of what they hold."""
    try:
        sizes = all((folder / file.name).stat().st_size == file.size for file in wanted.files)
        meta = next(file for file in wanted.files if file.name == "meta.json")
        return sizes and zlib.crc32((folder / "meta.json").read_bytes()) == meta.checksum
    except OSError:
        return False


def _fetch(wanted: Shipment, folder: Path, chunks_of: Callable[[str], Iterator[bytes]]) -> None:
    with scratch() as temporary:
        for file in wanted.files:
            size = checksum = 0
            with (temporary / Path(file.name).name).open("wb") as target:
                for chunk in chunks_of(file.name):
                    target.write(chunk)
                    size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
            if (size, checksum) != (file.size, file.checksum):
                raise BakeoffError(
                    f"{file.name} of the images {wanted.info.name} arrived damaged ({size:,} of {file.size:,} bytes): "
                    "run the command again"
                )
        if not _has_arrived(wanted, folder):
            replace_folder(temporary, folder)  # an incomplete pack, or one of other content


def open_shipped(folder: Path, info: DataInfo) -> Dataset:
    """Open a pack that was received, under the name that its runs record.

    Raises:
        BakeoffError: it is gone.
    """
    found = open_pack(folder)
    if found is None:
        raise BakeoffError(f"the images in {folder} are gone or damaged: run the command again")
    return replace(found, info=info)
