"""Image folders: `folder:PATH`, a user's own images, decoded once into a pack.

The images of a split are kept in the order of their files' SHA-256, which is as good as shuffled and does not
depend on names; so a folder that is renamed, copied or re-sorted gives the same numbers. Without a test folder a
fifth of every class is set aside: the files that come first by a second, seeded hash. Copies of a file stay on
one side.
"""

import contextlib
import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from bakeoff.data import decode
from bakeoff.data.dataset import Dataset, Progress
from bakeoff.data.decode import Header
from bakeoff.data.manifest import Manifest, manifest_of
from bakeoff.data.pack import Meta, Split, open_pack, pack_folder, scratch, write_pack
from bakeoff.data.places import cache_folder
from bakeoff.data.split import cut_test
from bakeoff.data.tree import File, Tree, count_reasons, list_images, shown, tell_reasons
from bakeoff.errors import BakeoffError
from bakeoff.spec import DataInfo, Image, ImageShape
from bakeoff.values import digest

TEST_FRACTION = 0.2
FILES_PER_TASK = 64
CHUNK = 4 * 2**20
"""Bytes of pixels copied at a time."""
Result = TypeVar("Result")


class SeveralSizes(BakeoffError):
    """The images have several sizes and nothing says how to bring them to one; `info` is what is known."""

    def __init__(self, message: str, info: DataInfo) -> None:
        super().__init__(message)
        self.info = info


