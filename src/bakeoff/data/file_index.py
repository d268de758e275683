"""Finds the files that a table names, only among those that a walk found: a table cannot reach any other file."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath

from bakeoff.data.split_names import role_of

Parts = tuple[str, ...]


class FileIndex:
    """Image files by the end of their path, with and without the extension."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Take paths relative to the folder, with "/"."""
        self._by_name: dict[str, list[str]] = {}
        for path in paths:
            name = path.rpartition("/")[2]
            self._by_name.setdefault(name, []).append(path)
            stem = name.rpartition(".")[0]
            if stem:
                self._by_name.setdefault(stem, []).append(path)

    def find(self, parts: Parts, split: str = "") -> list[str]:
        """Return the files whose path ends with `parts`; the extension may be missing.

        A file at exactly this path is the only result; of several, those in a folder named after `split` are preferred.
        """
        if not parts:
            return []
        found = [path for path in self._by_name.get(parts[-1], ()) if _ends_with(tuple(path.split("/")), parts)]
        if exact := [path for path in found if path.count("/") == len(parts) - 1]:
            found = exact
        if len(found) > 1 and split:
            named = [path for path in found if any(role_of(folder)[0] == split for folder in path.split("/")[:-1])]
            found = named or found
        return found


def _ends_with(path: Parts, parts: Parts) -> bool:
    return path[len(path) - len(parts) : -1] == parts[:-1] if len(parts) <= len(path) else False


def paths_of(values: Sequence[str]) -> list[Parts]:
    """Return the parts of the paths that a table names; () for paths that leave the folder, and for empty ones.

    Absolute paths come from another machine: if all are absolute, they count from the folder that all are in.
    """
    split = [_parts(value) for value in values]
    if all(parts[0] == "/" for parts in split if parts):
        return without_shared_folders(split)
    return [() if parts and parts[0] in ("/", "..") else parts for parts in split]


def without_shared_folders(paths: Sequence[Parts]) -> list[Parts]:
    """Return paths without the folders that all of them begin with."""
    given = [parts for parts in paths if parts]
    shared = 0
    while given and all(len(parts) > shared + 1 and parts[shared] == given[0][shared] for parts in given):
        shared += 1
    return [parts[shared:] for parts in paths]


def _parts(value: str) -> Parts:
    """Return the parts of a path without "." and "..", except ".." at the beginning; "/" begins an absolute one."""
    windows = PureWindowsPath(value)
    path = PurePosixPath(value)
    if "\\" in value:
        path = PurePosixPath(("/" if windows.drive else "") + windows.as_posix())  # a drive counts as a folder
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts = parts if parts[-1] == "/" else parts[:-1]
        elif part.startswith("/"):
            parts.append("/")
        elif part != ".":
            parts.append(part)
    return tuple(parts) if parts != ["/"] else ()
