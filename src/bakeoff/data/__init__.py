"""Data sets by name. `load_dataset` fetches, verifies, packs and opens them."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from bakeoff.data import builtin
from bakeoff.data.arrays import ARRAYS, open_arrays
from bakeoff.data.builtin import load_builtin
from bakeoff.data.catalogue import DATASETS, Entry
from bakeoff.data.dataset import Dataset, Images, Progress
from bakeoff.data.fetch import writable_folder
from bakeoff.data.from_package import ADDED, find_added, is_added
from bakeoff.data.graded import Grade, grade_dataset, grade_facts, join_name, original_level, split_name
from bakeoff.data.pack import file_names
from bakeoff.data.resplit import Resplit, read_resplit, resplit
from bakeoff.data.source_name import FOLDER, IMAGE_FILES, LOCAL_FILES, NPZ, has_images, kind_of_path, local_path
from bakeoff.errors import BakeoffError
from bakeoff.lookup import unknown
from bakeoff.spec.data import DataInfo
from bakeoff.spec.recipe import Image

__all__ = [
    "ADDED",
    "DATASETS",
    "Dataset",
    "Entry",
    "Images",
    "Progress",
    "canonical_name",
    "disk_space_needed",
    "file_names",
    "info",
    "inspect",
    "is_local",
    "known_info",
    "load",
    "load_cached",
    "source_exists",
    "source_of",
    "stand_in",
]

AS_THEY_ARE = Image()


def load_dataset(name: str, image: Image = AS_THEY_ARE, progress: Progress | None = None) -> Dataset:
    """Return the data set called `name`: a key of `DATASETS` or `ADDED`, an image source, packed arrays, or a version.

    Image sources are "folder:PATH", "csv:FILE", "npz:FILE" and "hf:ORG/NAME".

    The first load fetches, verifies and packs it; later loads map the packed arrays into memory. `image` sets how the
    images of a folder are resized (`image.scale` is left to the input pipeline); built-in data sets ignore it.

    Raises:
        BakeoffError: there is no such data set, a file is missing, damaged or cannot be downloaded, or the folder is
            not a data set.
    """
    base, splits, grades = _parse(name)
    if base.startswith(IMAGE_FILES):
        from bakeoff.data.folder import load_folder, record_content

        packed = load_folder(base, image, progress, grouped=bool(splits.groups))
        version = _version(packed, base, splits, grades)
        if packed.pack and not splits:
            record_content(version.info.content_hash, image, packed.pack)
        return version
    if base.startswith(ARRAYS):
        whole = open_arrays(base)
    elif base.startswith(NPZ):
        from bakeoff.data.npz import load_npz

        whole = load_npz(base)
    elif base not in DATASETS and is_added(base):
        whole = find_added(base)
    else:
        whole = load_builtin(_entry(base), progress)
    return _version(whole, base, splits, grades)


def source_of(name: str) -> str:
    """Return the name of the data set that a version is made from."""
    return _parse(name)[0]


def _parse(name: str) -> tuple[str, Resplit, tuple[Grade, ...]]:
    """Split a name into the data set itself, how it is split again, and its grades."""
    own, grades = split_name(name)
    base, splits = read_resplit(own)
    return base, splits, grades


def _version(dataset: Dataset, base: str, splits: Resplit, grades: Sequence[Grade]) -> Dataset:
    """Return a version of the data set called `base`."""
    if splits:
        from bakeoff.data.folder import file_hashes

        hashes = partial(file_hashes, base, grouped=bool(splits.groups)) if base.startswith(IMAGE_FILES) else None
        dataset = resplit(dataset, splits, hashes)
    return grade_dataset(dataset, grades)


def load_cached(name: str, content_hash: str, image: Image) -> Dataset | None:
    """Return the images of a folder, or of a graded version of one, from the cache by their content hash.

    None if they are not cached, or if they were split again. The folder may have been moved, edited or deleted.
    """
    from bakeoff.data.folder import open_by_content

    base, splits, grades = _parse(name)
    packed = open_by_content(content_hash, image) if base.startswith(IMAGE_FILES) and not splits else None
    found = packed and grade_dataset(packed, grades)
    return found if found and found.info.content_hash == content_hash else None


def is_local(name: str) -> bool:
    """Return whether the images are on this machine, so that nothing has to be downloaded."""
    base, *_ = _parse(name)
    if base.startswith((*LOCAL_FILES, ARRAYS)) or (base not in DATASETS and is_added(base)):
        return True
    return builtin.is_cached(_entry(base))


def inspect(name: str, image: Image = AS_THEY_ARE, progress: Progress | None = None) -> Dataset:
    """Return the data set like `load_dataset`, but without packing: headers say what a folder has.

    The pixels are then missing, and the shape is None if the images have several sizes and `image.size` is not set.

    Raises:
        BakeoffError: as `load_dataset`, except for several sizes and a full disk.
    """
    base, splits, grades = _parse(name)
    if not base.startswith(IMAGE_FILES):
        return load_dataset(name, image, progress)
    from bakeoff.data.folder import load_folder

    whole = load_folder(base, image, progress, grouped=bool(splits.groups), pixels=False)
    return _version(whole, base, splits, grades)


def info(name: str, image: Image = AS_THEY_ARE, progress: Progress | None = None, *, fetch: bool = True) -> DataInfo:
    """Return the facts about a data set; those of a folder come from the files' headers.

    Without `fetch`, a data set that is not on this machine yet has only the facts known in advance, and no content
    hash. The shape is None for a folder whose images have several sizes if `image.size` is not set.

    Raises:
        BakeoffError: as `inspect`.
    """
    base, splits, grades = _parse(name)
    if not fetch and not is_local(name):
        writable_folder(_entry(base).folder)
        known = known_info(name)
        assert known is not None
        return replace(known, name=name, content_hash=f"not here: {name}")
    if not base.startswith(IMAGE_FILES):
        return load_dataset(name, image, progress).info
    from bakeoff.data.folder import inspect_folder

    whole = inspect_folder(base, image, progress, grouped=bool(splits.groups))
    return _version(whole, base, splits, grades).info


def disk_space_needed(name: str, image: Image) -> int:
    """Return the bytes of disk space that `load_dataset` needs, most of them for a while; 0 if data are packed.

    Raises:
        BakeoffError: as `inspect`.
    """
    from bakeoff.data.folder import folder_space_needed

    base, splits, _ = _parse(name)
    return folder_space_needed(base, image, grouped=bool(splits.groups)) if base.startswith(IMAGE_FILES) else 0


def source_exists(name: str) -> bool:
    """Return whether a name has a path, as "folder:PATH" and "csv:FILE" do, and the folder or file exists."""
    if not name.startswith(LOCAL_FILES):
        return False
    with suppress(BakeoffError, OSError, ValueError):
        return any(local_path(n).exists() for n in (name, _parse(name)[0]))
    return False


def canonical_name(name: str, info: DataInfo) -> str:
    """Return the name of a data set as runs record it; `info` is of the data set it is a version of.

    Grades that change nothing are dropped, and a folder given as "." or ".." gets its real name.
    """
    base, splits, grades = _parse(name)
    if base.startswith(FOLDER) and (folder := local_path(base)).name in ("", ".."):
        base = f"{FOLDER}{folder.resolve()}"
    return join_name(f"{base}{splits}", [one for one in grades if one.level != original_level(one.dial, info)])


def known_info(name: str) -> DataInfo | None:
    """Return the facts about a built-in data set, or a version of it, before it is fetched; None for a folder.

    A version has the name of the data set it is made from: recipes treat both alike.
    """
    base, splits, grades = _parse(name)
    if base not in DATASETS:
        return None
    whole = DATASETS[base].info()
    if splits.folds:
        pooled = whole.train_images + whole.test_images
        tested = pooled // splits.folds
        whole = replace(whole, train_images=pooled - tested, test_images=tested)
    graded = grade_facts(whole, grades)
    share = len(graded.classes) / len(whole.classes)
    images = {"train_images": round(share * whole.train_images), "test_images": round(share * whole.test_images)}
    return replace(graded, name=base, **images)


def stand_in(info: DataInfo, name: str) -> DataInfo:
    """Return the facts about a data set that stands in for `name`, so that recipes treat it as that data set.

    Recipes treat a graded version as the data set it is made from.
    """
    base, *_ = _parse(name)
    photographs = DATASETS[base].photographs if base in DATASETS else info.photographs
    return replace(info, name=base, photographs=photographs)


def _entry(name: str) -> Entry:
    if name not in DATASETS and has_images(name):
        kind = kind_of_path(Path(name))
        raise BakeoffError(f"unknown data set {name!r}: to use your own images there, write {kind}{name}")
    if name.endswith(".py"):
        raise BakeoffError(
            f"--data takes no Python file such as {name}: import its function in Python and call bakeoff.run(data=…), "
            "or add it by a package"
        )
    if name not in DATASETS:
        raise BakeoffError(unknown("data set", name, [*DATASETS, *ADDED]))
    return DATASETS[name]