@dataclass(frozen=True)
class Scan:
    """The image files of a folder with their headers."""

    tree: Tree
    files: tuple[File, ...]
    headers: tuple[Header, ...]
    skipped: tuple[tuple[str, str], ...]

    def content_hash(self) -> str:
        """Return the SHA-256 over class names, splits, labels and the files' bytes; no names, no order."""
        entries = sorted((f.split, h.sha256, f.label) for f, h in zip(self.files, self.headers, strict=True))
        return digest([self.tree.classes, entries])

    def manifest(self) -> Manifest:
        """Return which images there are."""
        both = zip(self.files, self.headers, strict=True)
        return manifest_of((file.split, self.tree.classes[file.label], header.sha256) for file, header in both)

    def names_hash(self) -> str:
        """Return the SHA-256 over which file has which content."""
        return digest([[shown(file.path) for file in self.files], [h.sha256 for h in self.headers], self.skipped])

    def sizes(self) -> tuple[tuple[int, int, int], ...]:
        """Return (height, width, images), the most frequent first."""
        counts = Counter((header.height, header.width) for header in self.headers)
        return tuple((h, w, n) for (h, w), n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def load_folder(path: Path, image: Image, progress: Progress | None = None) -> Dataset:
    """Return the images below `path`, brought to `image.size` by `image.fit`.

    Raises:
        BakeoffError: see `list_images`; or too few readable images, or several sizes and no `image.size`.
    """
    tree = list_images(path)
    known = cache_folder() / "folders" / digest([tree.fingerprint, image.size, image.fit])[:32]
    packed = None
    if not tree.problems:
        with contextlib.suppress(OSError):
            packed = open_pack(pack_folder(known.read_text()))
    if packed is None:
        scan = scan_files(tree, progress)
        key = "folder-" + digest([scan.content_hash(), scan.names_hash(), image.size, image.fit])[:32]
        packed = open_pack(pack_folder(key)) or pack(scan, image, pack_folder(key), progress)
        _remember(known, key)
    name, source = _name(path), shown(path.resolve())
    info = msgspec.structs.replace(packed.info, name=name)
    return replace(packed, info=info, source=source, skipped=(*packed.skipped, *tree.others))


def remember_content(content_hash: str, image: Image, pack: Path) -> None:
    """Note which pack has the images of a folder, or those that a graded version is made of."""
    if not (known := _by_content(content_hash, image)).exists():
        _remember(known, pack.name.rpartition("-")[0])


def open_content(content_hash: str, image: Image) -> Dataset | None:
    """Return the images that were packed once for this content, wherever the folder is now; None if there are none."""
    with contextlib.suppress(OSError):
        return open_pack(pack_folder(_by_content(content_hash, image).read_text()))
    return None


def _by_content(content_hash: str, image: Image) -> Path:
    return cache_folder() / "contents" / digest([content_hash, image.size, image.fit])[:32]


def folder_info(path: Path, image: Image, progress: Progress | None = None) -> DataInfo:
    """Return the facts about a folder; images of several sizes have no shape until `image.size` is given.

    Raises:
        BakeoffError: as `load_folder`, several sizes excepted.
    """
    try:
        return load_folder(path, image, progress).info
    except SeveralSizes as error:
        return error.info


def _name(path: Path) -> str:
    return f"folder:{shown(path.resolve().name)}"


def _remember(known: Path, key: str) -> None:
    """Note which pack a folder in this state has; a cache that cannot be written only costs time."""
    with contextlib.suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        temporary = known.with_name(f".{secrets.token_hex(8)}")
        temporary.write_text(key)
        temporary.replace(known)


def scan_files(tree: Tree, progress: Progress | None = None) -> Scan:
    """Return the headers of the files in `tree`.

    Raises:
        BakeoffError: a class has fewer than two readable images.
    """
    paths = [file.path for file in tree.files]
    tasks = [(tree.root, paths[i : i + FILES_PER_TASK]) for i in range(0, len(paths), FILES_PER_TASK)]
    parts = _run(decode.read_headers, tasks, f"reading {_name(tree.root)}", len(paths), progress)
    headers = [header for part in parts for header in part]
    files, good, failed = [], [], {}
    for file, header in zip(tree.files, headers, strict=True):
        if isinstance(header, Header):
            files.append(file)
            good.append(header)
        else:
            failed[file] = header
    _check_classes(tree, files, failed)
    return Scan(tree, tuple(files), tuple(good), (*tree.skipped, *((shown(f.path), why) for f, why in failed.items())))


def _check_classes(tree: Tree, good: Sequence[File], failed: Mapping[File, str]) -> None:
    """Say all that keeps a folder from being used, at once.

    Raises:
        BakeoffError: there is something.
    """

    def why(files: Sequence[File]) -> str:
        """Return an example of those that cannot be read."""
        return next((f" ({shown(file.path)}: {failed[file]})" for file in files if file in failed), "")

    root = shown(tree.root)
    if not good and tree.files:
        raise BakeoffError(f"{root} has no image that can be read, of {len(tree.files):,}{why(tree.files)}")
    problems = list(tree.problems)
    for split in sorted({file.split for file in tree.files} - {file.split for file in good}):
        own = [file for file in tree.files if file.split == split]
        problems.append(f"no image in the {split} folder can be read{why(own)}")
    counts = Counter(file.label for file in good if file.split == "train")
    train: dict[int, list[File]] = {}
    for file in tree.files:
        if file.split == "train":
            train.setdefault(file.label, []).append(file)
    for label, name in enumerate(tree.classes):
        own = train.get(label, [])
        if not own:
            beside = [(path, reason) for path, reason in tree.others if name in Path(path).parts]
            kinds = f" ({tell_reasons(count_reasons(beside))})" if beside else ""
            where = "train folder of class" if tree.has_splits else "class"
            problems.append(f"the {where} {name!r} is empty{kinds}: put images there or remove its folder")
        elif counts[label] < 2:
            problems.append(f"class {name!r} has {counts[label]} readable training images{why(own)}: 2 are needed")
    if problems:
        several = [f"({number}) {problem}" for number, problem in enumerate(problems, start=1)]
        raise BakeoffError(f"{root}: {problems[0] if len(problems) == 1 else '; '.join(several)}")


def pack(scan: Scan, image: Image, folder: Path, progress: Progress | None = None) -> Dataset:
    """Decode the files of `scan` into the pack `folder` and return the data set.

    Raises:
        BakeoffError: several sizes and no `image.size`, too few readable images, no room for the pack.
    """
    sizes = scan.sizes()
    if len(sizes) > 1 and image.size is None:
        raise _several_sizes(scan)
    size = image.size or sizes[0][:2]
    with scratch() as temporary:
        # Records lie in the order of the paths, which is how a disk likes to be read, until it is known which
        # files are good and whether any of them has colours.
        pixels = temporary / "pixels"
        failures, coloured = _decode(scan, size, image.fit, pixels, progress)
        skipped = scan.skipped + tuple((shown(scan.files[i].path), reason) for i, reason in failures)
        bad = {i for i, _ in failures}
        good = [i for i in range(len(scan.files)) if i not in bad]
        _check_classes(scan.tree, [scan.files[i] for i in good], {scan.files[i]: reason for i, reason in failures})
        channels = 3 if coloured else 1
        splits = {
            name: Split(
                _gather(pixels, (len(scan.files), 3, *size), records, channels),
                np.array([scan.files[i].label for i in records]),
                tuple(shown(scan.files[i].path) for i in records),
            )
            for name, records in _arrange(scan, good).items()
        }
        meta = Meta(
            info=_info(scan, {name: len(split.labels) for name, split in splits.items()}, ImageShape(channels, *size)),
            source="image folder",
            licence="unknown",
            citation="",
            skipped=skipped,
            sizes=sizes,
            manifest=scan.manifest(),
        )
        return write_pack(folder, meta, splits)


def _several_sizes(scan: Scan) -> SeveralSizes:
    sizes = scan.sizes()
    examples = ", ".join(f"{height}×{width} ({count})" for height, width, count in sizes[:3])
    counts = {name: len(records) for name, records in _arrange(scan, range(len(scan.files))).items()}
    return SeveralSizes(
        f"the images of {_name(scan.tree.root)} have {len(sizes)} sizes, {examples}{', …' if len(sizes) > 3 else ''}: "
        "say how large to make them, e.g. --size 64",
        _info(scan, counts, None),
    )


def _info(scan: Scan, counts: dict[str, int], shape: ImageShape | None) -> DataInfo:
    return DataInfo(
        name=_name(scan.tree.root),
        shape=shape,
        classes=scan.tree.classes,
        content_hash=scan.content_hash(),
        train_images=counts["train"],
        validation_images=counts.get("validation", 0),
        test_images=counts["test"],
        photographs=True,
    )


def _arrange(scan: Scan, good: Sequence[int]) -> dict[str, list[int]]:
    """Return the positions in `scan` of every split's images, in the order they are packed in."""
    ordered = sorted(good, key=lambda i: (scan.headers[i].sha256, scan.files[i].label))
    splits: dict[str, list[int]] = {}
    for i in ordered:
        splits.setdefault(scan.files[i].split, []).append(i)
    if "test" not in splits:
        train = splits["train"]
        contents = [scan.headers[i].sha256 for i in train]
        labels = np.array([scan.files[i].label for i in train])
        aside = cut_test(contents, labels, scan.tree.classes, TEST_FRACTION).tolist()
        splits["test"] = [i for i, chosen in zip(train, aside, strict=True) if chosen]
        splits["train"] = [i for i, chosen in zip(train, aside, strict=True) if not chosen]
    return splits


def _decode(
    scan: Scan, size: decode.Size, fit: decode.Fit, pixels: Path, progress: Progress | None
) -> tuple[list[tuple[int, str]], bool]:
    """Write every image of `scan` as a record (3, H, W) into the file `pixels`; return failures, any colours."""
    paths = [file.path for file in scan.files]
    with pixels.open("wb") as file:
        file.truncate(len(paths) * 3 * size[0] * size[1])
    tasks = [
        (pixels, i, scan.tree.root, paths[i : i + FILES_PER_TASK], size, fit)
        for i in range(0, len(paths), FILES_PER_TASK)
    ]
    failures, coloured = [], False
    for failed, any_colours in _run(
        decode.decode_into, tasks, f"packing {_name(scan.tree.root)}", len(paths), progress
    ):
        failures += failed
        coloured = coloured or any_colours
    return failures, coloured


def _gather(pixels: Path, shape: tuple[int, ...], records: list[int], channels: int) -> Iterator[np.ndarray]:
    """Yield the pixels of `records` in pieces; the file is mapped anew for each, so that memory stays small."""
    step = max(1, CHUNK // math.prod(shape[1:]))
    for i in range(0, len(records), step):
        mapped = np.memmap(pixels, np.uint8, "r", shape=shape)
        yield mapped[records[i : i + step], :channels]


def _run(
    work: Callable[..., Result], tasks: Sequence[tuple], what: str, total: int, progress: Progress | None
) -> Iterator[Result]:
    """Yield work(*task) for every task in order, computed by as many processes as there are cores.

    joblib's processes need no `if __name__ == "__main__"` in the user's script and survive threads in the parent.
    """
    import joblib

    workers = min(joblib.cpu_count(), len(tasks)) if len(tasks) > 2 else 1
    parallel = joblib.Parallel(workers, return_as="generator", **({"idle_worker_timeout": 5} if workers > 1 else {}))
    try:
        for i, result in enumerate(parallel(joblib.delayed(work)(*task) for task in tasks), 1):
            if progress:
                progress(what, min(i * FILES_PER_TASK, total), total)
            yield result
    except BrokenProcessPool as error:
        raise BakeoffError(
            f"a process died while {what}: it ran out of memory, or an image crashes the decoder"
        ) from error
