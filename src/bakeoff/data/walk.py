"""Walking through an image folder: its images, everything else in it, and a fingerprint of the files' states."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bakeoff.data.dataset import Progress
from bakeoff.data.file_names import display_path
from bakeoff.data.kinds import TEXTS, describe_other_file, is_clutter, is_folder, is_image
from bakeoff.data.layout import Place
from bakeoff.errors import BakeoffError

REPORT_EVERY = 1000
"""Files and folders between two progress reports."""
MOST_FOREIGN = 100_000
"""After this many files that are neither images nor text (annotations), the walk gives up …"""
FEWEST_IMAGES = 0.1
"""… unless there are at least this many images per such file."""


class FolderContent(NamedTuple):
    """The direct content of a folder, without clutter."""

    folders: list[os.DirEntry[str]]
    images: list[os.DirEntry[str]]
    others: list[tuple[str, str]]
    """(path, reason)"""


class Walk:
    """One walk through `root`. Collects what is skipped and a hash over the states of all image files."""

    def __init__(self, root: Path, progress: Progress | None = None) -> None:
        self.root = root
        self.progress = progress
        self.listed, self.images, self.foreign = 0, 0, 0
        self.skipped: list[tuple[str, str]] = []
        self.others: list[tuple[str, str]] = []
        self.states = hashlib.sha256()
        self._contents: dict[Path, FolderContent] = {}

    def look(self, folder: Path) -> Place:
        """Return the sub-folders and the image counts of a folder."""
        content = self._content(folder)
        total = sum(len(inner.images) for _, inner in self._descend(folder))
        folders = tuple(Path(entry.path) for entry in content.folders)
        return Place(folder, folder.name, folders, len(content.images), total)

    def images_below(self, folder: Path) -> list[str]:
        """Return the paths of the images in `folder` and its sub-folders, relative to the root."""
        found: list[str] = []
        for current, content in self._descend(folder):
            found += self._take(current, content)
        return sorted(found)

    def images_in(self, folder: Path) -> list[str]:
        """Return the paths of the images in `folder` itself, relative to the root."""
        return sorted(path.removeprefix("./") for path in self._take(folder, self._content(folder)))

    def is_open(self, folder: Path) -> bool:
        """Return whether a folder is one, and neither it nor one above it, below the root, is clutter or a link."""
        inside = folder.relative_to(self.root)
        steps = [self.root / step for step in (inside, *inside.parents)][:-1] if inside.parts else []
        return folder.is_dir() and not any(step.is_symlink() or is_clutter(step) for step in steps)

    def _take(self, folder: Path, content: FolderContent) -> list[str]:
        inside = folder.relative_to(self.root)
        self.others += content.others
        return [path for entry in content.images if self._hash_state(entry, path := f"{inside}/{entry.name}")]

    def skip(self, path: Path, reason: str) -> None:
        """Record a file or folder as skipped, once."""
        if (found := (self.relative(path), reason)) not in self.skipped:
            self.skipped.append(found)

    def relative(self, path: Path) -> str:
        """Return `path` relative to the root, for display."""
        return display_path(path.relative_to(self.root))

    def report(self, *, end: bool = False) -> None:
        """Report progress, and give up on a folder with hardly any images, such as a home directory.

        Text files do not count against a folder: annotations may come before the images.

        Raises:
            BakeoffError: there are hardly any images.
        """
        if self.progress and self.listed >= REPORT_EVERY:
            self.progress(f"listing {display_path(self.root)}", self.listed, self.listed if end else 0)
        if self.foreign >= MOST_FOREIGN and self.images < FEWEST_IMAGES * self.foreign:
            found = f"only {self.images:,} images" if self.images else "no images"
            raise BakeoffError(
                f"{display_path(self.root)} is not a data set: found {found} among the first {self.listed:,} files "
                "and folders; give the folder whose sub-folders are the classes"
            )

    def _content(self, folder: Path) -> FolderContent:
        if folder not in self._contents:
            self._contents[folder] = FolderContent([], [], [])
            for entry in self._entries(folder):
                self._sort_in(entry, self._contents[folder])
                self.listed += 1
                if self.listed % REPORT_EVERY == 0:
                    self.report()
        return self._contents[folder]

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.skip(folder, error.strerror or str(error))
            return []
        return [entry for entry in entries if not is_clutter(entry)]

    def _sort_in(self, entry: os.DirEntry[str], content: FolderContent) -> None:
        if is_folder(entry):
            content.folders.append(entry)
            return
        try:
            reason = "" if entry.is_file() else "a broken link or not a regular file"
        except OSError as error:
            reason = error.strerror or str(error)
        if not reason and is_image(entry.path):
            content.images.append(entry)
            self.images += 1
        else:
            self.foreign += not entry.name.lower().endswith(TEXTS)
            content.others.append((self.relative(Path(entry.path)), reason or describe_other_file(entry.name)))

    def _descend(self, folder: Path) -> Iterator[tuple[Path, FolderContent]]:
        """Yield a folder and its sub-folders, each once: links may form cycles."""
        inside = folder.relative_to(self.root)
        seen = {self._identity(self.root / above) for above in inside.parents}
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            identity = self._identity(current)
            if identity and identity not in seen:
                seen.add(identity)
                content = self._content(current)
                waiting += [Path(entry.path) for entry in content.folders]
                yield current, content

    def _identity(self, folder: Path) -> tuple[int, int] | None:
        """Return device and inode of a folder, None if it cannot be read."""
        try:
            state = folder.stat()
        except OSError as error:
            self.skip(folder, error.strerror or str(error))
            return None
        return state.st_dev, state.st_ino

    def _hash_state(self, entry: os.DirEntry[str], path: str) -> bool:
        """Add the state of a file to the hash; if it cannot be read, skip the file and return False."""
        try:
            state = entry.stat()
        except OSError as error:
            self.skip(Path(entry.path), error.strerror or str(error))
            return False
        # Unpacking an archive can set the modification time, but not ctime and inode.
        facts = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        self.states.update(os.fsencode(path) + repr(facts).encode())
        return True
