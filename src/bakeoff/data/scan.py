"""What the image files of a folder are by their headers: checksums, sizes, splits. Read once, then kept."""

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
from bakeoff.data.dataset import Progress
from bakeoff.data.decode import Header
from bakeoff.data.layout import tell_problems
from bakeoff.data.manifest import Manifest, manifest_of
from bakeoff.data.places import cache_folder, tag_cache_folder
from bakeoff.data.split import cut_test
from bakeoff.data.tree import File, Tree, count_reasons, shown, tell_reasons
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import write_whole
from bakeoff.spec.values import digest

VERSION = 2
"""Of what is kept of headers. It goes up when the same files would give others."""
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
        """Return the SHA-256 over class names, splits, labels and the files' bytes; no names, no order."""
        entries = sorted((f.split, h.sha256, f.label) for f, h in zip(self.files, self.headers, strict=True))
        return digest([self.tree.classes, entries])

    def manifest(self) -> Manifest:
        """Return which images there are."""
        both = zip(self.files, self.headers, strict=True)
        return manifest_of((file.split, self.tree.classes[file.label], header.sha256) for file, header in both)

    @property
    def name(self) -> str:
        """The data set's name, without the path."""
        return name_of(self.tree.root)

    def names_hash(self) -> str:
        """Return the SHA-256 over which file has which content."""
        return digest([[shown(file.path) for file in self.files], [h.sha256 for h in self.headers], self.skipped])

    def sizes(self) -> tuple[tuple[int, int, int], ...]:
        """Return (height, width, images), the most frequent first."""
        counts = Counter((header.height, header.width) for header in self.headers)
        return tuple((h, w, n) for (h, w), n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def name_of(path: Path) -> str:
    """Return what the data set in a folder is called."""
    return f"folder:{shown(path.resolve().name)}"


def scan_files(tree: Tree, progress: Progress | None = None) -> Scan:
    """Return the headers of the files in `tree`, from the cache if they were read before.

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
    return Scan(tree, tuple(files), tuple(good), (*tree.skipped, *((shown(f.path), why) for f, why in failed.items())))


def _read_headers(tree: Tree, progress: Progress | None) -> list[Header | str]:
    paths = [file.path for file in tree.files]
    parts = (paths[i : i + FILES_PER_TASK] for i in range(0, len(paths), FILES_PER_TASK))
    tasks = [Task((tree.root, part), len(part)) for part in parts]
    return [
        header for own in run(decode.read_headers, tasks, f"reading {name_of(tree.root)}", progress) for header in own
    ]


def remember(path: Path, content: bytes) -> None:
    """Write a file into the cache as a whole; a cache that cannot be written only costs time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        tag_cache_folder()
        write_whole(path, content)


def check_classes(tree: Tree, good: Sequence[File], failed: Mapping[File, str]) -> None:
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
            where = "class" if not tree.has_splits else "the train folder of class"
            problems.append(f"{where} {name!r} is empty{kinds}: put images there or remove its folder")
        elif counts[label] < 2:
            problems.append(f"class {name!r} needs 2 readable training images and has {counts[label]}{why(own)}")
    if problems:
        raise BakeoffError(tell_problems(root, problems))


def arrange(scan: Scan, good: Sequence[int]) -> dict[str, list[int]]:
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


class Task(NamedTuple):
    """Some files for one process."""

    arguments: tuple
    files: int
    processes: int = 2**10
    """At most so many work on tasks of this kind at a time."""


def run(work: Callable[..., Result], tasks: Sequence[Task], what: str, progress: Progress | None) -> Iterator[Result]:
    """Yield work(*arguments) for every task in order, computed by as many processes as there are cores.

    joblib's processes need no `if __name__ == "__main__"` in the user's script and survive threads in the parent.
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
                f"a process died while {what}: it ran out of memory, or an image crashes the decoder"
            ) from error
