"""Image folders: `folder:PATH`, a user's own images, decoded once into a pack.

The images of a split are kept in the order of their files' SHA-256, which is as good as shuffled and does not
depend on names; so a folder that is renamed, copied or re-sorted gives the same numbers. Without a test folder a
fifth of every class is set aside: the files that come first by a second, seeded hash. Copies of a file stay on
one side.
"""

import contextlib
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images, Progress
from bakeoff.data.pack import open_pack, pack_folder
from bakeoff.data.packing import facts_of, pack, room_needed
from bakeoff.data.places import cache_folder
from bakeoff.data.scan import arrange, name_of, remember, scan_files
from bakeoff.data.tree import Tree, list_images, shown
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import Image
from bakeoff.spec.values import digest


def load_folder(path: Path, image: Image, progress: Progress | None = None, *, pixels: bool = True) -> Dataset:
    """Return the images below `path`, brought to `image.size` by `image.fit`.

    Without `pixels` what is not packed yet is not packed now: see `look_into_folder`.

    Raises:
        BakeoffError: see `list_images`; or too few readable images, or several sizes and no `image.size`, or no room.
    """
    tree = list_images(path, progress)
    dataset = _packed(tree, image)
    if dataset is None and not pixels:
        return look_into_folder(path, image, progress)
    if dataset is None:
        scan = scan_files(tree, progress)
        key = "folder-" + digest([scan.content_hash(), scan.names_hash(), image.size, image.fit])[:32]
        dataset = open_pack(pack_folder(key)) or pack(scan, image, pack_folder(key), progress)
        remember(_known(tree, image), key.encode())
    return _called(dataset, tree, path)


def remember_content(content_hash: str, image: Image, pack: Path) -> None:
    """Note which pack has the images of a folder, or those that a graded version is made of."""
    if not (known := _by_content(content_hash, image)).exists():
        remember(known, pack.name.rpartition("-")[0].encode())


def open_content(content_hash: str, image: Image) -> Dataset | None:
    """Return the images that were packed once for this content, wherever the folder is now; None if there are none."""
    with contextlib.suppress(OSError):
        return open_pack(pack_folder(_by_content(content_hash, image).read_text()))
    return None


def _by_content(content_hash: str, image: Image) -> Path:
    return cache_folder() / "contents" / digest([content_hash, image.size, image.fit])[:32]


def room_for_folder(path: Path, image: Image) -> int:
    """Return how many bytes on the disk it takes to load the images below `path`; 0 if they are packed already.

    Raises:
        BakeoffError: as `look_into_folder`.
    """
    tree = list_images(path)
    if _packed(tree, image):
        return 0
    scan = scan_files(tree)
    return room_needed(len(scan.files), image.size or scan.sizes()[0][:2])


def _packed(tree: Tree, image: Image) -> Dataset | None:
    """Return the pack of a folder in this state, if there is a sound one."""
    if not tree.problems:
        with contextlib.suppress(OSError):
            return open_pack(pack_folder(_known(tree, image).read_text()))
    return None


def _known(tree: Tree, image: Image) -> Path:
    """Return the file that names the pack of a folder in this state."""
    return cache_folder() / "folders" / digest([tree.fingerprint, image.size, image.fit])[:32]


def look_into_folder(path: Path, image: Image, progress: Progress | None = None) -> Dataset:
    """Return what `load_folder` would, as far as the files' headers tell it: no pixel is decoded, all are zero.

    Its shape is None if the images have several sizes and there is no `image.size`. Files whose pixels turn out to
    be damaged count as images here, and files in colour whose pixels turn out to be grey as coloured.

    Raises:
        BakeoffError: see `list_images`; or too few readable images.
    """
    tree = list_images(path, progress)
    scan = scan_files(tree, progress)
    sizes = scan.sizes()
    size = image.size or (sizes[0][:2] if len(sizes) == 1 else None)
    channels = 1 if all(header.is_grey for header in scan.headers) else 3
    splits = {}
    for name, records in arrange(scan, range(len(scan.files))).items():
        labels = np.array([scan.files[i].label for i in records])
        splits[name] = Images(np.broadcast_to(np.uint8(0), (len(labels), channels, *(size or (1, 1)))), labels)
    info = facts_of(
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
    )
    return _called(dataset, tree, path)


def _called(dataset: Dataset, tree: Tree, path: Path) -> Dataset:
    """Return a data set under the name that its folder has here."""
    info = msgspec.structs.replace(dataset.info, name=name_of(path))
    skipped = (*dataset.skipped, *tree.others)
    return replace(dataset, info=info, source=shown(path.resolve()), skipped=skipped, nesting=tree.nesting)
