"""Data sets made of arrays: packed once under a hash of their content, so that every process can open them.

The data set is named by the given name and the beginning of that hash, `arrays:petals@1a2b3c4d`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from bakeoff.data.builtin import content_hash
from bakeoff.data.copies import first_occurrences
from bakeoff.data.dataset import Dataset
from bakeoff.data.grouping import number_groups
from bakeoff.data.pack import Meta, Split, open_pack, pack_folder, write_pack
from bakeoff.data.split import cut_validation
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.values import digest
from bakeoff.text.formats import counted

ARRAYS = "arrays:"
NAME = re.compile(r"arrays:(?P<name>[\w.-]+)@(?P<key>[0-9a-f]{8})")
TEST_FRACTION = 0.2
FEWEST = 5
"""Images from which a test split can be set aside."""

Pair: TypeAlias = tuple[Any, Any]
"""Images and labels: numpy arrays, torch tensors or what `numpy.asarray` takes."""


def is_pair(given: object) -> bool:
    """Return whether something is a pair of arrays, not two names of data sets."""
    return isinstance(given, tuple | list) and len(given) == 2 and hasattr(given[0], "shape")


def pack_arrays(
    train: Pair,
    validation: Pair | None = None,
    test: Pair | None = None,
    *,
    classes: Sequence[str] | None = None,
    name: str = "arrays",
    photographs: bool = False,
    groups: Any = None,
) -> Dataset:
    """Pack arrays and return the data set; see `Dataset.from_arrays`."""
    if not re.fullmatch(r"[\w.-]+", name):
        raise BakeoffError(f"a data set's name has letters, digits, dots and hyphens only; got {name!r}")
    given = {"train": train, "validation": validation, "test": test}
    pairs = {split: _as_arrays(split, pair) for split, pair in given.items() if pair is not None}
    images = _as_bytes({split: pair[0] for split, pair in pairs.items()})
    names, labels = _as_indices({split: pair[1] for split, pair in pairs.items()}, classes)
    splits = {split: (images[split], labels[split]) for split in pairs}
    told = {} if groups is None else _as_groups(groups, labels)
    if test is None:
        all_images, all_labels, all_groups = *splits["train"], told.get("train", ())
        rows = dict(zip(("train", "test"), _cut_test(all_images, all_labels, all_groups), strict=True))
        splits |= {split: (all_images[own], all_labels[own]) for split, own in rows.items()}
        told |= {split: tuple(all_groups[i] for i in own) for split, own in rows.items() if all_groups}
    content = content_hash(names, {split: ((own,), numbers) for split, (own, numbers) in splits.items()})
    if told:
        content = digest([content, "groups", dict(sorted(told.items()))])
    key = digest([content, photographs])[:8]
    info = DataInfo(
        name=f"{ARRAYS}{name}@{key}",
        shape=ImageShape(*splits["train"][0].shape[1:]),
        classes=names,
        content_hash=content,
        train_images=len(splits["train"][1]),
        validation_images=len(splits["validation"][1]) if "validation" in splits else 0,
        test_images=len(splits["test"][1]),
        photographs=photographs,
    )
    meta = Meta(info=info, source="arrays", licence="unknown", citation="", made_test=test is None)
    parts = {split: Split((own,), numbers, groups=told.get(split, ())) for split, (own, numbers) in splits.items()}
    packed = open_pack(_folder(key)) or write_pack(_folder(key), meta, parts)
    if packed.info.content_hash != content:
        raise BakeoffError(f"{_folder(key)} holds another data set: remove this folder")
    return replace(packed, info=msgspec.structs.replace(packed.info, name=info.name))


def open_arrays(name: str) -> Dataset:
    """Return the data set that arrays were packed into.

    Raises:
        BakeoffError: it is not, or no longer, on this machine.
    """
    match = NAME.fullmatch(name)
    packed = open_pack(_folder(match["key"])) if match else None
    if packed is None:
        raise BakeoffError(
            f"the arrays of {name} are not in the cache of this machine: give them again in Python, as data=(X, y) or "
            "with bakeoff.Dataset.from_arrays"
        )
    return replace(packed, info=msgspec.structs.replace(packed.info, name=name))


def _folder(key: str) -> Path:
    return pack_folder(f"arrays-{key}")


def _as_arrays(split: str, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, C, H, W) and labels (N,) of one split.

    Raises:
        BakeoffError: the numbers of images and labels differ, or the images have another shape.
    """
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise BakeoffError(f"{split} takes a pair of arrays, (images, labels); got {type(pair).__name__}")
    images, labels = np.asarray(pair[0]), np.asarray(pair[1])
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim == 4 and images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not images.size:
        raise BakeoffError(
            f"the images of {split} have the shape {np.shape(pair[0])}: expected (N, H, W), (N, C, H, W) or "
            "(N, H, W, C) with 1 or 3 channels"
        )
    if labels.shape != (len(images),):
        raise BakeoffError(
            f"{split} has {len(images)} images and labels of the shape {labels.shape}: expected ({len(images)},)"
        )
    return images, labels


