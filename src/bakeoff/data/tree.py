"""The files of an image folder: which split and class each belongs to, before any of them is opened."""

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.values import digest

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif")
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders that hold a split, in any case."""
CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir"})


@dataclass(frozen=True, slots=True)
class File:
    """One image file."""

    path: str
    """Relative to the folder."""
    split: str
    label: int


@dataclass(frozen=True)
class Tree:
    """What lies in an image folder, in the order of its paths; class names sort "2" before "10"."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[File, ...]
    skipped: tuple[tuple[str, str], ...]
    """(path, reason) of what looks like an image but cannot be used."""
    fingerprint: str
    """Changes whenever a file is added, removed, renamed or written."""


def list_images(root: Path) -> Tree:
    """Return the images in the class folders of `root`, or of its train, val and test folders.

    Raises:
        BakeoffError: `root` is no folder, or not laid out as class folders.
    """
    if not root.exists():
        raise BakeoffError(f"{shown(root)} does not exist: expected a folder with one sub-folder of images per class")
    if not root.is_dir():
        raise BakeoffError(f"{shown(root)} is a file: unpack it and give the folder with one sub-folder per class")
    listing = _Listing(root)
    folders = listing.class_folders()
    classes = tuple(sorted({name for split, name, _ in folders if split == "train"}, key=natural))
    files = []
    for split, name, folder in sorted(folders, key=lambda found: (found[0], natural(found[1]))):
        paths = listing.images_below(folder)
        if paths and name not in classes:
            raise BakeoffError(f"class {name!r} is in the {split} folder of {shown(root)} but not in its train folder")
        files += [File(path, split, classes.index(name)) for path in paths]
    _check_layout(root, classes, folders, files, listing)
    fingerprint = digest([classes, listing.skipped, listing.stamp.hexdigest()])
    return Tree(root, classes, tuple(files), tuple(listing.skipped), fingerprint)


class _Listing:
    """One walk through a folder: gathers what is skipped and a stamp over all files' states on the way."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[tuple[str, str]] = []
        self.stamp = hashlib.sha256()

    def class_folders(self) -> list[tuple[str, str, Path]]:
        """Return (split, class name, folder); without train, val and test folders all of it is "train"."""
        top = self.folders(self.root)
        splits = [folder for folder in top if folder.name.lower() in SPLITS]
        train = [folder for folder in splits if SPLITS[folder.name.lower()] == "train"]
        if splits and splits == top and not train:
            raise BakeoffError(f"{shown(self.root)} has {shown(top[0].name)} but no train folder")
        # A class may be called "train" too: then its images lie directly in it, beside other classes.
        if not train or not (splits == top or (self.folders(train[0]) and not self.images(train[0]))):
            self.note_strays(self.root)
            return self.named(top, "train")
        found: list[tuple[str, str, Path]] = []
        for folder in sorted(splits, key=lambda folder: folder not in train):
            split = SPLITS[folder.name.lower()]
            if any(split == other for other, _, _ in found):
                raise BakeoffError(f"{shown(self.root)} has more than one folder for the {split} split")
            self.note_strays(folder)
            below = self.named(self.folders(folder), split)
            if not below:
                raise BakeoffError(
                    f"{shown(folder)} has no class folders: sort its images into one sub-folder per class"
                    + ("" if split == "train" else ", or move the folder elsewhere")
                )
            found += below
        for folder in top:
            if folder not in splits:
                self.skip(folder, "neither a train, val nor test folder")
        return found

    def named(self, folders: list[Path], split: str) -> list[tuple[str, str, Path]]:
        """Return (split, class name, folder); names are written in one Unicode form, as systems differ in it."""
        names = [unicodedata.normalize("NFC", shown(folder.name)) for folder in folders]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise BakeoffError(f"{shown(self.root)} has two folders called {twice[0]!r} in different Unicode forms")
        return [(split, name, folder) for name, folder in zip(names, folders, strict=True)]

    def folders(self, folder: Path) -> list[Path]:
        return [Path(entry.path) for entry in self.entries(folder) if is_folder(entry)]

    def images(self, folder: Path) -> list[str]:
        """Return the image files directly in `folder`."""
        return [entry.name for entry in self.entries(folder) if is_image(entry.name) and not is_folder(entry)]

    def note_strays(self, folder: Path) -> None:
        if strays := self.images(folder):
            self.skip(folder, f"images outside the class folders: {len(strays)}")

    def images_below(self, folder: Path) -> list[str]:
        """Return the image files in `folder` and its sub-folders, relative to the root."""
        found: list[str] = []
        seen: set[tuple[int, int]] = set()
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            try:
                state = current.stat()
            except OSError as error:
                self.skip(current, error.strerror or str(error))
                continue
            if (state.st_dev, state.st_ino) in seen:  # a link back to a folder above
                continue
            seen.add((state.st_dev, state.st_ino))
            inside = current.relative_to(self.root)
            for entry in self.entries(current):
                if is_folder(entry):
                    waiting.append(Path(entry.path))
                elif is_image(entry.name) and self.stamped(entry, path := f"{inside}/{entry.name}"):
                    found.append(path)
        return sorted(found)

    def stamped(self, entry: os.DirEntry[str], path: str) -> bool:
        """Add the state of a regular file to the stamp; note why anything else is skipped."""
        try:
            if not entry.is_file():
                self.skip(Path(entry.path), "a broken link or no regular file")
                return False
            state = entry.stat()
        except OSError as error:
            self.skip(Path(entry.path), error.strerror or str(error))
            return False
        # Time of change and inode cannot be set by who unpacks an archive, as the time of modification can.
        facts = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        self.stamp.update(os.fsencode(path) + repr(facts).encode())
        return True

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.skip(folder, error.strerror or str(error))
            return []
        return [entry for entry in entries if not is_clutter(entry.name)]

    def skip(self, path: Path, reason: str) -> None:
        if (found := (shown(path.relative_to(self.root)), reason)) not in self.skipped:
            self.skipped.append(found)


def _check_layout(
    root: Path, classes: tuple[str, ...], folders: list[tuple[str, str, Path]], files: list[File], listing: _Listing
) -> None:
    if not classes:
        raise BakeoffError(f"{shown(root)} has no sub-folders: expected one sub-folder of images per class")
    if not files:
        raise BakeoffError(f"{shown(root)} has no images: expected {', '.join(EXTENSIONS)} files in its sub-folders")
    for split in sorted({split for split, _, _ in folders} - {file.split for file in files}):
        raise BakeoffError(f"the {split} folder of {shown(root)} has no images: add some or move the folder elsewhere")
    if len(classes) == 1:
        inner = next(folder for split, _, folder in folders if split == "train")
        hint = f"; did you mean folder:{shown(inner)}?" if len(listing.folders(inner)) > 1 else ""
        raise BakeoffError(f"{shown(root)} has one class, {classes[0]!r}: expected at least two class folders{hint}")


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether `entry` is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def is_image(name: str) -> bool:
    """Say whether a file of this name is taken for an image."""
    return name.lower().endswith(EXTENSIONS)


def is_clutter(name: str) -> bool:
    """Say whether a file or folder of this name is hidden, or left by a system's file manager."""
    return name.startswith(".") or name.lower() in CLUTTER


def natural(text: str) -> tuple:
    """Return a key that sorts "2" before "10"."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part), "") if i % 2 else (-1, part.casefold()) for i, part in enumerate(parts)), text


def shown(path: str | Path) -> str:
    """Return `path` as valid Unicode: a file name may hold any bytes."""
    return os.fsencode(path).decode("utf-8", "replace")
