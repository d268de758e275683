"""Finds the class folders of every split in an image folder, by folder names and by where the images are.

Supported are class folders; train, val and test folders with class folders; and class folders with train, val and test
folders; each possibly wrapped in further folders. Beside a train folder with class folders, val may have its labels in
a text file. Ambiguous layouts are refused rather than guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.data.ambiguous import (
    advise_table,
    describe_problems,
    find_split_names,
    refuse_folder_of_data_sets,
    refuse_names,
    refuse_parts,
    refuse_splits,
)
from bakeoff.data.annotations import find_annotations
from bakeoff.data.file_names import display_path
from bakeoff.data.split_names import FILLERS, is_beside, role_of, words
from bakeoff.data.subfolders import Look, Place, filled_folders, split_roles
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import counted, listing

DEPTH = 6
"""Maximum number of wrapping folders."""


@dataclass
class Layout:
    """The class folders, and what else was found."""

    classes: list[tuple[str, Path]] = field(default_factory=list)
    """(split, class folder)."""
    annotated: list[tuple[str, Path, Path]] = field(default_factory=list)
    """(split, folder, file) of splits whose labels are in a text file."""
    strays: list[Path] = field(default_factory=list)
    """Folders that are read for their sub-folders; images directly in them are skipped."""
    ignored: list[tuple[Path, str]] = field(default_factory=list)
    """(folder, reason) of folders that are not read."""
    problems: list[str] = field(default_factory=list)
    """Why the folder cannot be used, although its classes are known."""
    has_splits: bool = False
    class_first: bool = False
    """Whether the folders in `classes` are named after splits, and their parents after classes."""


def find_layout(root: Path, look: Look, *, grouped: bool = False) -> Layout:
    """Find the class folders of an image folder; `grouped` says whether --groups tells which images belong together.

    Raises:
        BakeoffError: there are none, or the layout is ambiguous.
    """

    def below(path: Path) -> str:
        return display_path(path.relative_to(root))

    layout = Layout()
    base = _unwrap(root, look, layout)
    layout.strays.append(base.path)
    top = [look(path) for path in base.folders]
    roles = split_roles(top, base.name)
    by_role = {role: [place for place in top if roles.get(place.name) == role] for role in sorted(set(roles.values()))}
    kinds = set(by_role)
    if "train" in kinds and _is_split_layout(top, by_role, look):
        _read_splits(top, by_role, look, below, layout)
        if not layout.classes:
            raise BakeoffError(describe_problems(display_path(root), layout.problems))
    elif len(kinds) > 1 or (kinds and len(roles) == len(top)):
        if len({role_of(place.name)[1] for place in top if role_of(place.name)[0]}) > 1:
            refuse_names(base, top)
        refuse_splits(base, by_role, [])
    elif "train" in kinds and (apart := [place for place in top if is_beside(place.name)]):
        refuse_splits(base, by_role, apart)
    elif not _read_class_first(top, look, layout):
        refuse_folder_of_data_sets(base, top, look, grouped=grouped)
        refuse_names(base, top)
        refuse_parts(base, top)
        layout.classes = [("train", place.path) for place in top]
    return layout


def _mainly_holds_folders(place: Place) -> bool:
    """Return whether at least half of the images are in sub-folders; the others are then strays."""
    return 0 < place.total - place.images >= place.images


def _adds_nothing(name: str, parent: str) -> bool:
    """Return whether a folder's name only repeats its parent's or uses generic words such as "images"."""
    return set(words(name)) <= FILLERS | set(words(parent))


def _unwrap(root: Path, look: Look, layout: Layout) -> Place:
    """Descend through wrapper folders, as archives create them, to the folder with several sub-folders."""
    place = look(root)
    for _ in range(DEPTH):
        filled = filled_folders(place, look)
        if len(filled) != 1:
            break
        inner = filled[0]
        within = split_roles(filled_folders(inner, look), inner.name)
        if inner.name in split_roles(filled, place.name) and len(set(within.values())) < 2:
            break  # it is the only split
        if not _mainly_holds_folders(inner) or not (len(place.folders) == 1 or _adds_nothing(inner.name, place.name)):
            break
        layout.strays.append(place.path)
        layout.ignored += [(path, "no images") for path in place.folders if path != inner.path]
        place = inner
    return place


def _is_split_layout(top: list[Place], by_role: dict[str, list[Place]], look: Look) -> bool:
    """Return whether "train" is a split with class folders, not a class (the vehicle)."""
    train = by_role["train"][0]
    if not filled_folders(train, look):
        return len(by_role) > 1 and not any(place.images for places in by_role.values() for place in places)
    if len(by_role) > 1 or len(top) == 1:
        return True
    others = [place for place in top if place is not train and place.images]
    return not train.images and len(others) < 2


def _read_splits(
    top: list[Place], by_role: dict[str, list[Place]], look: Look, below: Callable[[Path], str], layout: Layout
) -> None:
    """Add the classes and problems of every split; without a valid train folder there are no classes."""
    layout.has_splits = True
    for role, places in by_role.items():
        if len(places) > 1:
            names = listing([below(place.path) for place in places])
            layout.problems.append(f"found several folders for the {role} split, {names}: keep one")
    unsorted = _read_annotated(by_role, look, layout)
    insides = {
        role: _unwrap_split(places[0], role, look, layout) for role, places in by_role.items() if role not in unsorted
    }
    alone = {role: filled_folders(place, look) for role, place in insides.items()}
    if len({inner[0].name for inner in alone.values() if inner}) == 1 and all(
        len(inner) == 1 and _mainly_holds_folders(inner[0]) and len(filled_folders(inner[0], look)) > 1
        for inner in alone.values()
    ):
        layout.strays += [place.path for place in insides.values()]
        insides = {role: inner[0] for role, inner in alone.items()}
    for role in sorted(insides, key=lambda role: role != "train"):
        place = insides[role]
        layout.strays.append(place.path)
        advice = "sort its images into one sub-folder per class"
        advice += "" if role == "train" else ", or move the folder elsewhere"
        advice += advise_table(place.path.parent)
        if not place.folders:
            wrong = [f"{below(place.path)} has no class folders: {advice}"]
        elif place.total > place.images and not _mainly_holds_folders(place):
            outside = f"{place.images} of the {place.total} images in {below(place.path)}"
            wrong = [f"{outside} are outside its class folders: {advice}"]
        else:
            wrong = [
                f"in {below(place.path)} {problem}"
                for problem in find_split_names([look(path) for path in place.folders])
            ]
        layout.problems += wrong
        if not wrong and (role == "train" or layout.classes):
            layout.classes += [(role, path) for path in place.folders]
    used = {place.path for places in by_role.values() for place in places}
    layout.ignored += [
        (
            place.path,
            "not a train, val or test folder" + (f": {counted(place.total, 'image')}" * bool(place.total)),
        )
        for place in top
        if place.path not in used
    ]


def _read_annotated(by_role: dict[str, list[Place]], look: Look, layout: Layout) -> set[str]:
    """Add the splits whose labels are in a text file; return these and those that then have no labels at all."""
    places = {role: own[0] for role, own in by_role.items() if role != "train" and _is_unsorted(own[0], look)}
    files = {role: file for role, place in places.items() if (file := find_annotations(place.path))}
    if not files:
        return set()
    layout.annotated += [(role, places[role].path, file) for role, file in files.items()]
    layout.ignored += [
        (place.path, f"images without labels: {place.total}") for role, place in places.items() if role not in files
    ]
    return set(places)


def _is_unsorted(place: Place, look: Look) -> bool:
    """Return whether the images of a split are in its folder, or in a single one called "images" or alike."""
    filled = filled_folders(place, look)
    return not filled or (len(filled) == 1 and _adds_nothing(filled[0].name, place.name))


def _unwrap_split(place: Place, role: str, look: Look, layout: Layout) -> Place:
    """Descend from a split to its class folders through train/train, training_set/training_set, train/images etc."""
    for _ in range(DEPTH):
        filled = filled_folders(place, look)
        if len(filled) != 1 or not _mainly_holds_folders(filled[0]):
            break
        inner = filled[0]
        if role_of(inner.name)[0] != role and not _adds_nothing(inner.name, place.name):
            break
        layout.strays.append(place.path)
        layout.ignored += [(path, "no images") for path in place.folders if path != inner.path]
        place = inner
    return place


def _read_class_first(top: list[Place], look: Look, layout: Layout) -> bool:
    """Read class folders that contain train, val and test folders; return whether the layout is this one."""
    found: list[tuple[str, Path]] = []
    for place in top:
        inside = [look(path) for path in place.folders]
        roles = split_roles(inside, place.name)
        named = [roles[inner.name] for inner in inside if inner.name in roles]
        if place.images or "train" not in named or len(named) < 2 or len(set(named)) < len(inside):
            return False
        if any(filled_folders(inner, look) for inner in inside):
            return False
        found += [(roles[inner.name], inner.path) for inner in inside]
    layout.classes += found
    layout.has_splits = layout.class_first = bool(found)
    return bool(found)
