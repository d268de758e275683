"""Errors for folders whose layout can be read in more than one way."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bakeoff.data.file_names import display_path
from bakeoff.data.source_name import CSV, kind_of_path
from bakeoff.data.split_names import part_of, role_of, words
from bakeoff.data.subfolders import Look, Place, filled_folders, split_roles
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import listing

SHARED = 0.5
"""Folders that share at least this fraction of their sub-folder names look like data sets, not classes."""
MOST_PROBLEMS = 10
"""Problems listed in one message."""


def describe_problems(root: str, problems: Sequence[str]) -> str:
    """Return the problems of a folder as one sentence."""
    several = [f"({number}) {problem}" for number, problem in enumerate(problems[:MOST_PROBLEMS], start=1)]
    several += [f"and {len(problems) - MOST_PROBLEMS:,} more"] if len(problems) > MOST_PROBLEMS else []
    return f"{root}: {problems[0] if len(problems) == 1 else '; '.join(several)}"


def advise_table(*folders: Path) -> str:
    """Return the advice to use a table that may list the images, of the first folder that has one; to end a message."""
    likely: list[Path] = []
    for folder in folders:
        tables = [path for path in sorted(folder.glob("*")) if kind_of_path(path) == CSV and path.is_file()]
        likely = likely or [path for path in tables if not {"test", "submission"} & set(words(path.stem))]
    if not likely:
        return ""
    best = min(likely, key=lambda path: not {"train", "label", "labels"} & set(words(path.stem)))
    shown = display_path(best)
    return f"; if {display_path(best.name)} has the labels of the images, give csv:{shown} instead"


def refuse_splits(base: Place, by_role: dict[str, list[Place]], apart: list[Place]) -> None:
    """Explain why folders named after splits are not read as splits; they are never read as classes.

    `apart` are further folders whose names rule out classes, such as "gallery".
    """
    names = [display_path(Path(place.name)) for places in (*by_role.values(), apart) for place in places]
    if "train" not in by_role:
        raise BakeoffError(
            f"{display_path(base.path)} has {' and '.join(sorted(names))} but no train folder: "
            "add one, or rename the folders if they are classes"
        )
    train = by_role["train"][0]
    raise BakeoffError(
        f"{display_path(train.path)} has no class folders: sort its images into one sub-folder per class, "
        f"{f'in {listing(sorted(names))} alike, ' * (len(names) > 1)}or rename the folders if they are classes"
        f"{advise_table(base.path)}"
    )


def refuse_folder_of_data_sets(base: Place, top: list[Place], look: Look, *, grouped: bool) -> None:
    """Refuse folders that look like data sets, not classes: train and test folders, or the same sub-folders.

    The same sub-folders are accepted if the images are grouped: then they are those of patients, for example.
    """
    filled = [place for place in top if place.total]
    inside = [filled_folders(place, look) for place in filled]
    names = [{inner.name.casefold() for inner in places} for places in inside]
    shared = set.intersection(*names) if len(names) > 1 and not grouped else set()
    split = [p for p, places in zip(filled, inside, strict=True) if len(set(split_roles(places, p.name).values())) > 1]
    if split:
        example, has = split[0], "train and test folders of its own"
    elif len(shared) > 1 and len(shared) >= SHARED * len(set.union(*names)) and not any(p.images for p in filled):
        examples = ", ".join(sorted(display_path(Path(inner.name)) for inner in inside[0])[:3])
        example, has = filled[0], f"the same sub-folders as the others ({examples}{', …' * (len(inside[0]) > 3)})"
    else:
        return
    raise BakeoffError(
        f"{display_path(base.path)} looks like a folder of data sets, because {display_path(Path(example.name))} has "
        f"{has}: give one of them, such as folder:{display_path(example.path)}, or move the images out of the "
        f"sub-folders if they are classes{'' if split else '; with --groups, sub-folders may be groups'}"
    )


def refuse_names(base: Place, top: list[Place]) -> None:
    """Refuse class folders that are also named after splits, such as cats_train and cats_test."""
    if problems := list(find_split_names(top)):
        raise BakeoffError(describe_problems(display_path(base.path), problems))


def refuse_parts(base: Place, top: list[Place]) -> None:
    """Refuse numbered parts of one data set, such as fold1 and fold2, as classes."""
    filled = [place for place in top if place.total]
    if len({part_of(place.name) for place in filled}) == 1 < len(filled) and part_of(filled[0].name):
        names = " and ".join(display_path(Path(place.name)) for place in filled[:2])
        raise BakeoffError(
            f"{display_path(base.path)}: {names}{' and others' * (len(filled) > 2)} look like parts of one data "
            "set, not classes: sort the images into one sub-folder per class, or rename the folders if they are classes"
        )


def find_split_names(top: list[Place]) -> Iterator[str]:
    """Yield the class folders that are also named after splits, such as cats_train and cats_test."""
    found: dict[frozenset[str], dict[str, str]] = {}
    for place in top:
        role, rest = role_of(place.name)
        if role:
            found.setdefault(rest, {})[role] = place.name
    for rest, roles in found.items():
        if len(roles) > 1:
            names = listing([repr(display_path(name)) for name in roles.values()])
            label = "-".join(sorted(rest)) or "CLASS"
            yield (
                f"{names} look like splits, not classes: sort their images into "
                f"{listing([f'{role}/{label}' for role in roles])}, or rename them if they are classes"
            )
