"""Arrays in a NumPy archive: `npz:FILE`, packed once. Nothing is unpickled.

The usual names are known: x and y, x_train, y_train, x_test and y_test (Keras), images and labels, train_images and
train_labels (MedMNIST), in any spelling; likewise groups, or groups_train and groups_test.
"""

import contextlib
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import psutil

from bakeoff.data.arrays import is_from_0_to_255, pack_arrays
from bakeoff.data.columns import NAMES
from bakeoff.data.dataset import Dataset
from bakeoff.data.file_names import display_path
from bakeoff.data.local_folders import cache_folder, remember
from bakeoff.data.pack import open_pack, pack_folder
from bakeoff.data.source_name import NPZ_OPTIONS, SourceName, parse_source
from bakeoff.data.split_names import WORDS, words
from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.spec.values import digest
from bakeoff.text.formats import byte_size, listing

VERSION = 2
"""Version of the guesses. Raise it when they would choose other arrays of the same archive."""
KINDS_OF_TEXT = "US"
IMAGES = frozenset(("x", "image", "images", "img", "imgs", "data", "inputs", "pixels", "features", "pictures"))
LABELS = frozenset(("y", "label", "labels", "target", "targets", "class", "classes"))
CLASSES = frozenset(("classes", "names"))
GROUPS = frozenset(NAMES["group"])
YES = {"yes": True, "no": False}


class ArrayHeader(NamedTuple):
    """Shape of an array, and the kind of its values as `numpy.dtype.kind`."""

    shape: tuple[int, ...]
    kind: str = "u"


@dataclass(frozen=True)
class Keys:
    """The names of the arrays in an archive."""

    splits: dict[str, tuple[str, str]]
    """Split → images, labels."""
    classes: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    """Split → groups; empty if the images have none."""

    def __str__(self) -> str:
        def describe(split: str, images: str, labels: str) -> str:
            groups = f", groups from {self.groups[split]!r}" if self.groups else ""
            return f"{split}: images from {images!r}, labels from {labels!r}{groups}"

        return "; ".join(describe(split, *keys) for split, keys in self.splits.items())


def load_npz(name: str) -> Dataset:
    """Return the images in the archive `name`, "npz:FILE?options".

    Raises:
        BakeoffError: the archive cannot be read, has other arrays, or `Dataset.from_arrays` does not accept
            its images or labels.
    """
    source = parse_source(name, NPZ_OPTIONS)
    if not source.path.is_file():
        raise BakeoffError(f"{display_path(source.path)} does not exist: expected a file written by numpy.savez")
    photographs = source.options.get("photographs", "no")
    if photographs not in YES:
        raise BakeoffError(f"{name}: photographs is yes, if images may be mirrored, or no; got {photographs!r}")
    state = source.path.stat()
    facts = [VERSION, source.path.absolute(), dict(source.options), state.st_size, state.st_mtime_ns, state.st_ino]
    pointer = cache_folder() / "archives" / digest([str(fact) for fact in facts])[:32]
    with contextlib.suppress(OSError, ValueError):
        key, reading = pointer.read_text(encoding="utf-8").split("\n", 1)
        if packed := open_pack(pack_folder(key)):
            return _named(packed, source, reading)
    packed, reading = _pack(source, YES[photographs])
    assert packed.pack is not None
    remember(pointer, f"{packed.pack.name.rpartition('-')[0]}\n{reading}".encode())
    return _named(packed, source, reading)


def _named(packed: Dataset, source: SourceName, reading: str) -> Dataset:
    info = msgspec.structs.replace(packed.info, name=f"{source.kind}{display_path(source.path.name)}")
    return replace(packed, info=info, source=display_path(source.path.resolve()), reading=reading)


def _pack(source: SourceName, photographs: bool) -> tuple[Dataset, str]:
    """Return the packed images, and how they were read."""
    shown = display_path(source.path)
    try:
        _check_archive(source.path)
        with np.load(source.path, allow_pickle=False) as archive:
            keys = _choose_keys({key: _header(archive, key) for key in archive.files}, source)
            pairs = {split: (archive[x], _flat(archive[y], y, shown)) for split, (x, y) in keys.splits.items()}
            classes = None if keys.classes is None else [str(label) for label in archive[keys.classes].tolist()]
            groups = {split: archive[key] for split, key in keys.groups.items()} or None
    except ValueError as error:
        raise BakeoffError(f"{shown} is not a readable archive of arrays: {error}") from error
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise BakeoffError(f"{shown} is not a readable archive of arrays: {error or type(error).__name__}") from error
    try:
        splits = (pairs["train"], pairs.get("validation"), pairs.get("test"))
        packed = pack_arrays(*splits, classes=classes, photographs=photographs, groups=groups)
    except BakeoffError as error:
        raise BakeoffError(f"{shown}: {error}") from error
    scaled = not is_from_0_to_255([images for images, _ in pairs.values()])
    return packed, f"{keys}{'; values from 0 to 1 became 0 to 255' * scaled}"


def _check_archive(path: Path) -> None:
    """Refuse other files, and an archive that does not fit in memory: a small file may claim any size.

    Raises:
        BakeoffError: it is another file, or does not fit.
    """
    shown = display_path(path)
    if not zipfile.is_zipfile(path):
        one = path.read_bytes()[:6] == b"\x93NUMPY"
        raise BakeoffError(
            f"{shown} {'holds one array' if one else 'is not an archive of arrays'}: save images and labels together, "
            "numpy.savez(FILE, x=images, y=labels)"
        )
    with zipfile.ZipFile(path) as archive:
        need = 2 * sum(entry.file_size for entry in archive.infolist())
    free = psutil.virtual_memory().available
    if need > free:
        raise BakeoffError(
            f"{shown} needs about {byte_size(need)} of memory to read, where {byte_size(free)} are free: "
            "save its images as files and give their folder"
        )


