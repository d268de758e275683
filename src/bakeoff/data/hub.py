"""Data sets of Hugging Face's `datasets`: `hf:ORG/NAME` from the hub, `hf:FOLDER` saved or downloaded before.

The encoded images are copied to the cache once, unchanged; from there on they are image files like those of a folder.
"""

import contextlib
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import msgspec

from bakeoff.data.columns import NAMES, usual_columns
from bakeoff.data.dataset import Progress
from bakeoff.data.file_names import display_path, natural_key
from bakeoff.data.local_folders import cache_folder
from bakeoff.data.pack import scratch
from bakeoff.data.source_name import SourceName, parse_source
from bakeoff.data.split_names import role_of
from bakeoff.data.tree import File, Tree
from bakeoff.errors import BakeoffError, install
from bakeoff.lookup import hint
from bakeoff.spec.paths import move_folder, replace_folder
from bakeoff.spec.values import Value, digest
from bakeoff.text.formats import byte_size, listing

OPTIONS = ("image", "label", "group", "config", "revision")
VERSION = 1
"""Version of the copies in the cache. Raise it when the same data set would give other files."""
SAVED = ("dataset_dict.json", "state.json")
"""Files of a folder written by `save_to_disk`."""
REPORT_EVERY = 100


class Copy(Value, frozen=True):
    """The images of a data set that were copied to the cache."""

    rows: tuple[tuple[str, str, str, str], ...]
    """(path, split, label, group)"""
    skipped: tuple[tuple[str, str], ...]
    reading: str


def list_hub(name: str, progress: Progress | None = None) -> Tree:
    """Return the images of the data set `name`, "hf:ORG/NAME?options" or "hf:FOLDER?options".

    The first call fetches it and copies its images to the cache. A data set from the hub stays as it was then.

    Raises:
        BakeoffError: it cannot be fetched or read, columns cannot be recognised, or the disk is full.
    """
    source = parse_hub_name(name)
    key = digest([VERSION, name, list(_states(source.path))])[:32]
    folder = cache_folder() / "hub" / key
    copy = _open_copy(folder)
    if copy is None:
        _copy(source, folder, progress)
        copy = _open_copy(folder)
    if copy is None:
        raise BakeoffError(f"{folder} cannot be read although it was just written: check the disk")
    classes = tuple(sorted({label for _, split, label, _ in copy.rows if split == "train"}, key=natural_key))
    numbers = {label: number for number, label in enumerate(classes)}
    unknown = sorted({label for _, _, label, _ in copy.rows} - set(classes), key=natural_key)
    problems = [f"labels {listing(list(map(repr, unknown)))} do not occur in the train split"] if unknown else []
    if len(classes) < 2:
        problems.append(f"all images have the same label, {''.join(classes)!r}: expected at least two classes")
    files = (File(path, split, numbers[label], group) for path, split, label, group in copy.rows if label in numbers)
    return Tree(
        root=folder,
        classes=classes,
        files=tuple(sorted(files, key=lambda file: file.path)),
        skipped=copy.skipped,
        others=(),
        problems=tuple(problems),
        has_splits=len({split for _, split, _, _ in copy.rows}) > 1,
        nesting=None,
        fingerprint=digest([key, copy.reading]),
        name=f"{source.kind}{display_path(source.path.name)}",
        shown=name,
        source=display_path(source.path.resolve()) if source.path.exists() else f"huggingface.co: {source.path}",
        reading=copy.reading,
    )


def parse_hub_name(name: str) -> SourceName:
    """Parse "hf:ORG/NAME?options".

    Raises:
        BakeoffError: as `parse_source`.
    """
    return parse_source(name, OPTIONS)


def _states(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield the state of every file at a path; nothing for the name of a data set on the hub."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path] * path.is_file():
        if file.is_file():
            state = file.stat()
            yield display_path(file.relative_to(path)), state.st_size, state.st_mtime_ns


def _open_copy(folder: Path) -> Copy | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder / "copy.json").read_bytes(), type=Copy)
    return None


def _copy(source: SourceName, folder: Path, progress: Progress | None) -> None:
    """Copy the images of all splits to `folder`."""
    splits, ignored = _by_role(_open(source))
    if "train" not in splits:
        raise BakeoffError(f"{source.path.name} has no train split: found {listing(list(splits) or ['nothing'])}")
    columns = choose_features(splits["train"].features, source)
    need = sum(split.data.nbytes for split in splits.values())
    with scratch() as temporary:
        free = shutil.disk_usage(temporary).free
        if need > free:
            raise BakeoffError(
                f"copying the images of {source.path.name} needs {byte_size(need)} in {temporary.parent}, where "
                f"{byte_size(free)} are free: free space, or set $BAKEOFF_CACHE to another folder"
            )
        rows: list[tuple[str, str, str, str]] = []
        skipped = [(split, f"a split that is not train, validation or test: {count}") for split, count in ignored]
        total = sum(map(len, splits.values()))
        for split, dataset in splits.items():
            (temporary / split).mkdir()
            for number, (image, label, group) in enumerate(_rows(dataset, columns)):
                path = f"{split}/{number:07}"
                content = encoded_image(image, source.path)
                if label is None or isinstance(content, str):
                    skipped.append((path, "no label" if label is None else str(content)))
                    continue
                (temporary / path).write_bytes(content)
                rows.append((path, split, label, group))
                if progress and len(rows) % REPORT_EVERY == 0:
                    progress(f"copying the images of {source.path.name} ({byte_size(need)})", len(rows), total)
        parts = [f"images from column {columns['image']!r}", f"labels from {columns['label']!r}"]
        parts += [f"groups from {columns['group']!r}"] if "group" in columns else []
        copy = Copy(tuple(rows), tuple(skipped), ", ".join(parts))
        (temporary / "copy.json").write_bytes(msgspec.json.encode(copy))
        place = replace_folder if folder.exists() and _open_copy(folder) is None else move_folder
        place(temporary, folder)


