"""The sub-folders of an image folder, and which of them are named after splits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bakeoff.data.split_names import role_of, words


@dataclass(frozen=True)
class Place:
    """A folder and its content."""

    path: Path
    name: str
    folders: tuple[Path, ...]
    images: int
    """Directly in it."""
    total: int
    """Including its sub-folders."""


Look = Callable[[Path], Place]


def filled_folders(place: Place, look: Look) -> list[Place]:
    """Return the sub-folders that contain images."""
    return [inner for path in place.folders if (inner := look(path)).total]


def split_roles(places: Iterable[Place], parent: str) -> dict[str, str]:
    """Return the split of each folder that is named after one.

    Apart from the split, its name must repeat its parent's or match that of another split: cats_train and cats_test.
    """
    found = {place.name: role_of(place.name) for place in places}
    around = frozenset(words(parent))

    def is_split(name: str) -> bool:
        role, rest = found[name]
        others = (other for other, own in found.values() if other not in (None, role) and own == rest)
        return role is not None and (rest <= around or any(others))

    return {name: role for name, (role, _) in found.items() if role and is_split(name)}
