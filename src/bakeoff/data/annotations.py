"""Labels of a split in a text file, as in Tiny-ImageNet: `val/images/` and `val/val_annotations.txt`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bakeoff.data.file_index import FileIndex, paths_of
from bakeoff.data.file_names import display_path
from bakeoff.errors import BakeoffError
from bakeoff.text.decoding import decoded


def find_annotations(folder: Path) -> Path | None:
    """Return the file `*annotations*.txt` of a split's folder, None if it has none."""
    return next((path for path in sorted(folder.glob("*annotations*.txt")) if path.is_file()), None)


def read_annotations(path: Path) -> list[tuple[str, str]]:
    """Return the (file name, label) of every line; further columns, such as bounding boxes, are ignored.

    Raises:
        BakeoffError: the file cannot be read, or a line has no label.
    """
    try:
        lines = decoded(path.read_bytes()).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BakeoffError(f"cannot read {display_path(path)}: {error}") from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.strip().partition("\t")
        label = rest.partition("\t")[0].strip()
        if name and not label:
            raise BakeoffError(f"{display_path(path)}, line {number}: expected a file name, a tab and a label")
        if name:
            pairs.append((name, label))
    return pairs


def match_annotations(pairs: Iterable[tuple[str, str]], paths: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, path, label) of every annotated image; the path is "" where it does not name exactly one file."""
    index = FileIndex(paths)
    names, labels = zip(*pairs, strict=True) if (pairs := list(pairs)) else ((), ())
    for name, parts, label in zip(names, paths_of(names), labels, strict=True):
        found = index.find(parts)
        yield name, found[0] if len(found) == 1 else "", label
