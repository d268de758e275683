"""The files of an image folder with their splits and classes, before any file is opened."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bakeoff.data.ambiguous import advise_table
from bakeoff.data.annotations import match_annotations, read_annotations
from bakeoff.data.dataset import Progress
from bakeoff.data.file_names import display_path, natural_key
from bakeoff.data.layout import Layout, find_layout
from bakeoff.data.nesting import Nesting, find_nesting
from bakeoff.data.skipped import count_reasons, format_reasons
from bakeoff.data.source_name import FOLDER, kind_of_path
from bakeoff.data.walk import Walk
from bakeoff.errors import BakeoffError
from bakeoff.lookup import nearest, question
from bakeoff.spec.values import digest
from bakeoff.text.formats import listing


@dataclass(frozen=True, slots=True)
class File:
    """One image file."""

    path: str
    """Relative to the folder."""
    split: str
    label: int
    group: str = ""
    """The patient, plant, video or track it belongs to, if known."""


@dataclass(frozen=True)
class Tree:
    """The content of an image folder, sorted by path; class names sort naturally, "2" before "10"."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[File, ...]
    skipped: tuple[tuple[str, str], ...]
    """(path, reason) of files and folders that look like images or classes but cannot be used."""
    others: tuple[tuple[str, str], ...]
    """(path, reason) of files in class folders that are not images."""
    problems: tuple[str, ...]
    """Why the folder cannot be used, as far as can be told without opening a file."""
    has_splits: bool
    """Whether it has its own train, val and test folders."""
    nesting: Nesting | None
    fingerprint: str
    """Changes whenever an image is added, removed, renamed or written."""
    name: str
    """The data set's name, without the path: "folder:photos"."""
    shown: str
    """The path of the folder or table, as shown in messages."""
    source: str
    """The absolute path of the folder or table."""
    reading: str = ""
    """How a table was read: its columns and the folder with the images."""


def list_images(root: Path, progress: Progress | None = None, *, grouped: bool = False) -> Tree:
    """Return the images in the class folders of `root`, or of its train, val and test folders; see `find_layout`.

    Raises:
        BakeoffError: `root` is not a folder, does not contain class folders, or has hardly any images.
    """
    if not root.exists():
        raise BakeoffError(f"{display_path(root)} does not exist: {_suggestion(root)}")
    if not root.is_dir():
        kind = kind_of_path(root)
        advice = (
            "unpack it and give the folder with one sub-folder per class"
            if kind == FOLDER
            else f"give {kind}{display_path(root)}"
        )
        raise BakeoffError(f"{display_path(root)} is a file: {advice}")
    walk = Walk(root, progress)
    layout = find_layout(root, walk.look, grouped=grouped)
    for folder in layout.strays:
        if strays := walk.look(folder).images:
            walk.skip(folder, f"images outside the class folders: {strays}")
    for folder, reason in layout.ignored:
        walk.skip(folder, reason)
    folders = _name_classes(layout, walk)
    classes = tuple(sorted({name for split, name, _ in folders if split == "train"}, key=natural_key))
    files: list[File] = []
    unknown: dict[str, list[str]] = {}
    for split, name, folder in sorted(folders, key=lambda found: (found[0], natural_key(found[1]))):
        paths = walk.images_below(folder)
        if name in classes:
            files += [File(path, split, classes.index(name)) for path in paths]
        elif paths:
            unknown.setdefault(split, []).append(name)
    for split, folder, annotations in layout.annotated:
        for path, label in _read_annotated(folder, annotations, walk):
            if label in classes:
                files.append(File(path, split, classes.index(label)))
            else:
                unknown[split] = list(dict.fromkeys([*unknown.get(split, []), label]))
    _check_layout(root, classes, folders, walk, layout)
    problems = _find_problems(classes, layout, files, unknown)
    walk.report(end=True)
    fingerprint = digest([classes, walk.skipped, walk.states.hexdigest()])
    return Tree(
        root,
        classes,
        tuple(files),
        tuple(walk.skipped),
        tuple(walk.others),
        tuple(problems),
        layout.has_splits,
        None if grouped else find_nesting((folder for split, _, folder in folders if split == "train"), walk.look),
        fingerprint,
        name=f"{FOLDER}{display_path(root.resolve().name)}",
        shown=display_path(root),
        source=display_path(root.resolve()),
    )


