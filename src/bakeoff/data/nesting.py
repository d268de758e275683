"""Class folders whose images lie in sub-folders: perhaps these are the classes that were meant."""

from collections.abc import Callable, Iterable
from pathlib import Path

from bakeoff.data.layout import Look, Place
from bakeoff.spec.values import Value

STRAYS = 0.1
"""Share of the images of a class folder that may lie directly in it, all the same."""


class Nesting(Value, frozen=True):
    """What to give instead where every class folder is a folder of folders."""

    folder: str
    """One of the class folders, "folder:PATH"."""
    inner: tuple[str, ...]
    """Its sub-folders with images, by name."""


def find_nesting(classes: Iterable[Path], look: Look, shown: Callable[[Path], str]) -> Nesting | None:
    """Return the first class folder if all of them have their images in several sub-folders, else None."""
    first: Nesting | None = None
    for place in map(look, classes):
        if not place.total:
            continue
        inner = _nested(place, look)
        if len(inner) < 2:
            return None
        first = first or Nesting(f"folder:{shown(place.path)}", tuple(shown(Path(each.name)) for each in inner))
    return first


def _nested(place: Place, look: Look) -> list[Place]:
    """Return the sub-folders that the images of a class lie in, none if they lie beside these."""
    if place.images > STRAYS * place.total:
        return []
    return [inner for path in place.folders if (inner := look(path)).total]


def tell_nesting(nesting: Nesting) -> str:
    """Say which folders were taken for the classes, and what to give if others are."""
    inner = f"{', '.join(nesting.inner[:3])}{', …' * (len(nesting.inner) > 3)}"
    return (
        f"every class folder has sub-folders with images ({inner}), which count as one class: "
        f"if the sub-folders are the classes, give {nesting.folder} itself"
    )
