"""Which folder of an image folder holds which class of which split, judged by names and by where the images lie.

Known are class folders; train, val and test folders that have them; and class folders that have train, val and test
folders; each perhaps wrapped in further folders. What may mean one thing or another is refused: the wrong one would be
read in silence.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.data.split_names import FILLERS, is_beside, part_of, role_of, words
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import counted, listing

DEPTH = 6
"""Folders that may be wrapped around one another."""
SHARED = 0.5
"""Share of the names of their sub-folders that folders have in common if they are data sets rather than classes."""
MOST_PROBLEMS = 10
"""That are told at once."""


@dataclass(frozen=True)
class Place:
    """A folder with what lies in it."""

    path: Path
    name: str
    folders: tuple[Path, ...]
    images: int
    """Directly in it."""
    total: int
    """And in its sub-folders."""


Look = Callable[[Path], Place]


@dataclass
class Layout:
    """What was found: where the classes are, and what lies beside them."""

    classes: list[tuple[str, Path]] = field(default_factory=list)
    """(split, folder of a class)."""
    strays: list[Path] = field(default_factory=list)
    """Folders in which images lie beside sub-folders that are read instead."""
    beside: list[tuple[Path, str]] = field(default_factory=list)
    """Folders that are not read, with the reason."""
    problems: list[str] = field(default_factory=list)
    """What keeps the folder from being used, in sentences, where the classes can be told all the same."""
    has_splits: bool = False
    class_first: bool = False
    """The folders in `classes` are called for splits, and the class is the folder around each."""


def find_layout(root: Path, look: Look, shown: Callable[[Path], str]) -> Layout:
    """Return where the classes of an image folder are.

    Raises:
        BakeoffError: there are none, or the folders can be read in more than one way.
    """

    def below(path: Path) -> str:
        return shown(path.relative_to(root))

    layout = Layout()
    base = _unwrapped(root, look, layout)
    layout.strays.append(base.path)
    top = [look(path) for path in base.folders]
    roles = _roles(top, base.name)
    by_role = {role: [place for place in top if roles.get(place.name) == role] for role in sorted(set(roles.values()))}
    kinds = set(by_role)
    if "train" in kinds and _is_split_layout(top, by_role, look):
        _read_splits(top, by_role, look, below, layout)
        if not layout.classes:
            raise BakeoffError(tell_problems(shown(root), layout.problems))
    elif len(kinds) > 1 or (kinds and len(roles) == len(top)):
        if len({role_of(place.name)[1] for place in top if role_of(place.name)[0]}) > 1:
            _refuse_names(base, top, shown)
        _refuse_splits(base, by_role, [], shown)
    elif "train" in kinds and (apart := [place for place in top if is_beside(place.name)]):
        _refuse_splits(base, by_role, apart, shown)
    elif not _read_class_first(top, look, layout):
        _refuse_data_sets(base, top, look, shown)
        _refuse_names(base, top, shown)
        _refuse_parts(base, top, shown)
        layout.classes = [("train", place.path) for place in top]
    return layout


def tell_problems(root: str, problems: Sequence[str]) -> str:
    """Return one sentence of all that keeps a folder from being used."""
    several = [f"({number}) {problem}" for number, problem in enumerate(problems[:MOST_PROBLEMS], start=1)]
    several += [f"and {len(problems) - MOST_PROBLEMS:,} more"] if len(problems) > MOST_PROBLEMS else []
    return f"{root}: {problems[0] if len(problems) == 1 else '; '.join(several)}"


def _roles(places: Iterable[Place], parent: str) -> dict[str, str]:
    """Return the splits of folders by name: of those that speak of nothing else, or of the same thing as another."""
    found = {place.name: role_of(place.name) for place in places}
    around = frozenset(words(parent))

    def is_split(name: str) -> bool:
        role, rest = found[name]
        others = (other for other, own in found.values() if other not in (None, role) and own == rest)
        return role is not None and (rest <= around or any(others))

    return {name: role for name, (role, _) in found.items() if role and is_split(name)}


def _filled(place: Place, look: Look) -> list[Place]:
    """Return the sub-folders that have images."""
    return [inner for path in place.folders if (inner := look(path)).total]


def _holds_folders(place: Place) -> bool:
    """Say whether a folder is there for its sub-folders: images beside these are strays."""
    return 0 < place.total - place.images >= place.images


def _means_nothing(name: str, parent: str) -> bool:
    """Say whether a folder's name is that of the folder around it, or speaks of images as such."""
    return set(words(name)) <= FILLERS | set(words(parent))


