"""Which images a table may list: those in the folders that its paths name, not all below the folder it lies in."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from bakeoff.data.dataset import Progress
from bakeoff.data.file_index import FileIndex, Parts, paths_of
from bakeoff.data.table import TextColumns
from bakeoff.data.walk import Walk

ENOUGH = 0.5
"""Share of the paths that must be there, if all of them name folders; of names alone, all must be."""


def list_images(
    root: Path, tables: Sequence[TextColumns], column: str | None, progress: Progress | None
) -> tuple[Walk, list[str]]:
    """Return the images that tables may list, relative to `root`, and the walk that found them.

    If a column has paths to files, only the folders of these paths are read: a table may lie in a home directory.
    Otherwise names may be those of files in any folder, and everything below the root is read.

    Args:
        root: where paths begin.
        tables: with the same columns, one for each split or one for all.
        column: that of the paths; None if it is not known.
        progress: called while a folder is read.
    """
    names = (column,) if column else tuple(tables[0].columns)
    values = (chain.from_iterable(table.columns.get(name, ()) for table in tables) for name in names)
    paths = [[parts for parts in paths_of(list(dict.fromkeys(own))) if parts] for own in values]
    for in_folders in (True, False):  # the folder of the table only if no column names others
        walk, found = Walk(root, progress), set[str]()
        for own in paths:
            if all(len(parts) > 1 for parts in own) == in_folders:
                found.update(_list_beside(walk, own, ENOUGH if in_folders else 1.0))
        if found:
            break
    else:
        walk = Walk(root, progress)
        found = {path.removeprefix("./") for path in walk.images_below(root)}
    walk.report(end=True)
    return walk, sorted(found)


def _list_beside(walk: Walk, paths: Sequence[Parts], enough: float) -> list[str]:
    """Return the images in the folders of paths, relative to the root; none if less than `enough` of them are there."""
    folders = sorted({parts[:-1] for parts in paths})
    if not folders or not all(walk.is_open(walk.root.joinpath(*parts)) for parts in folders):
        return []
    images = [image for parts in folders for image in walk.images_in(walk.root.joinpath(*parts))]
    index = FileIndex(images)
    share = sum(bool(index.find(parts)) for parts in paths) / len(paths)
    return images if share >= enough else []
