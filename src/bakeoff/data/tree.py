"""The files of an image folder: which split and class each belongs to, before any of them is opened."""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bakeoff.data.dataset import Progress
from bakeoff.data.kinds import TEXTS, is_clutter, is_folder, is_image, told_kind
from bakeoff.data.layout import Layout, Place, find_layout
from bakeoff.data.nesting import Nesting, find_nesting
from bakeoff.errors import BakeoffError
from bakeoff.lookup import nearest, question
from bakeoff.spec.values import digest
from bakeoff.text import formats

TOLD_EVERY = 1000
"""Files and folders between two reports of progress."""
MOST_FOREIGN = 100_000
"""Files that are neither images nor texts, as annotations are, after which a folder is asked for its images …"""
FEWEST_IMAGES = 0.1
"""… of which there are at least so many to each such file."""
MOST_REASONS = 8
"""Reasons for leaving files out that are told one by one."""


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
    """(path, reason) of what looks like an image or a class but cannot be used."""
    others: tuple[tuple[str, str], ...]
    """(path, reason) of the files in class folders that are no images."""
    problems: tuple[str, ...]
    """What keeps the folder from being used, in sentences, as far as it shows before a file is opened."""
    has_splits: bool
    """Whether it has train, val and test folders of its own."""
    nesting: Nesting | None
    fingerprint: str
    """Changes whenever an image is added, removed, renamed or written."""


def list_images(root: Path, progress: Progress | None = None) -> Tree:
    """Return the images in the class folders of `root`, or of its train, val and test folders.

    Raises:
        BakeoffError: `root` is no folder, not laid out as class folders, or full of other things than images.
    """
    if not root.exists():
        raise BakeoffError(f"{shown(root)} does not exist: {_meant(root)}")
    if not root.is_dir():
        raise BakeoffError(f"{shown(root)} is a file: unpack it and give the folder with one sub-folder per class")
    listing = _Listing(root, progress)
    layout = find_layout(root, listing.look, shown)
    for folder in layout.strays:
        if strays := listing.look(folder).images:
            listing.skip(folder, f"images outside the class folders: {strays}")
    for folder, reason in layout.beside:
        listing.skip(folder, reason)
    folders = _named(layout, listing)
    classes = tuple(sorted({name for split, name, _ in folders if split == "train"}, key=natural))
    files: list[File] = []
    unknown: dict[str, list[str]] = {}
    for split, name, folder in sorted(folders, key=lambda found: (found[0], natural(found[1]))):
        paths = listing.images_below(folder)
        if name in classes:
            files += [File(path, split, classes.index(name)) for path in paths]
        elif paths:
            unknown.setdefault(split, []).append(name)
    _check_layout(root, classes, folders, listing, layout)
    problems = _problems(classes, layout, files, unknown, listing)
    listing.tell(end=True)
    fingerprint = digest([classes, listing.skipped, listing.stamp.hexdigest()])
    return Tree(
        root,
        classes,
        tuple(files),
        tuple(listing.skipped),
        tuple(listing.others),
        tuple(problems),
        layout.has_splits,
        find_nesting((folder for split, _, folder in folders if split == "train"), listing.look, shown),
        fingerprint,
    )


def _meant(absent: Path) -> str:
    """Return the question after folders that are called alike, or what is expected."""
    beside: list[str] = []
    with suppress(OSError):
        beside = [path.name for path in absent.parent.iterdir() if path.is_dir()]
    near = [shown(absent.parent / name) for name in nearest(absent.name, beside)]
    return question(near) if near else "expected a folder with one sub-folder of images per class"


class _Content(NamedTuple):
    """What lies directly in a folder, clutter left out."""

    folders: list[os.DirEntry[str]]
    images: list[os.DirEntry[str]]
    others: list[tuple[str, str]]
    """(path, reason)"""