def _unwrapped(root: Path, look: Look, layout: Layout) -> Place:
    """Follow folders that hold nothing but one folder, as archives make them, to the one that has several."""
    place = look(root)
    for _ in range(DEPTH):
        filled = _filled(place, look)
        if len(filled) != 1:
            break
        inner = filled[0]
        within = _roles(_filled(inner, look), inner.name)
        if inner.name in _roles(filled, place.name) and len(set(within.values())) < 2:
            break  # the one split there is
        if not _holds_folders(inner) or not (len(place.folders) == 1 or _means_nothing(inner.name, place.name)):
            break
        layout.strays.append(place.path)
        layout.beside += [(path, "no images") for path in place.folders if path != inner.path]
        place = inner
    return place


def _is_split_layout(top: list[Place], by_role: dict[str, list[Place]], look: Look) -> bool:
    """Say whether the train folder has class folders, rather than being a class of that name (a vehicle)."""
    train = by_role["train"][0]
    if not _filled(train, look):
        return len(by_role) > 1 and not any(place.images for places in by_role.values() for place in places)
    if len(by_role) > 1 or len(top) == 1:
        return True
    others = [place for place in top if place is not train and place.images]
    return not train.images and len(others) < 2


def _read_splits(
    top: list[Place], by_role: dict[str, list[Place]], look: Look, below: Callable[[Path], str], layout: Layout
) -> None:
    """Note the classes of every split, and all that is wrong with the splits; no class if that is the training's."""
    layout.has_splits = True
    for role, places in by_role.items():
        if len(places) > 1:
            names = listing([below(place.path) for place in places])
            layout.problems.append(f"there is more than one folder for the {role} split, {names}: keep one")
    insides = {role: _unwrapped_split(places[0], role, look, layout) for role, places in by_role.items()}
    alone = {role: _filled(place, look) for role, place in insides.items()}
    if len({inner[0].name for inner in alone.values() if inner}) == 1 and all(
        len(inner) == 1 and _holds_folders(inner[0]) and len(_filled(inner[0], look)) > 1 for inner in alone.values()
    ):
        layout.strays += [place.path for place in insides.values()]
        insides = {role: inner[0] for role, inner in alone.items()}
    for role in sorted(insides, key=lambda role: role != "train"):
        place = insides[role]
        layout.strays.append(place.path)
        advice = "sort its images into one sub-folder per class"
        advice += "" if role == "train" else ", or move the folder elsewhere"
        if not place.folders:
            wrong = [f"{below(place.path)} has no class folders: {advice}"]
        elif place.total > place.images and not _holds_folders(place):
            outside = f"{place.images} of the {place.total} images in {below(place.path)}"
            wrong = [f"{outside} lie outside its class folders: {advice}"]
        else:
            wrong = [f"in {below(place.path)} {told}" for told in _like_splits([look(path) for path in place.folders])]
        layout.problems += wrong
        if not wrong and (role == "train" or layout.classes):
            layout.classes += [(role, path) for path in place.folders]
    used = {place.path for places in by_role.values() for place in places}
    layout.beside += [
        (
            place.path,
            "neither a train, val nor test folder" + (f": {counted(place.total, 'image')}" * bool(place.total)),
        )
        for place in top
        if place.path not in used
    ]


def _unwrapped_split(place: Place, role: str, look: Look, layout: Layout) -> Place:
    """Follow train/train, training_set/training_set, train/images and the like to the class folders."""
    for _ in range(DEPTH):
        filled = _filled(place, look)
        if len(filled) != 1 or not _holds_folders(filled[0]):
            break
        inner = filled[0]
        if role_of(inner.name)[0] != role and not _means_nothing(inner.name, place.name):
            break
        layout.strays.append(place.path)
        layout.beside += [(path, "no images") for path in place.folders if path != inner.path]
        place = inner
    return place