def _header(archive: np.lib.npyio.NpzFile, key: str) -> ArrayHeader:
    """Return the header of an array without reading its values."""
    assert archive.zip is not None
    with archive.zip.open(f"{key}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        return ArrayHeader(shape, dtype.kind)


def _choose_keys(arrays: dict[str, ArrayHeader], source: SourceName) -> Keys:
    """Return the keys that `find_keys` finds, none of which is of an array of Python objects.

    Raises:
        BakeoffError: one is, or as `find_keys`.
    """
    objects = [key for key, header in arrays.items() if header.kind == "O"]
    if not objects:
        return find_keys(arrays, source)
    message = (
        f"{display_path(source.path)}: {listing(objects)} {'holds' if len(objects) == 1 else 'hold'} Python objects, "
        "which are not read because that could run code: save names as text, y.astype(str), and images of one size as "
        "one array of numbers, np.stack(x)"
    )
    try:
        keys = find_keys(arrays, source)
    except BakeoffError as error:  # what it misses may be there, as objects
        raise BakeoffError(message) from error
    if {*objects} & {*keys.groups.values(), *(key for pair in keys.splits.values() for key in pair)}:
        raise BakeoffError(message)
    return keys


def find_keys(arrays: dict[str, ArrayHeader], source: SourceName) -> Keys:
    """Return which arrays of an archive are images, labels, groups and names of classes.

    Args:
        arrays: their headers by name.
        source: the archive with the options that were given.

    Raises:
        BakeoffError: an array that was named is missing, or images or labels cannot be recognised.
    """
    for what in ("images", "labels", "group"):
        if (key := source.options.get(what)) and key not in arrays:
            raise BakeoffError(f"{source.path.name} has no array {key!r} for {what}: {hint(key, arrays)}")
    given = {what: key for what in ("images", "labels") if (key := source.options.get(what))}
    groups = _find_groups(arrays, source.options.get("group"), given.values())
    arrays = {key: header for key, header in arrays.items() if key not in groups.values()}
    if len(given) == 2:
        own = dict(zip(("train",), groups.values(), strict=False)) if len(groups) == 1 else {}
        return Keys({"train": (given["images"], given["labels"])}, groups=own)
    found: dict[str, dict[str, str]] = {}
    classes = None
    for key, (shape, kind) in arrays.items():
        parts = set(words(key))
        split = next((WORDS[word] for word in words(key) if word in WORDS), "train")
        if parts & CLASSES and len(shape) == 1 and kind in KINDS_OF_TEXT and not parts & WORDS.keys():
            classes = key
        elif parts & IMAGES and len(shape) >= 3:
            found.setdefault(split, {}).setdefault("images", key)
        elif parts & LABELS:
            found.setdefault(split, {}).setdefault("labels", key)
    found = found or _by_shape(arrays)
    if given:
        found["train"] = {**found.get("train", {}), **given}
    pairs = {split: (own["images"], own["labels"]) for split, own in found.items() if len(own) == 2}
    if "train" not in pairs or len(pairs) < len(found):
        held = listing([f"{key} {header.shape}" for key, header in arrays.items()]) if arrays else "no arrays"
        raise BakeoffError(
            f"{source.path.name} holds {held}: name the images and labels, e.g. "
            f"{source.example(images='KEY', labels='KEY')}, or save them as x_train, y_train, x_test and y_test"
        )
    order = [split for split in ("train", "validation", "test") if split in pairs]
    if "group" in source.options and (lacking := [split for split in order if split not in groups]):
        raise BakeoffError(
            f"{source.path.name} has groups of its {listing(list(groups))} images, but none of its "
            f"{listing(lacking)} images: save all, as groups_train and groups_test"
        )
    is_grouped = all(split in groups for split in order)
    return Keys(
        {split: pairs[split] for split in order},
        classes,
        {split: groups[split] for split in order} if is_grouped else {},
    )


def _find_groups(arrays: Mapping[str, ArrayHeader], given: str | None, others: Collection[str]) -> dict[str, str]:
    """Return split → the array with the groups of its images: that called `given`, or with a usual name."""

    def name_of(key: str) -> str:
        return "".join(word for word in words(key) if word not in WORDS)

    def is_one(key: str) -> bool:
        if given is not None:
            return name_of(key) == name_of(given)
        return name_of(key) in GROUPS or name_of(key).removesuffix("s") in GROUPS

    flat = [key for key, (shape, _) in arrays.items() if len(shape) == 1 and key not in others]
    return {next((WORDS[w] for w in words(key) if w in WORDS), "train"): key for key in flat if is_one(key)}


def _by_shape(arrays: dict[str, ArrayHeader]) -> dict[str, dict[str, str]]:
    """Return the images and labels of an archive with just these two, whatever their names are."""
    images = [key for key, header in arrays.items() if len(header.shape) in (3, 4)]
    labels = [key for key, header in arrays.items() if len(header.shape) in (1, 2)]
    both = len(arrays) == 2 and len(images) == len(labels) == 1
    return {"train": {"images": images[0], "labels": labels[0]}} if both else {}


def _flat(labels: np.ndarray, key: str, shown: str) -> np.ndarray:
    """Return labels (N,) of (N,), (N, 1) or one-hot (N, K).

    Raises:
        BakeoffError: images have several labels or none.
    """
    if labels.ndim != 2:
        return labels
    if labels.shape[1] == 1:
        return labels[:, 0]
    if labels.dtype.kind in "uifb" and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all():
        return labels.argmax(axis=1)
    raise BakeoffError(
        f"{shown}: {key} {labels.shape} gives some images several labels or none, but networks here learn one class "
        "per image: save one number or name per image"
    )
