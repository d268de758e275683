"""Which columns of a table have the images' paths, labels, splits and groups."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bakeoff.data.source_name import SourceName
from bakeoff.data.split_names import role_of
from bakeoff.data.table import TextColumns
from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.text.formats import listing

NAMES: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "filepath", "imagepath", "imgpath", "filename", "file", "imagefile", "imagefilename", "fname"),
        *("image", "img", "imagename", "imgname", "picture", "photo", "imageid", "imgid", "idcode", "id", "name"),
    ),
    "label": (
        *("label", "labels", "class", "classname", "classlabel", "classid", "labelname", "labelid", "category"),
        *("categoryname", "categoryid", "target", "y", "breed", "species", "variety", "diagnosis", "dx", "disease"),
        *("genus", "finelabel", "coarselabel"),
    ),
    "split": ("split", "set", "subset", "partition", "dataset", "datasplit", "usage", "phase", "fold"),
    "group": (
        *("group", "groupid", "patient", "patientid", "subject", "subjectid", "lesionid", "individual", "individualid"),
        *("plant", "plantid", "video", "videoid", "track", "trackid", "clip", "clipid", "sequence", "sequenceid"),
        *("scene", "sceneid", "session", "sessionid"),
    ),
}
"""Role of a column → usual names in lower-case letters and digits, the surest first."""
ROW_NUMBERS = ("", "Unnamed: 0", "index")
"""Columns that pandas writes."""
SAMPLE = 200
"""How many values are looked up among the files to find the column with the paths."""
SEPARATORS = (r"\s*\|\s*", r"\s*;\s*", r"\s*,\s*", r"\s+")
"""What separates the labels of an image that has several."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns by role."""

    path: str
    label: str
    split: str | None = None
    group: str | None = None
    unused: str | None = None
    """A column that is called as if it had the splits, but has other values."""

    def __str__(self) -> str:
        parts = [f"files from column {self.path!r}", f"labels from {self.label!r}"]
        parts += [f"{role}s from {name!r}" for role in ("split", "group") if (name := getattr(self, role))]
        parts += [f"no splits from {self.unused!r}, whose values are none"] if self.unused else []
        return ", ".join(parts)


def choose_columns(table: TextColumns, source: SourceName, found: Callable[[Sequence[str]], float]) -> Columns:
    """Return the columns named by the options of `source`, or else the likely ones.

    `found` returns the share of values that name an image file.

    Raises:
        BakeoffError: there is no such column, several may have the labels, or none.
    """
    given = {role: source.options[role] for role in NAMES if role in source.options}
    for role, name in given.items():
        if name not in table.columns:
            raise BakeoffError(f"{source.path.name} has no column {name!r} for {role}: {hint(name, table.columns)}")
    path = given.get("path") or _path_column(table, source, set(given.values()), found)
    split = given.get("split") or _split_column(table, {path, *given.values()})
    if split:
        _check_splits(table.columns[split], split, source)
    taken = {path, *given.values(), *([split] if split else [])}
    label = given.get("label") or _label_column(table, source, taken)
    group = given.get("group") or next(iter(_named(table, "group", taken | {label})), None)
    others = () if split else _named(table, "split", taken | {label, group or ""})
    columns = Columns(path, label, split, group, next(iter(others), None))
    if "label" not in given:
        _refuse_multi_label(table.columns[label], label, source)
    return columns


def split_of(value: str) -> str | None:
    """Return the split that a value stands for; None if it is empty or stands for none."""
    return role_of(value)[0]


def usual_columns(columns: Iterable[str], usual: Sequence[str]) -> list[str]:
    """Return the columns with one of the `usual` names, in any spelling, in the order of these names."""
    names = {name: re.sub(r"[\W_]+", "", name).casefold() for name in columns}
    return sorted((name for name, plain in names.items() if plain in usual), key=lambda name: usual.index(names[name]))


def _named(table: TextColumns, role: str, taken: set[str]) -> list[str]:
    return usual_columns((name for name in table.columns if name not in taken), NAMES[role])


def _path_column(
    table: TextColumns, source: SourceName, taken: set[str], found: Callable[[Sequence[str]], float]
) -> str:
    """Return the column whose values name files, or else one with a usual name."""
    named = _named(table, "path", taken)
    others = [name for name in table.columns if name not in taken and name not in named]
    for name in named + others:
        values = list(dict.fromkeys(value for value in table.columns[name][:SAMPLE] if value))
        if values and found(values) >= 0.5:
            return name
    if not named:
        raise BakeoffError(
            f"{source.path.name} has the columns {listing(list(table.columns))}, and none names images in its folder: "
            f"name the column and the folder, e.g. {source.example(path='COLUMN', images='FOLDER')}, and make sure "
            "that the first line has the names of the columns"
        )
    return named[0]


def _label_column(table: TextColumns, source: SourceName, taken: set[str]) -> str:
    named = _named(table, "label", taken)
    groups = {*_named(table, "group", taken), *ROW_NUMBERS}
    rest = [name for name in table.columns if name not in taken and name not in groups]
    if not named and len(rest) == 1:
        return rest[0]
    if not named:
        one_hot = [name for name in rest if {_number(value) for value in table.columns[name]} <= {0.0, 1.0}]
        if len(one_hot) > 1:
            raise BakeoffError(
                f"{source.path.name} has one column of 0 and 1 per class ({listing(one_hot, 4)}): add a column with "
                "the name of the class, and leave out images with several"
            )
        raise BakeoffError(
            f"{source.path.name} has no column that is clearly the label among {listing(rest) if rest else 'others'}: "
            f"name it, e.g. {source.example(label=rest[0] if rest else 'COLUMN')}"
        )
    same = [name for name in named if _is_one_to_one(table.columns[named[0]], table.columns[name])]
    if len(same) < len(named):
        raise BakeoffError(
            f"{source.path.name} has several columns that may be the label, {listing(named)}: "
            f"choose one, e.g. {source.example(label=named[0])}"
        )
    # Of a number and a name for the same class, the name is easier to read.
    return next((name for name in same if any(_number(value) is None for value in table.columns[name])), same[0])


def _is_one_to_one(one: Sequence[str], other: Sequence[str]) -> bool:
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _split_column(table: TextColumns, taken: set[str]) -> str | None:
    """Return the column with a usual name in which every value is a split, or else one with a value "train"."""
    values = {name: set(filter(None, table.columns[name])) for name in _named(table, "split", taken)}
    for name, own in values.items():
        if own and all(map(split_of, own)):
            return name
    return next((name for name, own in values.items() if "train" in map(split_of, own)), None)


def _check_splits(values: Sequence[str], name: str, source: SourceName) -> None:
    wrong = sorted({value for value in values if value and not split_of(value)})
    if wrong:
        raise BakeoffError(
            f"column {name!r} of {source.path.name} has values that are not splits, {listing(list(map(repr, wrong)))}: "
            "write train, validation or test, or leave the column out"
        )


def _refuse_multi_label(values: Sequence[str], name: str, source: SourceName) -> None:
    """Refuse labels that are several in one: "scab rust", where scab and rust are labels, too.

    Raises:
        BakeoffError: there are such labels.
    """
    known = Counter(filter(None, values))
    for value in known:
        for separator in SEPARATORS:
            parts = re.split(separator, value)
            if len(set(parts)) > 1 and all(part in known for part in parts):
                raise BakeoffError(
                    f"column {name!r} of {source.path.name} has several labels for some images, such as {value!r}: "
                    "networks here learn one class per image, so leave these images out, or write "
                    f"{source.example(label=name)} to make every combination a class of its own"
                )
