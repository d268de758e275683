"""Data sets by name: what there is, and one function that fetches, verifies, packs and opens it."""

from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from bakeoff.data import builtin
from bakeoff.data.builtin import load_builtin
from bakeoff.data.catalogue import DATASETS, Entry
from bakeoff.data.dataset import Dataset, Images, Progress
from bakeoff.data.fetch import writable_folder
from bakeoff.data.graded import grade_dataset, grade_facts, join_name, original, split_name
from bakeoff.data.pack import file_names
from bakeoff.errors import BakeoffError
from bakeoff.lookup import find
from bakeoff.spec.data import DataInfo
from bakeoff.spec.recipe import Image

__all__ = [
    "DATASETS",
    "Dataset",
    "Entry",
    "Images",
    "Progress",
    "file_names",
    "find_content",
    "foreseen",
    "info",
    "is_here",
    "is_there",
    "load",
    "look",
    "room_needed",
    "stand_in",
    "usual_name",
]

FOLDER = "folder:"
AS_THEY_ARE = Image()


def load(name: str, image: Image = AS_THEY_ARE, progress: Progress | None = None) -> Dataset:
    """Return the data set called `name`, a key of `DATASETS` or "folder:PATH", or a graded version of one.

    The first load fetches, verifies and packs it; later ones map the packed arrays into memory. `image` says
    how the images of a folder are brought to one size (not how they are enlarged: `image.scale` is left to the
    input pipeline); built-in data sets have one size and ignore it.

    Raises:
        BakeoffError: no such data set, files missing, damaged or not downloadable, a folder that is no data set.
    """
    base, grades = split_name(name)
    if base.startswith(FOLDER):
        from bakeoff.data.folder import load_folder, remember_content

        packed = load_folder(_path(base), image, progress)
        graded = grade_dataset(packed, grades)
        if packed.pack:
            remember_content(graded.info.content_hash, image, packed.pack)
        return graded
    return grade_dataset(load_builtin(_entry(base), progress), grades)


def find_content(name: str, content_hash: str, image: Image) -> Dataset | None:
    """Return the images of a folder, or of a graded version of one, as they were loaded here before, by their content.

    None if there are none. The folder may have been moved, edited or deleted since.
    """
    from bakeoff.data.folder import open_content

    base, grades = split_name(name)
    packed = open_content(content_hash, image) if base.startswith(FOLDER) else None
    found = packed and grade_dataset(packed, grades)
    return found if found and found.info.content_hash == content_hash else None


def is_here(name: str) -> bool:
    """Say whether the images are on this machine, so that nothing has to be fetched."""
    base, _ = split_name(name)
    return base.startswith(FOLDER) or builtin.is_here(_entry(base))


def look(name: str, image: Image = AS_THEY_ARE, progress: Progress | None = None) -> Dataset:
    """Return what `load` would, of a folder that is not packed yet as its files' headers tell it, without pixels.

    The shape is None for a folder whose images have several sizes, as long as `image.size` does not settle it.

    Raises:
        BakeoffError: as `load`, several sizes and no room for a pack excepted.
    """
    base, grades = split_name(name)
    if not base.startswith(FOLDER):
        return load(name, image, progress)
    from bakeoff.data.folder import load_folder

    return grade_dataset(load_folder(_path(base), image, progress, pixels=False), grades)


def info(name: str, image: Image = AS_THEY_ARE, progress: Progress | None = None, *, fetch: bool = True) -> DataInfo:
    """Return the facts about a data set, of a folder as its files' headers tell them, whether it is packed or not.

    Without `fetch` they are, of one that is not on this machine yet, those that are known beforehand, and the content
    hash is none. The shape is None for a folder whose images have several sizes, as long as `image.size` does not
    settle it.

    Raises:
        BakeoffError: as `look`.
    """
    base, grades = split_name(name)
    if not fetch and not is_here(name):
        writable_folder(_entry(base).folder)
        known = foreseen(name)
        assert known is not None
        return replace(known, name=name, content_hash=f"not here: {name}")
    if not base.startswith(FOLDER):
        return load(name, image, progress).info
    from bakeoff.data.folder import look_into_folder

    return grade_dataset(look_into_folder(_path(base), image, progress), grades).info


def room_needed(name: str, image: Image) -> int:
    """Return how many bytes on the disk `load` will take, most of them for a moment; 0 for what is there already.

    Raises:
        BakeoffError: as `look`.
    """
    from bakeoff.data.folder import room_for_folder

    base, _ = split_name(name)
    return room_for_folder(_path(base), image) if base.startswith(FOLDER) else 0


def is_there(name: str) -> bool:
    """Say whether a name is "folder:PATH", or a graded version of one, and there is such a folder."""
    if not name.startswith(FOLDER):
        return False
    with suppress(BakeoffError, OSError, ValueError):
        return any(_path(n).is_dir() for n in (name, split_name(name)[0]))
    return False


def usual_name(name: str, info: DataInfo) -> str:
    """Return the name of a data set as runs have it; `info` is of what it is a version of.

    It is without grades that change nothing, and a folder that is given as "." or ".." has its own name.
    """
    base, grades = split_name(name)
    if base.startswith(FOLDER) and (folder := _path(base)).name in ("", ".."):
        base = f"{FOLDER}{folder.resolve()}"
    return join_name(base, [one for one in grades if one.level != original(one.dial, info)])


def foreseen(name: str) -> DataInfo | None:
    """Return what is known of a built-in data set or a version of it before it is fetched; None for a folder.

    Recipes are to treat a version as what it is a version of, so it has that one's name.
    """
    base, grades = split_name(name)
    if base not in DATASETS:
        return None
    whole = DATASETS[base].info()
    graded = grade_facts(whole, grades)
    share = len(graded.classes) / len(whole.classes)
    images = {"train_images": round(share * whole.train_images), "test_images": round(share * whole.test_images)}
    return replace(graded, name=base, **images)


def stand_in(info: DataInfo, name: str) -> DataInfo:
    """Return the facts about a data set that stands in for `name`: recipes are to treat it as that one.

    A graded version is treated as what it is a version of.
    """
    base, _ = split_name(name)
    photographs = DATASETS[base].photographs if base in DATASETS else info.photographs
    return replace(info, name=base, photographs=photographs)


def _path(name: str) -> Path:
    path = name.removeprefix(FOLDER)
    if not path:
        raise BakeoffError(f"{FOLDER} needs a path, such as {FOLDER}my-photos")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BakeoffError(f"{name}: there is no user of that name here, whose home it could be") from error


def _entry(name: str) -> Entry:
    if name not in DATASETS and Path(name).is_dir():
        raise BakeoffError(f"unknown data set {name!r}: for a folder of your own images write {FOLDER}{name}")
    return find(DATASETS, name, "data set")
