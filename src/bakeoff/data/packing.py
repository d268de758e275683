"""Decodes an image folder into a pack, in bounded memory and after checking the disk space."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from bakeoff.data import decode
from bakeoff.data.dataset import Dataset, Progress
from bakeoff.data.depth import FULL, Depth
from bakeoff.data.file_names import display_path
from bakeoff.data.pack import Meta, Split, scratch, write_pack
from bakeoff.data.scan import FILES_PER_TASK, Scan, Task, arrange, check_classes, in_processes
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Image
from bakeoff.text.formats import byte_size

CHUNK = 4 * 2**20
"""Bytes of pixels copied at once."""
SMALL = 2**20
"""Images of up to this many pixels are decoded without regard to memory."""
PIXELS_PER_TASK = 2**26
"""Pixels in the files of one task, before they are decoded at a reduced scale: a fraction of a second."""
PIXELS_AT_ONCE = 2**27
"""Pixels that all processes together decode at once: 4 bytes each, twice that while transparency is removed."""


def pack_files(scan: Scan, image: Image, folder: Path, progress: Progress | None = None) -> Dataset:
    """Decode the files of `scan` into the pack `folder` and return the data set.

    Raises:
        BakeoffError: several sizes and no `image.size`, too few readable images, or not enough disk space.
    """
    sizes = scan.sizes()
    if len(sizes) > 1 and image.size is None:
        raise _several_sizes(scan)
    size = image.size or sizes[0][:2]
    with scratch() as temporary:
        _check_room(scan, size, temporary)
        depth = _depth_of(scan, progress)
        # Records are in the order of the paths, for sequential reads, until it is known which files are readable and
        # whether any has colour.
        pixels = temporary / "pixels"
        failures, coloured = _decode(scan, replace(image, size=size), depth, pixels, progress)
        skipped = scan.skipped + tuple((display_path(scan.files[i].path), reason) for i, reason in failures)
        bad = {i for i, _ in failures}
        good = [i for i in range(len(scan.files)) if i not in bad]
        check_classes(scan.tree, [scan.files[i] for i in good], {scan.files[i]: reason for i, reason in failures})
        channels = 3 if coloured else 1
        splits = {
            name: Split(
                _gather(pixels, (len(scan.files), 3, *size), records, channels),
                np.array([scan.files[i].label for i in records]),
                tuple(display_path(scan.files[i].path) for i in records),
                scan.groups(records),
            )
            for name, records in arrange(scan, good).items()
        }
        counts = {name: len(split.labels) for name, split in splits.items()}
        meta = Meta(
            info=folder_facts(scan, counts, ImageShape(channels, *size)),
            source="image folder",
            licence="unknown",
            citation="",
            skipped=skipped,
            sizes=sizes,
            manifest=scan.manifest(),
            depth=depth,
            made_test=not scan.has_test,
        )
        return write_pack(folder, meta, splits)


def folder_facts(scan: Scan, counts: dict[str, int], shape: ImageShape | None) -> DataInfo:
    """Return the facts about a folder whose splits have `counts` images."""
    return DataInfo(
        name=scan.name,
        shape=shape,
        classes=scan.tree.classes,
        content_hash=scan.content_hash(),
        train_images=counts["train"],
        validation_images=counts.get("validation", 0),
        test_images=counts["test"],
        photographs=True,
    )


def packing_space(images: int, size: decode.Size) -> int:
    """Return the bytes of disk space that packing needs: all images twice, half of it temporarily."""
    return 2 * images * 3 * size[0] * size[1]


def _check_room(scan: Scan, size: decode.Size, folder: Path) -> None:
    need, free = packing_space(len(scan.files), size), shutil.disk_usage(folder).free
    if need > free:
        raise BakeoffError(
            f"packing {len(scan.files):,} images of {scan.name} at {size[0]}×{size[1]} needs {byte_size(need)} in "
            f"{folder.parent}, where {byte_size(free)} are free: resize them, e.g. --size 64, "
            "free space, or set $BAKEOFF_CACHE to another folder"
        )


def _several_sizes(scan: Scan) -> BakeoffError:
    sizes = scan.sizes()
    examples = ", ".join(f"{height}×{width} ({count})" for height, width, count in sizes[:3])
    return BakeoffError(
        f"the images of {scan.name} have {len(sizes)} sizes, {examples}{', …' if len(sizes) > 3 else ''}: "
        "choose one size, e.g. --size 64"
    )


def _depth_of(scan: Scan, progress: Progress | None) -> Depth | None:
    """Return the depth of the files of a folder with more than 8 bits, None if there are none."""
    deep = [i for i, header in enumerate(scan.headers) if header.is_deep]
    tasks = [
        Task((scan.tree.root, paths), len(paths), n) for n, _, paths in _portions(scan, deep, (10**9, 10**9), "pad")
    ]
    found = [
        one for one in in_processes(decode.read_extremes, tasks, f"measuring the depth of {scan.name}", progress) if one
    ]
    return Depth.of(min(low for low, _ in found), max(high for _, high in found)) if found else None


def _portions(
    scan: Scan, records: list[int], size: decode.Size, fit: decode.Fit
) -> Iterator[tuple[int, list[int], list[str]]]:
    """Yield (processes, records, paths): portions with the number of processes that may decode such images at once."""
    pixels = {i: max(SMALL, scan.headers[i].pixels_at(size, fit)).bit_length() for i in records}
    for bits in sorted(set(pixels.values())):
        own = [i for i in records if pixels[i] == bits]
        largest = max(scan.headers[i].height * scan.headers[i].width for i in own)
        most = max(1, min(FILES_PER_TASK, PIXELS_PER_TASK // largest))  # few photographs should occupy all cores, too
        step = most if bits == SMALL.bit_length() else 1
        for start in range(0, len(own), step):
            part = own[start : start + step]
            yield max(1, PIXELS_AT_ONCE >> bits), part, [scan.files[i].path for i in part]


def _decode(
    scan: Scan, image: Image, depth: Depth | None, pixels: Path, progress: Progress | None
) -> tuple[list[tuple[int, str]], bool]:
    """Write every image of `scan` as a record (3, H, W) to the file `pixels`; return failures, and whether any has
    colour."""
    size, fit = image.size, image.fit
    assert size
    with pixels.open("wb") as file:
        file.truncate(len(scan.files) * 3 * size[0] * size[1])
    tasks = [
        Task((pixels, part, scan.tree.root, paths, size, fit, depth or FULL, image.interpolation), len(part), processes)
        for processes, part, paths in _portions(scan, list(range(len(scan.files))), size, fit)
    ]
    what = f"packing {scan.name} at {size[0]}×{size[1]} ({byte_size(packing_space(len(scan.files), size))})"
    failures, coloured = [], False
    for failed, any_colours in in_processes(decode.decode_into, tasks, what, progress):
        failures += failed
        coloured = coloured or any_colours
    return sorted(failures), coloured


def _gather(pixels: Path, shape: tuple[int, ...], records: list[int], channels: int) -> Iterator[np.ndarray]:
    """Yield the pixels of `records` in pieces; the file is mapped again for each, to limit the resident memory."""
    step = max(1, CHUNK // math.prod(shape[1:]))
    for i in range(0, len(records), step):
        mapped = np.memmap(pixels, np.uint8, "r", shape=shape)
        yield mapped[records[i : i + step], :channels]
