"""Class folders with images in sub-folders: the sub-folders may be the intended classes."""

from collections.abc import Iterable
from pathlib import Path

from bakeoff.data.file_names import display_path
from bakeoff.data.subfolders import Look, Place
from bakeoff.spec.values import Value

STRAYS = 0.1
"""Largest share of images directly in a class folder that still counts as nested."""


class Nesting(Value, frozen=True):
    """What to give instead if every class folder is a folder of folders."""

    folder: str
    """One of the class folders, "folder:PATH"."""
    inner: tuple[str, ...]
    """Names of its sub-folders with images."""


def find_nesting(classes: Iterable[Path], look: Look) -> Nesting | None:
    """Return the first class folder if all class folders have their images in several sub-folders, else None."""
    first: Nesting | None = None
    for place in map(look, classes):
        if not place.total:
            continue
        inner = _nested_folders(place, look)
        if len(inner) < 2:
            return None
        first = first or Nesting(f"folder:{display_path(place.path)}", tuple(display_path(each.name) for each in inner))
    return first


def _nested_folders(place: Place, look: Look) -> list[Place]:
    """Return the sub-folders with the images of a class; none if more than a few images are outside them."""
    if place.images > STRAYS * place.total:
        return []
    return [inner for path in place.folders if (inner := look(path)).total]


def describe_nesting(nesting: Nesting) -> str:
    """Return a sentence about which folders count as classes, and what to give if others are the classes."""
    inner = f"{', '.join(nesting.inner[:3])}{', …' * (len(nesting.inner) > 3)}"
    return (
        f"every class folder has sub-folders with images ({inner}), which count as one class each: "
        f"if the sub-folders are the classes, give {nesting.folder} itself"
    )
