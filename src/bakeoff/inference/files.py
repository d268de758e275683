"""Finds the image files that a user names: files, folders, patterns, and lists on standard input. No torch."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.data.file_names import natural_key
from bakeoff.data.walk import Walk
from bakeoff.errors import BakeoffError


@dataclass
class Found:
    """The files that a user names, each once, in this order; the images of a folder in natural order."""

    files: dict[Path, None] = field(default_factory=dict)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    """Folders that may not be read, and files that are listed but not there, with the reason."""

    def __iter__(self) -> Iterator[Path]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def find_files(given: Iterable[str]) -> Found:
    """Return the files that are named. "-" reads a list of files from standard input.

    The list has one in each line, or has NUL between them, as `find -print0` writes it.

    Raises:
        BakeoffError: a path does not exist, a folder has no image, or a pattern matches nothing.
    """
    found = Found()
    for name in given:
        if name == "-":
            for listed in _listed():
                if Path(listed).exists():
                    _add(found, listed)
                else:
                    found.unreadable.append((Path(listed), "does not exist"))
        else:
            _add(found, name)
    if not found.files and not found.unreadable:
        raise BakeoffError("no image was named: give files, folders, patterns, or - to read a list")
    return found


def _listed() -> Iterator[str]:
    """Yield the names on standard input, whatever bytes they are of; blank lines are none."""
    content = sys.stdin.buffer.read()
    names = content.split(b"\0") if b"\0" in content else (line.rstrip(b"\r") for line in content.split(b"\n"))
    return (os.fsdecode(name) for name in names if name.strip())


def _add(found: Found, name: str) -> None:
    path = Path(name).expanduser()
    if path.is_dir():
        walk = Walk(path)
        files = [path / inside for inside in walk.images_below(path)]
        found.unreadable += [(path / inside, reason) for inside, reason in walk.skipped]
        if not files and not walk.skipped:
            raise BakeoffError(f"{name} contains no images")
        found.files.update(dict.fromkeys(_in_order(files)))
    elif path.exists():
        found.files[path] = None
    elif any(mark in name for mark in "*?["):
        base = Path(path.anchor)  # of a relative path "", which is the current folder
        pattern = str(path.relative_to(base)) if path.is_absolute() else str(path)
        if not (files := list(filter(Path.is_file, base.glob(pattern)))):
            raise BakeoffError(f"no file matches {name}")
        found.files.update(dict.fromkeys(_in_order(files)))
    else:
        raise BakeoffError(f"{name} does not exist")


def _in_order(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=lambda file: natural_key(str(file)))