def _open(source: SourceName) -> dict[str, Any]:
    """Return the splits of a data set by their names.

    Raises:
        BakeoffError: `datasets` is missing, or the data set cannot be fetched or read.
    """
    name = source.path.as_posix()
    is_here = source.path.exists()
    if not is_here and not _is_reachable():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # otherwise it retries for half a minute
    try:
        import datasets
    except ImportError as error:
        package = install("'bakeoff[hf]'")
        raise BakeoffError(f"hf:{name} needs Hugging Face's datasets, version 4 or later: {package}") from error
    datasets.disable_progress_bars()
    options = {key: value for key in ("revision",) if (value := source.options.get(key))}
    try:
        if is_here and any((source.path / file).exists() for file in SAVED):
            found = datasets.load_from_disk(name)
        elif source.path.is_file():
            found = datasets.load_dataset("parquet", data_files=name)
        else:
            found = datasets.load_dataset(name, source.options.get("config"), **options)
    except Exception as error:  # the library raises many types
        reason = " ".join(str(error).split())[:300]
        if is_here:
            raise BakeoffError(
                f"{name} cannot be read as a data set of Hugging Face ({reason}): expected a folder written by "
                "save_to_disk, or one with Parquet files"
            ) from error
        raise BakeoffError(
            f"cannot get {name} from huggingface.co ({reason}): check the name and the connection, or save it where "
            f"there is one, datasets.load_dataset({name!r}).save_to_disk('FOLDER') in Python, and give hf:FOLDER here"
        ) from error
    return dict(found) if isinstance(found, dict) else {"train": found}


def _is_reachable() -> bool:
    """Return whether the hub's address can be resolved; behind a proxy, it need not be."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    host = urlparse(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname or ""
    with contextlib.suppress(OSError):
        return bool(socket.getaddrinfo(host, 443))
    return False


def _by_role(splits: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Return the splits by role, and (name, images) of others; a single split is for training."""
    if len(splits) == 1:
        return {"train": next(iter(splits.values()))}, []
    found: dict[str, Any] = {}
    ignored = []
    for name, split in splits.items():
        role = role_of(name)[0]
        if role and role not in found:
            found[role] = split
        else:
            ignored.append((name, len(split)))
    return found, ignored


def choose_features(features: dict[str, Any], source: SourceName) -> dict[str, str]:
    """Return the columns with images, labels and perhaps groups by role.

    Raises:
        BakeoffError: a column that was named is missing, none or several fit, or images have several labels.
    """
    given = {role: source.options[role] for role in ("image", "label", "group") if role in source.options}
    for role, name in given.items():
        if name not in features:
            raise BakeoffError(f"{source.path.name} has no column {name!r} for {role}: {hint(name, features)}")
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    rest = [name for name in features if name not in given.values()]
    images = [given["image"]] if "image" in given else [name for name in rest if kinds[name] == "Image"]
    labels = [name for name in rest if kinds[name] == "ClassLabel"] or usual_columns(rest, NAMES["label"])
    labels = [given["label"]] if "label" in given else labels
    for role, names in {"image": images, "label": labels}.items():
        if len(names) != 1:
            held = listing([f"{name} ({kind})" for name, kind in kinds.items()])
            raise BakeoffError(
                f"{source.path.name} has {'no' if not names else 'several'} columns that may be the {role} among "
                f"{held}: name it, e.g. {source.example(**{role: (names or ['COLUMN'])[0]})}"
            )
    if kinds[images[0]] != "Image":
        raise BakeoffError(f"column {images[0]!r} of {source.path.name} is {kinds[images[0]]}: expected images")
    if kinds[labels[0]] not in ("ClassLabel", "Value"):
        raise BakeoffError(
            f"column {labels[0]!r} of {source.path.name} has several labels per image: networks here learn one class "
            "per image, so name another column"
        )
    others = [name for name in rest if name not in labels]
    group = given.get("group") or next(iter(usual_columns(others, NAMES["group"])), "")
    return {"image": images[0], "label": labels[0], **({"group": group} if group else {})}


def _rows(dataset: Any, columns: dict[str, str]) -> Iterable[tuple[dict[str, Any] | None, str | None, str]]:
    """Yield (encoded image, label or None, group) of every row."""
    import datasets

    names = getattr(dataset.features[columns["label"]], "names", None)
    own = dataset.select_columns(list(columns.values())).cast_column(columns["image"], datasets.Image(decode=False))
    for row in own:
        value = row[columns["label"]]
        if names is not None:
            value = names[value] if value is not None and 0 <= value < len(names) else None
        group = row[columns["group"]] if "group" in columns else None
        yield row[columns["image"]], None if value in (None, "") else str(value), "" if group is None else str(group)


def encoded_image(image: dict[str, Any] | None, path: Path) -> bytes | str:
    """Return the bytes of an image file, or why there are none; reads only files in the data set's folder."""
    if image and image.get("bytes"):
        return bytes(image["bytes"])
    if not image or not image.get("path"):
        return "no image"
    import datasets

    file = Path(image["path"])
    allowed = (path, Path(datasets.config.HF_CACHE_HOME))
    if not any(file.resolve().is_relative_to(folder.resolve()) for folder in allowed):
        return "a path outside the data set"
    try:
        return file.read_bytes()
    except OSError as error:
        return error.strerror or str(error)