class _Listing:
    """One walk through a folder: gathers what is skipped and a stamp over all files' states on the way."""

    def __init__(self, root: Path, progress: Progress | None = None) -> None:
        self.root = root
        self.progress = progress
        self.listed, self.images, self.foreign = 0, 0, 0
        self.skipped: list[tuple[str, str]] = []
        self.others: list[tuple[str, str]] = []
        self.stamp = hashlib.sha256()
        self.contents: dict[Path, _Content] = {}

    def look(self, folder: Path) -> Place:
        content = self.content(folder)
        total = sum(len(inner.images) for _, inner in self.walk(folder))
        folders = tuple(Path(entry.path) for entry in content.folders)
        return Place(folder, folder.name, folders, len(content.images), total)

    def content(self, folder: Path) -> _Content:
        if folder not in self.contents:
            self.contents[folder] = _Content([], [], [])
            for entry in self.entries(folder):
                self.sort_in(entry, self.contents[folder])
                self.listed += 1
                if self.listed % TOLD_EVERY == 0:
                    self.tell()
        return self.contents[folder]

    def sort_in(self, entry: os.DirEntry[str], content: _Content) -> None:
        if is_folder(entry):
            content.folders.append(entry)
            return
        try:
            reason = "" if entry.is_file() else "a broken link or no regular file"
        except OSError as error:
            reason = error.strerror or str(error)
        if not reason and is_image(entry.path):
            content.images.append(entry)
            self.images += 1
        else:
            self.foreign += not entry.name.lower().endswith(TEXTS)
            content.others.append((self.relative(Path(entry.path)), reason or told_kind(entry.name)))

    def tell(self, *, end: bool = False) -> None:
        """Tell how far the walk is, and end it where there is next to no image: in a system's or a user's own folder.

        Annotations may be many before the first image comes.

        Raises:
            BakeoffError: that is so.
        """
        if self.progress and self.listed >= TOLD_EVERY:
            self.progress(f"listing {shown(self.root)}", self.listed, self.listed if end else 0)
        if self.foreign >= MOST_FOREIGN and self.images < FEWEST_IMAGES * self.foreign:
            found = "is no image" if not self.images else f"are only {self.images:,} images"
            raise BakeoffError(
                f"{shown(self.root)} is not a data set: there {found} among the first {self.listed:,} files and "
                "folders in it; give the folder whose sub-folders are the classes"
            )

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.skip(folder, error.strerror or str(error))
            return []
        return [entry for entry in entries if not is_clutter(entry)]

    def walk(self, folder: Path) -> Iterator[tuple[Path, _Content]]:
        """Yield a folder and its sub-folders, each once: links may lead back to a folder above."""
        inside = folder.relative_to(self.root)
        seen = {self.identity(self.root / above) for above in inside.parents}
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            identity = self.identity(current)
            if identity and identity not in seen:
                seen.add(identity)
                content = self.content(current)
                waiting += [Path(entry.path) for entry in content.folders]
                yield current, content

    def identity(self, folder: Path) -> tuple[int, int] | None:
        """Return what tells a folder from all others, None for one that cannot be looked at."""
        try:
            state = folder.stat()
        except OSError as error:
            self.skip(folder, error.strerror or str(error))
            return None
        return state.st_dev, state.st_ino

    def images_below(self, folder: Path) -> list[str]:
        """Return the image files in `folder` and its sub-folders, relative to the root, and note the rest."""
        found: list[str] = []
        for current, content in self.walk(folder):
            inside = current.relative_to(self.root)
            found += [path for entry in content.images if self.stamped(entry, path := f"{inside}/{entry.name}")]
            self.others += content.others
        return sorted(found)

    def stamped(self, entry: os.DirEntry[str], path: str) -> bool:
        """Add the state of a file to the stamp; note why it cannot be had."""
        try:
            state = entry.stat()
        except OSError as error:
            self.skip(Path(entry.path), error.strerror or str(error))
            return False
        # Time of change and inode cannot be set by who unpacks an archive, as the time of modification can.
        facts = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        self.stamp.update(os.fsencode(path) + repr(facts).encode())
        return True

    def skip(self, path: Path, reason: str) -> None:
        if (found := (self.relative(path), reason)) not in self.skipped:
            self.skipped.append(found)

    def relative(self, path: Path) -> str:
        return shown(path.relative_to(self.root))


