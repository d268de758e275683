"""Image files, in a folder or listed in a table, or copied from the hub, decoded once into a pack.

The images of a split are ordered by the SHA-256 of their files, which does not depend on names: a folder that is
renamed, copied or sorted differently gives the same results. Without a test split, a fifth of every class becomes the
test split, chosen by a second hash. Copies of a file stay in the same split.
"""

import contextlib
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images, Progress
from bakeoff.data.file_names import display_path
from bakeoff.data.listed import list_table
from bakeoff.data.local_folders import cache_folder, remember
from bakeoff.data.pack import open_pack, pack_folder
from bakeoff.data.packing import folder_facts, pack_files, packing_space
from bakeoff.data.scan import arrange, scan_files
from bakeoff.data.source_name import CSV, HUB, local_path
from bakeoff.data.tree import Tree, list_images
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import Image
from bakeoff.spec.values import digest


def list_files(name: str, progress: Progress | None = None, *, grouped: bool = False) -> Tree:
    """Return the image files of the data set `name`, "folder:PATH", "csv:FILE" or "hf:ORG/NAME".

    Of a folder, `grouped` says that --groups tells which images belong together, possibly those of a sub-folder.

    Raises:
        BakeoffError: see `list_images`, `list_table` and `list_hub`.
    """
    if name.startswith(HUB):
        from bakeoff.data.hub import list_hub

        return list_hub(name, progress)
    if name.startswith(CSV):
        return list_table(name, progress)
    return list_images(local_path(name), progress, grouped=grouped)


def load_folder(
    name: str, image: Image, progress: Progress | None = None, *, grouped: bool = False, pixels: bool = True
) -> Dataset:
    """Return the images of the data set `name`, resized as `image` says; for `grouped` see `list_files`.

    If `pixels` is false and they are not packed yet, return the result of `inspect_folder`.

    Raises:
        BakeoffError: see `list_files`; or too few readable images, several sizes and no `image.size`, or not enough
            disk space.
    """
    tree = list_files(name, progress, grouped=grouped)
    dataset = _packed(tree, image)
    if dataset is None and not pixels:
        return _inspect(tree, image, progress)
    if dataset is None:
        scan = scan_files(tree, progress)
        key = "folder-" + digest([scan.content_hash(), scan.names_hash(), *_settings(image)])[:32]
        dataset = open_pack(pack_folder(key)) or pack_files(scan, image, pack_folder(key), progress)
        remember(_pack_pointer(tree, image), key.encode())
    return _localized(dataset, tree)


def file_hashes(name: str, *, grouped: bool = False) -> dict[str, str]:
    """Return the SHA-256 of each image file of a data set by its path.

    Raises:
        BakeoffError: as `inspect_folder`.
    """
    return scan_files(list_files(name, grouped=grouped)).hashes()


def record_content(content_hash: str, image: Image, pack: Path) -> None:
    """Record which pack has the images of a folder, or the images that a graded version is made from."""
    if not (pointer := _content_pointer(content_hash, image)).exists():
        remember(pointer, pack.name.rpartition("-")[0].encode())


def open_by_content(content_hash: str, image: Image) -> Dataset | None:
    """Return the images packed for this content, wherever the folder is now; None if there are none."""
    with contextlib.suppress(OSError):
        return open_pack(pack_folder(_content_pointer(content_hash, image).read_text()))
    return None


def _content_pointer(content_hash: str, image: Image) -> Path:
    """Return the file that names the pack with this content."""
    return cache_folder() / "contents" / digest([content_hash, *_settings(image)])[:32]


def folder_space_needed(name: str, image: Image, *, grouped: bool = False) -> int:
    """Return the bytes of disk space needed to load the images of the data set `name`; 0 if they are packed already.

    Raises:
        BakeoffError: as `inspect_folder`.
    """
    tree = list_files(name, grouped=grouped)
    if _packed(tree, image):
        return 0
    scan = scan_files(tree)
    return packing_space(len(scan.files), image.size or scan.sizes()[0][:2])


def _packed(tree: Tree, image: Image) -> Dataset | None:
    """Return the pack of a folder in this state, None if there is no intact one."""
    if not tree.problems:
        with contextlib.suppress(OSError):
            return open_pack(pack_folder(_pack_pointer(tree, image).read_text()))
    return None


def _pack_pointer(tree: Tree, image: Image) -> Path:
    """Return the file that names the pack of a folder in this state."""
    return cache_folder() / "folders" / digest([tree.fingerprint, *_settings(image)])[:32]


def _settings(image: Image) -> list[object]:
    """Return what distinguishes the pixels of a pack from those of other packs of the same files."""
    return [image.size, image.fit, *([image.interpolation] if image.interpolation != "bilinear" else [])]


def inspect_folder(name: str, image: Image, progress: Progress | None = None, *, grouped: bool = False) -> Dataset:
    """Return a data set like `load_folder`, but from the files' headers alone: all pixels are zero.

    The shape is None if the images have several sizes and `image.size` is not set. Images with damaged pixels are
    counted, and RGB files with only grey pixels count as coloured.

    Raises:
        BakeoffError: see `list_files`; or too few readable images.
    """
    return _inspect(list_files(name, progress, grouped=grouped), image, progress)


def _inspect(tree: Tree, image: Image, progress: Progress | None) -> Dataset:
    scan = scan_files(tree, progress)
    sizes = scan.sizes()
    size = image.size or (sizes[0][:2] if len(sizes) == 1 else None)
    channels = 1 if all(header.is_grey for header in scan.headers) else 3
    splits, files = {}, {}
    for name, records in arrange(scan, range(len(scan.files))).items():
        files[name] = tuple(display_path(scan.files[i].path) for i in records)
        labels = np.array([scan.files[i].label for i in records])
        pixels = np.broadcast_to(np.uint8(0), (len(labels), channels, *(size or (1, 1))))
        splits[name] = Images(pixels, labels, scan.groups(records))
    info = folder_facts(
        scan, {name: len(own) for name, own in splits.items()}, ImageShape(channels, *size) if size else None
    )
    dataset = Dataset(
        info=info,
        train=splits["train"],
        validation=splits.get("validation"),
        test=splits["test"],
        source="image folder",
        licence="unknown",
        citation="",
        skipped=scan.skipped,
        sizes=sizes,
        manifest=scan.manifest(),
        files=files,
    )
    return _localized(dataset, tree)


def _localized(dataset: Dataset, tree: Tree) -> Dataset:
    """Return a data set with the current name, path and skipped files of its folder or table."""
    info = msgspec.structs.replace(dataset.info, name=tree.name)
    skipped = (*dataset.skipped, *tree.others)
    return replace(
        dataset,
        info=info,
        source=tree.source,
        skipped=skipped,
        nesting=tree.nesting,
        reading=tree.reading,
        made_test=not any(file.split == "test" for file in tree.files),
    )