def _refuse_splits(
    base: Place, by_role: dict[str, list[Place]], apart: list[Place], shown: Callable[[Path], str]
) -> None:
    """Say why folders that are called like splits cannot be read as such; as classes they are never read.

    `apart` are further folders that their names make no classes.
    """
    names = [shown(Path(place.name)) for places in (*by_role.values(), apart) for place in places]
    if "train" not in by_role:
        raise BakeoffError(
            f"{shown(base.path)} has {' and '.join(sorted(names))} but no train folder: "
            "add one, or rename the folders if they are classes"
        )
    train = by_role["train"][0]
    raise BakeoffError(
        f"{shown(train.path)} has no class folders: sort its images into one sub-folder per class, "
        f"in {' and '.join(sorted(names))} alike, or rename these folders if they are classes"
    )


def _read_class_first(top: list[Place], look: Look, layout: Layout) -> bool:
    """Read class folders that hold train, val and test folders of images; say whether they are that."""
    found: list[tuple[str, Path]] = []
    for place in top:
        inside = [look(path) for path in place.folders]
        roles = _roles(inside, place.name)
        named = [roles[inner.name] for inner in inside if inner.name in roles]
        if place.images or "train" not in named or len(named) < 2 or len(set(named)) < len(inside):
            return False
        if any(_filled(inner, look) for inner in inside):
            return False
        found += [(roles[inner.name], inner.path) for inner in inside]
    layout.classes += found
    layout.has_splits = layout.class_first = bool(found)
    return bool(found)


def _refuse_data_sets(base: Place, top: list[Place], look: Look, shown: Callable[[Path], str]) -> None:
    """Say so if folders that would be classes look like data sets: they hold the same classes, or train and test."""
    filled = [place for place in top if place.total]
    inside = [_filled(place, look) for place in filled]
    names = [{inner.name.casefold() for inner in places} for places in inside]
    shared = set.intersection(*names) if len(names) > 1 else set()
    split = [p for p, places in zip(filled, inside, strict=True) if len(set(_roles(places, p.name).values())) > 1]
    if split:
        example, has = split[0], "train and test folders of its own"
    elif len(shared) > 1 and len(shared) >= SHARED * len(set.union(*names)) and not any(p.images for p in filled):
        told = ", ".join(sorted(shown(Path(inner.name)) for inner in inside[0])[:3])
        example, has = filled[0], f"the same sub-folders as the others ({told}{', …' * (len(inside[0]) > 3)})"
    else:
        return
    raise BakeoffError(
        f"{shown(base.path)} looks like a folder of data sets, as {shown(Path(example.name))} has {has}: give one of "
        f"them, such as folder:{shown(example.path)}, or move the images out of the sub-folders if these are classes"
    )


def _refuse_names(base: Place, top: list[Place], shown: Callable[[Path], str]) -> None:
    """Say so if class folders are called for splits as well, such as cats_train and cats_test."""
    if problems := list(_like_splits(top)):
        raise BakeoffError(tell_problems(shown(base.path), problems))


def _refuse_parts(base: Place, top: list[Place], shown: Callable[[Path], str]) -> None:
    """Say so if what would be classes are the numbered parts of one data set, such as fold1 and fold2."""
    filled = [place for place in top if place.total]
    if len({part_of(place.name) for place in filled}) == 1 < len(filled) and part_of(filled[0].name):
        names = " and ".join(shown(Path(place.name)) for place in filled[:2])
        raise BakeoffError(
            f"{shown(base.path)}: {names}{' and others' * (len(filled) > 2)} look like parts of one data set, not "
            "classes: sort the images into one sub-folder per class, or rename the folders if they are classes"
        )


def _like_splits(top: list[Place]) -> Iterator[str]:
    """Yield which class folders are called for splits as well, such as cats_train and cats_test."""
    found: dict[frozenset[str], dict[str, str]] = {}
    for place in top:
        role, rest = role_of(place.name)
        if role:
            found.setdefault(rest, {})[role] = place.name
    for rest, roles in found.items():
        if len(roles) > 1:
            names = listing([repr(os.fsencode(name).decode("utf-8", "replace")) for name in roles.values()])
            label = "-".join(sorted(rest)) or "CLASS"
            yield (
                f"{names} look like splits, not classes: sort their images into "
                f"{listing([f'{role}/{label}' for role in roles])}, or rename them if they are classes"
            )
