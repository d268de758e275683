"""Names of data sets in files: `csv:labels.csv?label=breed` is a file with an option."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint

FOLDER = "folder:"
CSV = "csv:"
NPZ = "npz:"
HUB = "hf:"
IMAGE_FILES = (FOLDER, CSV, HUB)
"""Kinds of data sets whose images are files: they are decoded, resized and packed."""
LOCAL_FILES = (FOLDER, CSV, NPZ, HUB)
"""Kinds of data sets that are, or may be, named by a path on this machine."""
NPZ_OPTIONS = ("images", "labels", "group", "photographs")
"""The options after "npz:FILE?"."""
KINDS = {".csv": CSV, ".tsv": CSV, ".parquet": CSV, ".npz": NPZ}
"""Extension of a file → the kind of data set it is."""
EXAMPLES = {FOLDER: "folder:my-photos", CSV: "csv:labels.csv", NPZ: "npz:images.npz", HUB: "hf:ORG/NAME"}


@dataclass(frozen=True)
class SourceName:
    """The parsed name of a data set in a file."""

    kind: str
    """Such as "csv:"."""
    path: Path
    options: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.kind}{self.path.as_posix()}{'?' if self.options else ''}{urlencode(self.options, safe='/:~')}"

    def example(self, **options: str) -> str:
        """Return this name with other options, to be shown in a message; only the last part of the path is kept."""
        return str(SourceName(self.kind, Path(self.path.name), {**self.options, **options}))


def kind_of_path(path: Path) -> str:
    """Return the kind of data set at a path, by its extension: "folder:" unless it has that of a table or archive."""
    return KINDS.get(path.suffix.lower(), FOLDER) if not path.is_dir() else FOLDER


def has_images(name: str) -> bool:
    """Return whether a text is the path of a folder, or of a file that may list images."""
    with suppress(OSError, ValueError):  # too long for a path, or not one
        path = Path(name)
        return bool(name) and path.exists() and (path.is_dir() or kind_of_path(path) != FOLDER)
    return False


def local_path(name: str) -> Path:
    """Return the path in the name of a data set, "folder:PATH" or "csv:FILE?options".

    Raises:
        BakeoffError: there is none, or it begins with a home folder that does not exist.
    """
    return _split(name)[1]


def public_name(name: str) -> str:
    """Return the name of a data set for others: the file or folder without its location on this machine.

    "folder:/home/me/photos" → "photos", "hf:ORG/NAME" → "ORG/NAME", "mnist" → "mnist".
    """
    if not name.startswith(LOCAL_FILES):
        return name
    kind, path, _ = _split(name)
    is_on_hub = kind == HUB and not path.is_absolute() and len(path.parts) <= 2 and not path.exists()
    return path.as_posix() if is_on_hub else path.resolve().name or kind.rstrip(":")


def portable_name(name: str) -> str:
    """Return the name of a data set without local folders, for files that are passed on.

    "folder:/home/me/photos~folds=5" → "folder:photos~folds=5"; "folder:my/photos" stays, like every relative path.
    """
    if not name.startswith(LOCAL_FILES):
        return name
    kind, _, rest = name.partition(":")
    path, mark, options = rest.partition("?")
    pairs = [option.partition("=") for option in options.split("&")]
    return f"{kind}:{_last(path)}{mark}{'&'.join(f'{key}{equals}{_last(value)}' for key, equals, value in pairs)}"


def _last(path: str) -> str:
    """Return the last part of an absolute path, as it is or quoted for a URL, and any other text as it is."""
    for separator in ("/", "%2F", "%2f"):
        if path.startswith((separator, "~")) and separator in path:
            return path.rstrip("/").rpartition(separator)[2] or "."
    return path


def _split(name: str) -> tuple[str, Path, str]:
    """Return kind, path and options as text."""
    kind, colon, text = name.partition(":")
    path, query = (text, "") if f"{kind}:" == FOLDER else text.partition("?")[::2]
    try:
        if query and Path(text).expanduser().exists():  # the file's own name has a question mark
            path, query = text, ""
        if not path:
            raise BakeoffError(f"{kind}: has no path: write for example {EXAMPLES[kind + colon]}")
        return kind + colon, Path(path).expanduser(), query
    except RuntimeError as error:
        raise BakeoffError(f"{name}: this user has no home directory here: give the full path") from error


def parse_source(name: str, known: Collection[str]) -> SourceName:
    """Parse the name of a data set: kind, path, and options as in a URL after "?".

    Args:
        name: such as "csv:labels.csv?label=breed".
        known: names of the options of this kind.

    Raises:
        BakeoffError: the path is missing, or there is no such option.
    """
    kind, path, query = _split(name)
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as error:
        raise BakeoffError(f"{name}: expected options after ?, e.g. {next(iter(known))}=NAME, joined by &") from error
    for option, value in options.items():
        if option not in known:
            raise BakeoffError(f"{name} has an unknown option {option!r}: {hint(option, known)}")
        if not value:
            raise BakeoffError(f"{name}: the option {option} is empty: write {option}=NAME or leave it out")
    return SourceName(kind, path, options)