def _named(layout: Layout, listing: _Listing) -> list[tuple[str, str, Path]]:
    """Return (split, class name, folder); names are written in one Unicode form, as systems differ in it."""
    found: dict[tuple[str, str], Path] = {}
    for split, folder in layout.classes:
        # In class folders that hold the splits, the class is the folder above.
        own = folder.parent if layout.class_first else folder
        name = unicodedata.normalize("NFC", shown(own.name))
        if (split, name) in found:
            where = listing.relative(folder.parent.parent if layout.class_first else folder.parent)
            inside = f" in {where}" * (where != ".")
            layout.problems.append(
                f"two folders{inside} are called {name!r} in different Unicode forms: put their images into one"
            )
        found.setdefault((split, name), folder)
    return [(split, name, folder) for (split, name), folder in found.items()]


def _check_layout(
    root: Path,
    classes: tuple[str, ...],
    folders: Sequence[tuple[str, str, Path]],
    listing: _Listing,
    layout: Layout,
) -> None:
    """Note that there is one class alone.

    Raises:
        BakeoffError: there are no classes at all, or another folder is meant.
    """
    if not classes:
        raise BakeoffError(f"{shown(root)} has no sub-folders: expected one sub-folder of images per class")
    if not any(listing.look(folder).total for _, _, folder in folders):
        kinds = f" ({tell_reasons(count_reasons(listing.others))})" if listing.others else ""
        raise BakeoffError(f"{shown(root)} has no images in its sub-folders{kinds}: expected one sub-folder per class")
    if len(classes) == 1:
        layout.problems.append(f"there is one class, {classes[0]!r}: expected at least two class folders")
    filled = [place for _, _, folder in folders if (place := listing.look(folder)).total]
    if len(filled) == 1 and not filled[0].images:
        raise BakeoffError(
            f"of the folders in {shown(root)} only {shown(filled[0].name)} has images, in sub-folders: give "
            f"folder:{shown(filled[0].path)} if these are the classes, otherwise put images into the other folders"
        )


def _problems(
    classes: tuple[str, ...], layout: Layout, files: Sequence[File], unknown: dict[str, list[str]], listing: _Listing
) -> Iterator[str]:
    """Yield what keeps a folder from being used."""
    yield from layout.problems
    for split, names in unknown.items():
        told = formats.listing(list(map(repr, names)))
        alike = [known for known in classes for name in names if known.casefold() == name.casefold()]
        hint = f" (is it {alike[0]!r}?)" if alike else ""
        yield (
            f"class{'es' if len(names) > 1 else ''} {told} of the {split} folder {'are' if len(names) > 1 else 'is'} "
            f"not in the train folder{hint}: move or rename it"
        )
    have = {file.split for file in files}
    for split in sorted({split for split, _ in layout.classes} - have - unknown.keys()):
        yield f"the {split} folder has no images: add some or move the folder elsewhere"


def count_reasons(skipped: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Count what was left out by reason, the commonest first.

    A folder counts as the images in it; other numbers in reasons do not set them apart.
    """
    counts = Counter[str]()
    for _, reason in skipped:
        several = re.fullmatch(r"(.*): (\d+)( images?)?", reason)
        kind = several[1] if several else re.sub(r" \(\d+\b[^)]*\)$|\d{3,}", "", reason)
        counts[kind] += int(several[2]) if several else 1
    return dict(counts.most_common())


def tell_reasons(counts: Mapping[str, int]) -> str:
    """Tell how much was left out and why: "12 × no image (.xml), 1 × the file is empty"."""
    told = [f"{count:,} × {reason}" for reason, count in counts.items()]
    if len(told) > MOST_REASONS:
        told[MOST_REASONS - 1 :] = [f"{sum(list(counts.values())[MOST_REASONS - 1 :]):,} × other reasons"]
    return ", ".join(told)


def natural(text: str) -> tuple:
    """Return a key that sorts "2" before "10"."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part), "") if i % 2 else (-1, part.casefold()) for i, part in enumerate(parts)), text


def shown(path: str | Path) -> str:
    """Return `path` as valid Unicode: a file name may hold any bytes."""
    return os.fsencode(path).decode("utf-8", "replace")
