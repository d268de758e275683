"""The headers of the image files in a folder: checksums, sizes, splits. Read once, then cached."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import PIL

from bakeoff.data import decode
from bakeoff.data.ambiguous import describe_problems
from bakeoff.data.dataset import Progress
from bakeoff.data.decode import Header
from bakeoff.data.file_names import display_path
from bakeoff.data.grouping import TEST_SHARES, divide, join_groups, number_groups, number_values
from bakeoff.data.local_folders import cache_folder, remember
from bakeoff.data.manifest import Manifest, manifest_of
from bakeoff.data.skipped import count_reasons, format_reasons
from bakeoff.data.split import cut_test
from bakeoff.data.tree import File, Tree
from bakeoff.errors import BakeoffError
from bakeoff.spec.values import digest

VERSION = 2
"""Version of the cached headers. Raise it when the same files would give different headers."""
TEST_FRACTION = 0.2
FILES_PER_TASK = 64
Result = TypeVar("Result")


@dataclass(frozen=True)
class Scan:
    """The image files of a folder with their headers."""

    tree: Tree
    files: tuple[File, ...]
    headers: tuple[Header, ...]
    skipped: tuple[tuple[str, str], ...]

    def content_hash(self) -> str:
        """Return the SHA-256 of class names, splits, labels, groups and file contents, in any order."""
        both = list(zip(self.files, self.headers, strict=True))
        if any(file.group for file in self.files):
            return digest([self.tree.classes, sorted((f.split, h.sha256, f.label, f.group) for f, h in both)])
        return digest([self.tree.classes, sorted((f.split, h.sha256, f.label) for f, h in both)])

    def groups(self, records: Sequence[int]) -> tuple[str, ...]:
        """Return the groups of some files; () if no file has one."""
        return tuple(self.files[i].group for i in records) if any(file.group for file in self.files) else ()

    def manifest(self) -> Manifest:
        """Return the manifest of the images."""
        both = zip(self.files, self.headers, strict=True)
        return manifest_of((file.split, self.tree.classes[file.label], header.sha256) for file, header in both)

    @property
    def has_test(self) -> bool:
        """Whether the folder has a test split of its own."""
        return any(file.split == "test" for file in self.tree.files)

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each file by its path."""
        return {display_path(file.path): h.sha256 for file, h in zip(self.files, self.headers, strict=True)}

    @property
    def name(self) -> str:
        """The data set's name, without the path."""
        return self.tree.name

    def names_hash(self) -> str:
        """Return the SHA-256 of the file names with their contents."""
        return digest(
            [[display_path(file.path) for file in self.files], [h.sha256 for h in self.headers], self.skipped]
        )

    def sizes(self) -> tuple[tuple[int, int, int], ...]:
        """Return (height, width, images), the most frequent first."""
        counts = Counter((header.height, header.width) for header in self.headers)
        return tuple((h, w, n) for (h, w), n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def scan_files(tree: Tree, progress: Progress | None = None) -> Scan:
    """Return the headers of the files in `tree`, from the cache if possible.

    Raises:
        BakeoffError: a class has fewer than two readable images.
    """
    kept = cache_folder() / "headers" / digest([VERSION, tree.fingerprint, PIL.__version__, decode.readable()])[:32]
    headers: list[Header | str] = []
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        headers = msgspec.json.decode(kept.read_bytes(), type=list[Header | str])
    if len(headers) != len(tree.files):
        headers = _read_headers(tree, progress)
        remember(kept, msgspec.json.encode(headers))
    files, good, failed = [], [], {}
    for file, header in zip(tree.files, headers, strict=True):
        if isinstance(header, Header):
            files.append(file)
            good.append(header)
        else:
            failed[file] = header
    check_classes(tree, files, failed)
    return Scan(
        tree, tuple(files), tuple(good), (*tree.skipped, *((display_path(f.path), why) for f, why in failed.items()))
    )


def _read_headers(tree: Tree, progress: Progress | None) -> list[Header | str]:
    paths = [file.path for file in tree.files]
    parts = (paths[i : i + FILES_PER_TASK] for i in range(0, len(paths), FILES_PER_TASK))
    tasks = [Task((tree.root, part), len(part)) for part in parts]
    return [
        header for own in in_processes(decode.read_headers, tasks, f"reading {tree.name}", progress) for header in own
    ]


def check_classes(tree: Tree, good: Sequence[File], failed: Mapping[File, str]) -> None:
    """Check that every class can be used.

    Raises:
        BakeoffError: a class or split cannot be used; the message lists all problems.
    """

    def example(files: Sequence[File]) -> str:
        """Return one unreadable file with its reason."""
        return next((f" ({display_path(file.path)}: {failed[file]})" for file in files if file in failed), "")

    root = tree.shown
    if not good and tree.files:
        raise BakeoffError(f"{root}: none of {len(tree.files):,} images can be read{example(tree.files)}")
    problems = list(tree.problems)
    for split in sorted({file.split for file in tree.files} - {file.split for file in good}):
        own = [file for file in tree.files if file.split == split]
        problems.append(f"no image of the {split} split can be read{example(own)}")
    counts = Counter(file.label for file in good if file.split == "train")
    train: dict[int, list[File]] = {}
    for file in tree.files:
        if file.split == "train":
            train.setdefault(file.label, []).append(file)
    for label, name in enumerate(tree.classes):
        own = train.get(label, [])
        if not own:
            others = [(path, reason) for path, reason in tree.others if name in Path(path).parts]
            kinds = f" ({format_reasons(count_reasons(others))})" if others else ""
            where = "class" if not tree.has_splits else "the train folder of class"
            problems.append(f"{where} {name!r} is empty{kinds}: add images or remove the folder")
        elif counts[label] < 2:
            found = f"found {counts[label]}{example(own)}"
            problems.append(f"class {name!r}: expected at least 2 readable training images, {found}")
    if problems:
        raise BakeoffError(describe_problems(root, problems))


def arrange(scan: Scan, good: Sequence[int]) -> dict[str, list[int]]:
    """Return the positions in `scan` of the images of every split, in packing order."""
    ordered = sorted(good, key=lambda i: (scan.headers[i].sha256, scan.files[i].label))
    splits: dict[str, list[int]] = {}
    for i in ordered:
        splits.setdefault(scan.files[i].split, []).append(i)
    if "test" not in splits:
        train = splits["train"]
        contents = [scan.headers[i].sha256 for i in train]
        labels = np.array([scan.files[i].label for i in train])
        if (groups := number_groups(scan.groups(train))) is not None:
            aside = (divide(labels, join_groups(groups, number_values(contents)), TEST_SHARES, 0) == 1).tolist()
        else:
            aside = cut_test(contents, labels, scan.tree.classes, TEST_FRACTION).tolist()
        splits["test"] = [i for i, chosen in zip(train, aside, strict=True) if chosen]
        splits["train"] = [i for i, chosen in zip(train, aside, strict=True) if not chosen]
    return splits


class Task(NamedTuple):
    """Some files for one process."""

    arguments: tuple
    files: int
    processes: int = 2**10
    """Maximum number of processes for tasks like this."""


def in_processes(
    work: Callable[..., Result], tasks: Sequence[Task], what: str, progress: Progress | None
) -> Iterator[Result]:
    """Yield work(*arguments) for every task in order, computed by one process per core.

    joblib's processes need no `if __name__ == "__main__"` in the user's script and tolerate threads in the parent.
    """
    import joblib

    done, total = 0, sum(task.files for task in tasks)
    for processes, group in groupby(tasks, key=lambda task: task.processes):
        own = list(group)
        workers = min(joblib.cpu_count(), len(own), processes) if len(own) > 2 else 1
        parallel = joblib.Parallel(
            workers, return_as="generator", **({"idle_worker_timeout": 5} if workers > 1 else {})
        )
        try:
            results = parallel(joblib.delayed(work)(*task.arguments) for task in own)
            for task, result in zip(own, results, strict=True):
                done += task.files
                if progress:
                    progress(what, done, total)
                yield result
        except BrokenProcessPool as error:
            raise BakeoffError(
                f"a process crashed while {what}: it ran out of memory, or an image crashes the decoder"
            ) from error