def _read_annotated(folder: Path, annotations: Path, walk: Walk) -> list[tuple[str, str]]:
    """Return (path, label) of the images of a split with its labels in a text file; others are skipped."""
    pairs = read_annotations(annotations)
    walk.states.update(repr(pairs).encode())
    paths = walk.images_below(folder)
    walk.others = [(path, reason) for path, reason in walk.others if path != walk.relative(annotations)]
    name = display_path(annotations.name)
    labels: dict[str, str] = {}
    for listed, path, label in match_annotations(pairs, paths):
        if not path or labels.setdefault(path, label) != label:
            reason = f"listed with two labels in {name}" if path else f"listed in {name}, but missing"
            walk.skipped.append((listed, reason))
    if unlisted := len(paths) - len(labels):
        walk.skip(folder, f"images that {name} does not list: {unlisted}")
    return sorted(labels.items())


def _suggestion(missing: Path) -> str:
    """Return the names of similarly named folders as a question, or what kind of folder is expected."""
    siblings: list[str] = []
    with suppress(OSError):
        siblings = [path.name for path in missing.parent.iterdir() if path.is_dir()]
    near = [display_path(missing.parent / name) for name in nearest(missing.name, siblings)]
    return question(near) if near else "expected a folder with one sub-folder of images per class"


def _name_classes(layout: Layout, walk: Walk) -> list[tuple[str, str, Path]]:
    """Return (split, class name, folder); names are normalised to NFC, since systems differ in their Unicode form."""
    found: dict[tuple[str, str], Path] = {}
    for split, folder in layout.classes:
        own = folder.parent if layout.class_first else folder
        name = unicodedata.normalize("NFC", display_path(own.name))
        if (split, name) in found:
            where = walk.relative(own.parent)
            inside = f" in {where}" * (where != ".")
            layout.problems.append(
                f"two folders{inside} are called {name!r} in different Unicode forms: merge them into one"
            )
        found.setdefault((split, name), folder)
    return [(split, name, folder) for (split, name), folder in found.items()]


def _check_layout(
    root: Path,
    classes: tuple[str, ...],
    folders: Sequence[tuple[str, str, Path]],
    walk: Walk,
    layout: Layout,
) -> None:
    """Record as a problem that there is only one class.

    Raises:
        BakeoffError: there are no classes, or another folder is probably meant.
    """
    if not classes:
        raise BakeoffError(
            f"{display_path(root)} has no sub-folders: expected one sub-folder of images per class"
            f"{advise_table(root, root.parent)}"
        )
    filled = [place for _, _, folder in folders if (place := walk.look(folder)).total]
    if not filled:
        kinds = f" ({format_reasons(count_reasons(walk.others))})" if walk.others else ""
        raise BakeoffError(
            f"{display_path(root)} has no images in its sub-folders{kinds}: expected one sub-folder per class"
        )
    if len(classes) == 1:
        expected = f"expected at least two class folders{advise_table(root, root.parent)}"
        layout.problems.append(f"there is only one class, {classes[0]!r}: {expected}")
    if len(filled) == 1 and not filled[0].images:
        raise BakeoffError(
            f"only {display_path(filled[0].name)} in {display_path(root)} has images, in sub-folders: give "
            f"folder:{display_path(filled[0].path)} if these are the classes, or add images to the other folders"
        )


def _find_problems(
    classes: tuple[str, ...], layout: Layout, files: Sequence[File], unknown: dict[str, list[str]]
) -> Iterator[str]:
    """Yield the reasons why a folder cannot be used; `unknown` has the classes, by split, that train lacks."""
    yield from layout.problems
    for split, names in unknown.items():
        alike = [known for known in classes for name in names if known.casefold() == name.casefold()]
        hint = f" (did you mean {alike[0]!r}?)" if alike else ""
        yield (
            f"class{'es' if len(names) > 1 else ''} {listing(list(map(repr, names)))} of the {split} folder "
            f"{'are' if len(names) > 1 else 'is'} not in the train folder{hint}: move or rename "
            f"{'them' if len(names) > 1 else 'it'}"
        )
    found = {file.split for file in files}
    for split in sorted({split for split, _ in layout.classes} - found - unknown.keys()):
        yield f"the {split} folder has no images: add some, or move the folder elsewhere"