def _as_bytes(splits: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the images of all splits as bytes, scaled alike.

    Floats are from 0 to 1, unless all of them are whole numbers and some are above 1: then they are from 0 to 255, as
    integers are.

    Raises:
        BakeoffError: the splits differ in shape, or values are outside their range.
    """
    shapes = {images.shape[1:] for images in splits.values()}
    if len(shapes) > 1:
        raise BakeoffError(f"all images must have one shape; found {' and '.join(map(str, sorted(shapes)))}")
    least = min(float(images.min()) for images in splits.values())
    most = max(float(images.max()) for images in splits.values())
    is_whole = is_from_0_to_255(splits.values())
    highest = 255 if is_whole else 1
    if not (least >= 0 and most <= highest) or any(images.dtype.kind not in "uif" for images in splits.values()):
        kind = "whole numbers from 0 to 255" if is_whole else "fractions from 0 to 1, or whole numbers from 0 to 255"
        raise BakeoffError(f"pixels must be {kind}; found {least:g} to {most:g}")
    scale = 1 if is_whole else 255
    return {split: np.ascontiguousarray(np.rint(images * scale), np.uint8) for split, images in splits.items()}


def is_from_0_to_255(splits: Collection[np.ndarray]) -> bool:
    """Return whether pixels are whole numbers, which are not scaled: integers, or floats of which some are above 1."""
    if all(images.dtype.kind in "ui" for images in splits):
        return True
    is_number = all(images.dtype.kind in "uif" for images in splits)
    return is_number and any((images > 1).any() for images in splits) and all(map(_is_whole, splits))


def _is_whole(images: np.ndarray) -> bool:
    return images.dtype.kind in "ui" or bool((images == np.rint(images)).all())


def _as_indices(
    splits: Mapping[str, np.ndarray], classes: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Return the names of the classes, and labels as indices into them (N,) int64.

    Raises:
        BakeoffError: a label is a fraction or not a class, or there are fewer than two classes.
    """
    for split, labels in splits.items():
        if labels.dtype.kind == "f" and not _is_whole(labels):
            odd = labels[labels != np.rint(labels)][0]
            raise BakeoffError(
                f"the labels of {split} are fractions, such as {odd:g}: expected a class per image, a whole number or "
                "a name"
            )
    is_text = splits["train"].dtype.kind not in "uib"
    if classes is None or is_text:
        values = sorted(set(splits["train"].tolist())) if classes is None else list(classes)
        names = tuple(map(str, values))
    else:
        names, values = tuple(map(str, classes)), list(range(len(classes)))
    if len(names) < 2:
        only = f"all labels are {names[0]!r}" if classes is None else f"there is one class, {', '.join(names)!r}"
        raise BakeoffError(f"{only}: expected two classes or more")
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise BakeoffError(f"two classes have the name {twice[0]!r}: give each class a name of its own")
    places = {value: place for place, value in enumerate(values)}
    found = {}
    for split, labels in splits.items():
        if unknown := sorted({str(label) for label in labels.tolist() if label not in places}):
            known = ", ".join(map(str, values[:10]))
            raise BakeoffError(f"{split} has labels that are not a class: {', '.join(unknown[:5])}; classes: {known}")
        found[split] = np.array([places[label] for label in labels.tolist()], np.int64)
    return names, found


def _as_groups(groups: Any, labels: Mapping[str, np.ndarray]) -> dict[str, tuple[str, ...]]:
    """Return the groups of every split as strings.

    Raises:
        BakeoffError: the number of groups is not the number of images.
    """
    given = groups if isinstance(groups, Mapping) else {"train": groups}
    values = {split: tuple(map(str, np.asarray(given[split]).tolist())) for split in labels if split in given}
    wrong = {
        split: len(values.get(split, ())) for split, own in labels.items() if len(values.get(split, ())) != len(own)
    }
    for split, count in wrong.items():
        raise BakeoffError(
            f"{split} has {counted(len(labels[split]), 'image')} and {counted(count, 'group')} for them: give one for "
            "each image, for several splits as groups={'train': ..., 'test': ...}"
        )
    return values


def _cut_test(images: np.ndarray, labels: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for training, and a fifth of each class for testing, always the same.

    Copies of an image, and images of a group, stay on one side.
    """
    if len(labels) < FEWEST:
        raise BakeoffError(f"{len(labels)} images are too few to set aside a test split: give test=(images, labels)")
    return cut_validation(labels, TEST_FRACTION, 0, first_occurrences(images), number_groups(groups))
